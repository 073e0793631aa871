"""The events of trunks in the words of the log."""

from collections.abc import Mapping
from typing import assert_never

from pbx.events import OutsideEnded, OutsideRefused, TollAlarm, TrunkChanged

TrunkEvent = TrunkChanged | OutsideEnded | OutsideRefused | TollAlarm


def is_warning(event: TrunkEvent) -> bool:
    return isinstance(event, TollAlarm) or (isinstance(event, TrunkChanged) and not event.up)


def describe(event: TrunkEvent) -> tuple[str, Mapping[str, object]]:
    match event:
        case TrunkChanged():
            fields = {"trunk": event.trunk, "server": event.server, "why": event.why}
            return f"trunk {event.what} {'up' if event.up else 'down'}", fields
        case OutsideEnded():
            return "outside call", {
                "call": event.call,
                "extension": event.extension,
                "trunk": event.trunk,
                "number": event.number,
                "kind": event.call_class,
                "seconds": round(event.seconds, 3),
                "money": round(event.money, 4),
            }
        case OutsideRefused():
            return "outside call refused", {
                "call": event.call,
                "extension": event.extension,
                "number": event.number,
                "why": event.why,
            }
        case TollAlarm():
            return "toll alarm", {"extension": event.extension, "why": event.why}
        case _:
            assert_never(event)
