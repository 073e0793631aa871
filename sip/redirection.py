"""Where a 3xx sends us: RFC 3261 §8.1.3.4."""

from typing import Final

from sip.errors import ParseError
from sip.headers import NameAddr, split_commas
from sip.message import Response

TARGETS_MAX: Final = 10  # Contacts that we would try.


def redirect_targets(response: Response) -> list[NameAddr]:
    """The contacts of a 3xx (or 485), the most wanted first; what cannot be read is left out."""
    targets: list[NameAddr] = []
    for line in response.get_all("Contact"):
        try:
            targets += [NameAddr.parse(value) for value in split_commas(line) if value != "*"]
        except ParseError:
            continue
    callable_ = [target for target in targets if target.uri.is_sip or target.uri.scheme == "tel"]
    return sorted(callable_, key=lambda target: -quality(target))[:TARGETS_MAX]


def quality(target: NameAddr) -> float:
    """Its q value; 1 where there is none that can be read (§20.10)."""
    value = target.param("q")
    try:
        return min(max(float(value or "1"), 0.0), 1.0)
    except ValueError:
        return 1.0
