"""Conferences and supervision: what is read from a file, and what is wrong with it."""

import re

import pytest

from pbx.config import Config, find_sounds
from pbx.config.call_keys import CallKeysSettings
from pbx.config.check import check
from pbx.config.document import parse
from pbx.config.load import validate
from pbx.config.rooms import (
    ConferenceSettings,
    SupervisionKeys,
    SupervisionSettings,
    SupervisorSettings,
)
from pbx.config.rooms_plan import rooms_plan
from pbx.flow.conference import KEYS, TRIES
from pbx.room_plan import Announce, Mode
from tests.data import ROOT

PAGES = [(ROOT / "docs" / page).read_text() for page in ("supervision.md", "conferences.md")]
SNIPPETS = [s for text in PAGES for s in re.findall(r"^```yaml\n(.*?)^```$", text, re.S | re.M)]
PEOPLE = """
extensions: {101: Olena, 102: Petro, 103: Iryna, 901: Anna, 902: Borys}
agents: {901: , boss: {extension: 902}}
queues: {sales: {number: 500, members: [901, boss]}}
"""


def read(text: str) -> Config:
    return validate(parse(PEOPLE + text, "company.yaml"))


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_of_the_pages_has_no_faults(snippet: str) -> None:
    people = parse(
        PEOPLE.replace("boss: {extension: 902}", "902: ").replace("boss", "902"), "p"
    ).tree
    config = Config.model_validate(people | parse(snippet, "snippet").tree)
    sounds = find_sounds(config.sounds)
    assert check(config, sounds.prompts, sounds.music) == []


def test_every_setting_is_told_of() -> None:
    told = set(re.findall(r"`([a-z_]+)", "".join(PAGES)))
    models = (ConferenceSettings, SupervisionSettings, SupervisorSettings, SupervisionKeys)
    assert {name for model in models for name in model.model_fields} - told == set()


def test_keys_are_those_of_the_pages() -> None:
    rows = dict(re.findall(r"`([4-7*])` \| .*`([a-z_]+)` \|$", PAGES[0], re.M))
    assert {name: key for key, name in rows.items()} | {"leave": "*"} == {
        **SupervisionKeys().model_dump()
    }
    assert set(re.findall(r"^\| `\*(\d)`", PAGES[1], re.M)) == set(KEYS)
    assert CallKeysSettings().conference == "*3"
    assert TRIES == 3


def test_rights() -> None:
    rights = rooms_plan(
        read(
            "supervision: {supervisors: {101: everybody,"
            " 102: {queues: [sales], extensions: [103], modes: [listen]}}}"
        ),
        {},
    ).supervision.rights
    assert rights["101"].allow("901", Mode.TAKE_OVER)
    assert rights["102"].extensions == {"901", "902", "103"}
    assert rights["102"].allow("902", Mode.LISTEN)
    assert not rights["102"].allow("902", Mode.WHISPER)
    assert not rights["102"].allow("101", Mode.LISTEN)


def test_a_room() -> None:
    plan = rooms_plan(read("conferences: {a: 800, b: {number: 801, pin: 012, announce: off}}"), {})
    assert plan.conferences["a"].number == "800"
    room = plan.conferences["b"]
    assert (room.number, room.announce, room.members_max) == ("801", Announce.OFF, 32)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("supervision: {supervisors: {999: everybody}}", 'there is no extension "999"'),
        ("supervision: {supervisors: {101: {agents: [xx]}}}", 'there is no agent "xx"'),
        ("supervision: {supervisors: {101: {queues: [sale]}}}", 'there is no queue "sale"'),
        ("supervision: {supervisors: {101: {modes: [listen]}}}", "nobody to listen to"),
        ("supervision: {keys: {listen: 5}}", '"5" is the key for listen already'),
        ("conferences: {a: 101}", '"101" is the number of'),
        ("conferences: {a: {number: 800, pin: 12, moderator_pin: 12}}", "the same as `pin`"),
        ("conferences: {a: {number: 800, wait_for_moderator: true}}", "nobody can be a moderator"),
        ("conferences: {a: {number: 800, pin: abc}}", "expected at most 16 digits"),
        ("conferences: {a: {number: 800, music: none}}", 'there is no music "none"'),
        ("call_keys: {conference: '*23'}", "none begins with another"),
    ],
)
def test_faults_name_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(Exception, match=re.escape(says)):
        _ = read(text)
