"""Where the devices of an extension are now: what calls and messages for it are sent to."""

from typing import NamedTuple

from pbx.plan import Plan
from sip.flow import Flow
from sip.registration import Registrar


class Device(NamedTuple):
    uri: str
    flow: Flow
    routes: tuple[tuple[str, str], ...] = ()  # Headers, when proxies are on the way (RFC 3327).


def devices_of(plan: Plan, registrar: Registrar, extension: str) -> list[Device]:
    """Those that can be reached, the preferred ones first; none if there is no such extension."""
    known = plan.extensions.get(extension)
    if known is None:
        return []
    if known.contact:
        if known.flow is None or registrar.is_away(extension):
            return []
        return [Device(known.contact, known.flow)]
    return [Device(b.contact, b.flow, tuple(b.routes)) for b in registrar.bindings(extension)]


def count_of(plan: Plan, registrar: Registrar, extension: str) -> int:
    """How many devices it has now. A fixed contact is one while nobody knows better."""
    known = plan.extensions.get(extension)
    if known is not None and known.contact:
        return 0 if registrar.is_away(extension) else 1
    return len(registrar.bindings(extension))
