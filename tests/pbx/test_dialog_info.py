"""The documents that lamps read, to the letter; and whatever names people have, they are XML."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.dialog_info import (
    DIALOGS_MAX,
    DialogInfo,
    DialogState,
    changes,
    dialog_info,
    presence,
    uri_of,
)
from pbx.message_summary import Counts, message_summary
from sip.uri import Uri

NS = {
    "d": "urn:ietf:params:xml:ns:dialog-info",
    "p": "urn:ietf:params:xml:ns:pidf",
}
EARLY, CONFIRMED = DialogState.EARLY, DialogState.CONFIRMED
TERMINATED = DialogState.TERMINATED


def test_a_full_document() -> None:
    dialog = DialogInfo("c1.2", EARLY, False, "call@h", "theirs", "ours", "101", 'Olena "O" <x>')
    assert dialog_info("901", "pbx.example", 0, (dialog,), full=True).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full"'
        ' entity="sip:901@pbx.example">\n'
        '<dialog id="c1.2" call-id="call@h" local-tag="theirs" remote-tag="ours"'
        ' direction="recipient"><state>early</state>'
        "<local><identity>sip:901@pbx.example</identity>"
        '<target uri="sip:901@pbx.example"/></local>'
        '<remote><identity display="Olena &quot;O&quot; &lt;x&gt;">sip:101@pbx.example</identity>'
        '<target uri="sip:101@pbx.example"/></remote></dialog>\n'
        "</dialog-info>\n"
    )


def test_a_partial_document_without_what_is_not_known() -> None:
    dialog = DialogInfo("q", CONFIRMED, True)
    assert dialog_info("sales", "h", 7, (dialog,), full=False).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="7" state="partial"'
        ' entity="sip:sales@h">\n'
        '<dialog id="q" direction="initiator"><state>confirmed</state>'
        '<local><identity>sip:sales@h</identity><target uri="sip:sales@h"/></local></dialog>\n'
        "</dialog-info>\n"
    )


def test_changes() -> None:
    a, b, c = (DialogInfo(id_, EARLY) for id_ in "abc")
    answered = DialogInfo("b", CONFIRMED)
    assert changes((), (a, b)) == (a, b)
    assert changes((a, b), (answered, c)) == (DialogInfo("a", TERMINATED), answered, c)
    assert changes((a,), (a,)) == ()


@pytest.mark.parametrize(
    ("dialogs", "there", "basic", "words"),
    [
        ((), True, "open", None),
        ((), False, "closed", "Not available"),
        ((DialogInfo("a", EARLY),), True, "open", "Ringing"),
        ((DialogInfo("a", EARLY), DialogInfo("b", CONFIRMED)), True, "open", "On the phone"),
    ],
)
def test_presence(
    dialogs: tuple[DialogInfo, ...], there: bool, basic: str, words: str | None
) -> None:
    root = ET.fromstring(presence("101", "h", dialogs, there=there))
    assert root.get("entity") == "sip:101@h"
    assert root.findtext("p:tuple/p:status/p:basic", None, NS) == basic
    assert root.findtext("p:tuple/p:note", None, NS) == words


def test_summary() -> None:
    assert message_summary("sip:101@h", Counts(3, 10**12)) == (
        b"Messages-Waiting: yes\r\nMessage-Account: sip:101@h\r\n"
        b"Voice-Message: 3/4294967295 (0/0)\r\n"
    )
    assert message_summary("sip:101@h", Counts(-1, 0)).startswith(b"Messages-Waiting: no\r\n")


TEXT = st.text(st.characters(codec=None), max_size=200)
DIALOG = st.builds(
    DialogInfo,
    id=TEXT,
    state=st.sampled_from(DialogState),
    initiator=st.booleans(),
    call_id=TEXT,
    local_tag=TEXT,
    remote_tag=TEXT,
    remote=TEXT,
    remote_name=TEXT,
)


@given(TEXT, st.lists(DIALOG, max_size=3), st.booleans())
def test_any_name_makes_a_document(entity: str, dialogs: list[DialogInfo], full: bool) -> None:
    root = ET.fromstring(dialog_info(entity, "h", 1, tuple(dialogs), full=full))
    found = root.findall("d:dialog", NS)
    assert len(found) == len(dialogs)
    for element, dialog in zip(found, dialogs, strict=True):
        assert element.findtext("d:state", None, NS) == dialog.state.value
        assert {child.tag.partition("}")[2] for child in element} <= {"state", "local", "remote"}
        assert set(element.get("call-id", "")).isdisjoint("\r\n\t\x7f\x85")
    _ = ET.fromstring(presence(entity, "h", tuple(dialogs), there=full))


@given(TEXT)
def test_any_name_makes_a_uri_of_one_word(user: str) -> None:
    text = uri_of(user, "h").replace("&amp;", "&").replace("&apos;", "'")
    if user:
        assert Uri.parse(text).host == "h"
    assert not set(text) & set(' <>"\r\n\t')
    assert message_summary(text, Counts()).count(b"\r\n") == 3


def test_a_document_is_bounded() -> None:
    many = tuple(DialogInfo(str(n), EARLY, remote="9" * 9999) for n in range(999))
    body = dialog_info("e" * 9999, "h", 1, many, full=True)
    assert body.count(b"<dialog ") == DIALOGS_MAX
    assert len(body) < 40_000
