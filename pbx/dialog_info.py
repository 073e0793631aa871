"""What busy lamps read: `application/dialog-info+xml` (RFC 4235) for `dialog`, and PIDF (RFC 3863)
for those phones that know `presence` only.

Names and numbers come from strangers: everything is escaped, and what XML cannot hold is left out.
"""

import re
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final
from xml.sax.saxutils import escape

from sip.text import printable

DIALOG_INFO: Final = "application/dialog-info+xml"
PIDF: Final = "application/pidf+xml"

DIALOGS_MAX: Final = 20  # In one document: nobody has so many calls, and no lamp so many colours.
TEXT_MAX: Final = 128

# XML 1.0 §2.2, beyond what `printable` takes out; and what is no URI (RFC 3261 §25.1).
_NOT_XML: Final = re.compile("[\ufffe\uffff]")
_NOT_URI: Final = re.compile(r"[^-0-9A-Za-z_.!~*'()&=+$,;?/%#]")
_QUOTES: Final = {'"': "&quot;", "'": "&apos;"}


class DialogState(Enum):
    """RFC 4235 §3.7.1. Lamps blink at EARLY, so only who is rung is early here."""

    PROCEEDING = "proceeding"
    EARLY = "early"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class DialogInfo:
    """One call of the one who is watched. The tags are from his side of the dialog (§4.1.2)."""

    id: str
    state: DialogState
    initiator: bool = False
    call_id: str = ""
    local_tag: str = ""
    remote_tag: str = ""
    remote: str = ""  # The number of the other side.
    remote_name: str = ""


def dialog_info(
    entity: str, host: str, version: int, dialogs: tuple[DialogInfo, ...], *, full: bool
) -> bytes:
    """§4.1. `entity` is whose state it is, a user part; `host` that of the URI as it was watched.

    A partial document holds only the dialogs that have changed.
    """
    state = "full" if full else "partial"
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info"'
        f' version="{version}" state="{state}" entity="{uri_of(entity, host)}">\n',
        *[_dialog(dialog, entity, host) for dialog in dialogs[:DIALOGS_MAX]],
        "</dialog-info>\n",
    ]
    return "".join(parts).encode()


def changes(
    before: tuple[DialogInfo, ...], after: tuple[DialogInfo, ...]
) -> tuple[DialogInfo, ...]:
    """What leads from one state to the other: who has gone is told once, as terminated."""
    there = {dialog.id for dialog in after}
    gone = [
        replace(dialog, state=DialogState.TERMINATED) for dialog in before if dialog.id not in there
    ]
    return (*gone, *(dialog for dialog in after if dialog not in before))


def presence(entity: str, host: str, dialogs: tuple[DialogInfo, ...], *, there: bool) -> bytes:
    """RFC 3863: open while he can be called, with words for what he does (RFC 4480 §3.2)."""
    states = {dialog.state for dialog in dialogs}
    activity, words = "", "" if there else "Not available"
    if DialogState.CONFIRMED in states or DialogState.PROCEEDING in states:
        activity, words = "on-the-phone", "On the phone"
    elif DialogState.EARLY in states:
        activity, words = "busy", "Ringing"
    note = f"<note>{words}</note>" if words else ""
    person = (
        f'<dm:person id="p"><rpid:activities><rpid:{activity}/></rpid:activities></dm:person>\n'
        if activity
        else ""
    )
    uri = uri_of(entity, host)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<presence xmlns="urn:ietf:params:xml:ns:pidf"'
        ' xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"'
        f' xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="{uri}">\n'
        f'<tuple id="t"><status><basic>{"open" if there else "closed"}</basic></status>'
        f"<contact>{uri}</contact>{note}</tuple>\n"
        f"{person}</presence>\n"
    ).encode()


def uri_of(user: str, host: str) -> str:
    """As an attribute or content of XML; never more than a plain SIP URI."""
    return _xml(f"sip:{_NOT_URI.sub(_percent, user[:TEXT_MAX])}@{host}")


def _dialog(dialog: DialogInfo, entity: str, host: str) -> str:
    direction = "initiator" if dialog.initiator else "recipient"
    tags = "".join(
        f' {name}="{_xml(value)}"'
        for name, value in (
            ("call-id", dialog.call_id),
            ("local-tag", dialog.local_tag),
            ("remote-tag", dialog.remote_tag),
        )
        if value
    )
    remote = _party("remote", dialog.remote, host, dialog.remote_name) if dialog.remote else ""
    return (
        f'<dialog id="{_xml(dialog.id)}"{tags} direction="{direction}">'
        f"<state>{dialog.state.value}</state>"
        f"{_party('local', entity, host, '')}{remote}</dialog>\n"
    )


def _party(side: str, user: str, host: str, name: str) -> str:
    uri = uri_of(user, host)
    display = f' display="{_xml(name[:TEXT_MAX])}"' if name else ""
    return f'<{side}><identity{display}>{uri}</identity><target uri="{uri}"/></{side}>'


def _xml(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", printable(text)), _QUOTES)


def _percent(char: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in char[0].encode("utf-8", "replace"))
