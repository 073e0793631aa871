"""The settings of mailboxes: what they become, and what is wrong with them, with its place."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from pbx.calls.causes import Cause
from pbx.config import Config, ConfigErrors
from pbx.config.document import parse
from pbx.config.load import validate
from pbx.config.mail import MailSettings
from pbx.config.voicemail import MailboxSettings, UsualSettings, VoicemailSettings
from pbx.flow.mailbox import MailboxBlock
from pbx.forwarding import FREE, with_mailbox
from pbx.plan import Destination
from pbx.voicemail.letters import FIELDS
from pbx.voicemail.pins import TRIES
from pbx.voicemail.plan import BoxPlan
from pbx.voicemail.planning import voicemail_plan
from pbx.voicemail.service import mail_server
from tests.data import ROOT

PEOPLE = "extensions: {101: Olena, 102: Petro, 901: Anna}\nagents: {901: }\n"
DOCS = (ROOT / "docs/voicemail.md").read_text()


def config_of(text: str) -> Config:
    return validate(parse(PEOPLE + text, "pbx.yaml"))


def fault(text: str) -> str:
    with pytest.raises(ConfigErrors) as raised:
        _ = config_of(text)
    (error,) = raised.value.errors
    return str(error).removeprefix("pbx.yaml:")


def test_what_a_mailbox_has_goes_before_what_all_have() -> None:
    config = config_of(
        "voicemail:\n  max_message: 1m\n  keep: 7d\n  operator: extension:901\n"
        "  mailboxes: {101: {pin: '4071', keep: 1d, answers: [busy]}, sales: {pin: '5082'}}\n"
    )
    plan = voicemail_plan(config)
    operator = Destination("extension", "901")
    usual = BoxPlan("", "en", operator=operator, seconds_max=60.0)
    olena = replace(usual, id="101", pin="4071", answers=frozenset({"busy"}))
    sales = replace(usual, id="sales", pin="5082", keep_seconds=7 * 86_400.0)
    assert plan.boxes == {"101": replace(olena, keep_seconds=86_400.0), "sales": sales}
    assert plan.root == str(Path("var/voicemail").absolute())
    assert "4071" not in repr(plan)


def test_everybody() -> None:
    plan = voicemail_plan(config_of("voicemail: {everybody: true}\n"))
    assert list(plan.boxes) == ["101", "102", "901"]
    assert voicemail_plan(config_of("")).boxes == {}


def test_the_language_of_the_extension() -> None:
    text = PEOPLE.replace("101: Olena", "101: {name: Olena, language: uk}")
    config = validate(parse(f"{text}voicemail: {{everybody: true}}\n", "pbx.yaml"))
    assert [box.language for box in voicemail_plan(config).boxes.values()] == ["uk", "en", "en"]


def test_a_forward_goes_first() -> None:
    box = Destination("voicemail", "102")
    found = with_mailbox(FREE, "102", frozenset({"busy", "no_answer"}))
    assert (found.busy, found.no_answer, found.unreachable) == (box, box, None)
    other = Destination("extension", "101")
    assert with_mailbox(found.__class__(busy=other), "102", frozenset({"busy"})).busy == other
    assert found.onward(Cause.REJECTED) is not None


def test_the_mail_server() -> None:
    config = config_of("mail: {server: smtp.example.com, from: pbx@example.com}\n")
    server = mail_server(config)
    assert server is not None
    assert (server.host, server.port, server.security) == ("smtp.example.com", 587, "starttls")
    assert mail_server(config_of("")) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "numbers: {700: voicemail:sale}\nvoicemail: {mailboxes: {sales: {pin: '4071'}}}\n",
            '3:16: numbers.700.to: there is no mailbox "sale" (did you mean "sales"?)',
        ),
        (
            "voicemail: {mailboxes: {101: {greeting: welcom}}}\n",
            '3:41: voicemail.mailboxes.101.greeting: there is no sound "welcom"'
            ' (did you mean "welcome"?)',
        ),
        (
            "voicemail: {mailboxes: {101: {pin: '1234'}}}\n",
            "3:36: voicemail.mailboxes.101.pin: this PIN is too easy: it needs 4 digits that"
            " nobody would try first",
        ),
        (
            "voicemail: {mailboxes: {101: {pin: abc}}}\n",
            '3:36: voicemail.mailboxes.101.pin: expected at most 16 digits, found "abc"'
            " (in quotes, if it begins with a zero)",
        ),
        (
            "voicemail: {mailboxes: {10: {}}}\n",
            "3:25: voicemail.mailboxes.10: nobody could ever hear its messages: it belongs to no"
            ' extension, so it needs a pin (did you mean "102"?)',
        ),
        (
            "voicemail: {max_message: 2s, mailboxes: {101: }}\n",
            "3:42: voicemail.mailboxes.101.min_message: min_message is not shorter than"
            " max_message",
        ),
        (
            "voicemail: {operator: voicemail:101, mailboxes: {101: }}\n",
            "3:23: voicemail.operator: expected somebody who answers, not another mailbox",
        ),
        (
            "voicemail: {mailboxes: {101: o@example.com}}\n",
            "3:30: voicemail.mailboxes.101.email: no e-mail can be sent: `mail` names no server",
        ),
        (
            "voicemail: {mailboxes: {101: {email: 'a@b\\n'}}}\n",
            "3:38: voicemail.mailboxes.101.email: expected an e-mail address such as"
            ' olena@example.com, found "a@b\\n"',
        ),
        (
            "voicemail: {subject: 'from {calller}'}\n",
            "3:22: voicemail.subject: expected nothing in braces but {caller}, {name}, {mailbox},"
            ' {owner}, {date}, {time}, {length}, {company}, found "from {calller}"',
        ),
        (
            "mail: {server: smtp.example.com}\n",
            "3:8: mail.server: e-mails need a sender: `from`",
        ),
        (
            "mail: {server: a.b, from: p@a.b, security: none, username: u, password: long-one}\n",
            "3:44: mail.security: the password would go over the network in the clear",
        ),
        (
            "voicemail: {mailboxes: {101: {delete_after_email: true}}}\n",
            "3:31: voicemail.mailboxes.101.delete_after_email: this mailbox sends no e-mail",
        ),
    ],
)
def test_faults_have_places(text: str, told: str) -> None:
    assert fault(text) == told


# --- docs/voicemail.md --------------------------------------------------------------------------


def test_the_example_has_no_faults() -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", DOCS, re.DOTALL | re.MULTILINE)
    assert config_of(example.replace("!secret smtp_password", "something-long")).voicemail.mailboxes


def test_every_setting_is_told_of() -> None:
    told = set(re.findall(r"`\{?([a-z_]+)", DOCS))
    models = (UsualSettings, MailboxSettings, VoicemailSettings, MailSettings)
    names = {field.alias or name for m in models for name, field in m.model_fields.items()}
    assert names - told == set()
    assert set(FIELDS) <= told


def test_defaults_are_as_told() -> None:
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| ([^|]*?) \|", DOCS, re.MULTILINE))
    usual = UsualSettings()
    for name in ("max_message", "min_message", "silence", "keep"):
        assert rows[name] == f"{getattr(usual, name):g}s"
    assert rows["max_messages"] == str(usual.max_messages)
    assert rows["answers"] == ", ".join(usual.answers)
    assert (rows["attach"], TRIES) == (usual.attach, 3)


def test_keys_are_as_told() -> None:
    """Those of a message: each that does something is in the table."""
    rows = re.findall(r"^\| ((?:`[0-9*#]`(?:, )?)+) \|", DOCS, re.MULTILINE)
    told = {key for row in rows for key in re.findall(r"`(.)`", row)}
    assert set(MailboxBlock._OF_MESSAGE) <= told
