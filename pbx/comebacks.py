"""Phones that come back on another flow: their calls go on there.

A browser loses its WebSocket for some seconds, a phone behind NAT gets another port. The sound
flows on, but a BYE of ours would go to nobody. When the device registers again (the same
instance, else the same contact), requests within its calls follow its binding (RFC 5626 §5.3).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sip.endpoint import Endpoint
from sip.registration import Binding, BindingChange, BindingKind, Registrar

if TYPE_CHECKING:
    from sip.flow import Flow

GONE_MAX: Final = 8_192  # Devices; more than can be in a call at a time.


class Comebacks:
    def __init__(self, endpoint: Endpoint, registrar: Registrar) -> None:
        self._endpoint = endpoint
        self._registrar = registrar
        self._gone: dict[tuple[str, str], Flow] = {}  # Address of record and device.

    def on_closed(self, changes: Sequence[BindingChange]) -> None:
        """A connection has ended, and these bindings with it."""
        for change in changes:
            device = _device(change.binding)
            _ = self._gone.pop(device, None)  # The newest last.
            if len(self._gone) >= GONE_MAX:
                del self._gone[next(iter(self._gone))]
            self._gone[device] = change.binding.flow

    def on_registered(self, changes: Sequence[BindingChange]) -> None:
        for change in changes:
            if change.kind not in (BindingKind.ADDED, BindingKind.REFRESHED):
                continue
            gone = self._gone.pop(_device(change.binding), None) if self._gone else None
            for old in (gone, change.moved_from):
                # A proxy's flow is of several: who else is on it has not moved.
                if old is not None and not self._registrar.uses(old):
                    _ = self._endpoint.reroute(old, change.binding.flow)


def _device(binding: Binding) -> tuple[str, str]:
    return binding.aor, binding.instance or binding.contact
