"""Which SIP dialogs a call had, so that its messages are found again when somebody asks."""

from typing import Final

CALLS_MAX: Final = 2_000  # More than the trace has messages of.
IDS_MAX: Final = 20_000  # Of all of them: a call to 500 agents has 501.


class CallIds:
    """Call → Call-IDs of its legs. Forgets the oldest calls."""

    def __init__(self) -> None:
        self._by_call: dict[str, list[str]] = {}
        self._count = 0

    def note(self, call: str, call_id: str) -> None:
        ids = self._by_call.get(call)
        if ids is None:
            ids = self._by_call[call] = []
        if call_id and call_id not in ids[-1:]:
            ids.append(call_id)
            self._count += 1
        while self._count > IDS_MAX or len(self._by_call) > CALLS_MAX:
            self._count -= len(self._by_call.pop(next(iter(self._by_call))))

    def of(self, call: str) -> list[str] | None:
        """None: we never had this call, or have forgotten it."""
        ids = self._by_call.get(call)
        return None if ids is None else list(ids)
