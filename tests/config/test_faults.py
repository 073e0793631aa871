"""Broken configurations, and every word that an administrator reads about them."""

from pathlib import Path

import pytest

from pbx.config import Config, ConfigErrors, load

GOOD = """\
extensions:
  101: Olena
  901: Anna
agents:
  901: Anna
queues:
  sales:
    number: 500
    members: [901]
"""

FAULTS = {
    "tab": (
        "sip:\n\tport: 5060\n",
        "2:1: a character that means something else in YAML"
        " (indent with spaces, not tabs; quote @ ` %)",
    ),
    "colon in text": (
        "company: Hello: world\n",
        "1:15: a colon where none can be"
        " (indented like the line above? a text with a colon needs quotes)",
    ),
    "open bracket": (
        "sip:\n  trusted: [10.0.0.1\n",
        "3:1: expected a comma or a closing bracket here",
    ),
    "open quote": ('company: "Acme\n', "2:1: the text ends in the middle of a quoted text"),
    "wrong indent": (
        "sip:\n    port: 5060\n  host: 127.0.0.1\n",
        "3:3: expected a key here"
        " (is this line indented like its neighbours, and every bracket closed?)",
    ),
    "a list": ("- sip\n", "1:1: expected `key: value` lines, found a list"),
    "control character": (
        "company: a\x07b\n",
        "1:11: a character that YAML does not allow, or nested too deeply",
    ),
    "duplicate key": (
        "sip:\n  port: 1\n  host: 127.0.0.1\n  port: 2\n",
        "4:3: sip.port: the key is given twice, first in line 2",
    ),
    "duplicate extension": (
        'extensions:\n  101: Olena\n  "101": Petro\n',
        "3:3: extensions.101: the key is given twice, first in line 2",
    ),
    "unknown tag": (
        "company: !include other.yaml\n",
        "1:10: company: unknown tag !include (known: !secret, !env)",
    ),
    "no such secret": (
        "web: {password: !secret wbe}\n",
        '2:17: web.password: there is no secret "wbe"',
    ),
    "no such variable": (
        "sip: {realm: !env REALM}\n",
        '1:14: sip.realm: the environment has no variable "REALM"',
    ),
    "no such file": (
        "include: [qeues.yaml]\n",
        "1:11: include: cannot read {dir}/qeues.yaml: No such file or directory"
        ' (did you mean "queues.yaml"?)',
    ),
    "unknown key at the top": (
        "quees: {}\n",
        '1:1: quees: there is no such setting (did you mean "queues"?)',
    ),
    "unknown key below": (
        "queues:\n  sales:\n    members: [901]\n    stratgy: random\n",
        '4:5: queues.sales.stratgy: there is no such setting (did you mean "strategy"?)',
    ),
    "unknown strategy": (
        "queues: {sales: {strategy: ring_al, members: [901]}}\n",
        "1:28: queues.sales.strategy: expected one of ring_all, in_order, round_robin, random,"
        " weighted, fewest_calls, longest_idle, least_talk_time, by_rank, fewest_tags, manual,"
        ' found "ring_al" (did you mean "ring_all"?)',
    ),
    "port is a word": (
        "sip:\n  port: banana\n",
        '2:9: sip.port: expected a whole number, found "banana"',
    ),
    "port is a bool": (
        "sip:\n  port: true\n",
        "2:9: sip.port: expected a whole number, found true",
    ),
    "port too high": (
        "sip:\n  port: 70000\n",
        "2:9: sip.port: expected at most 65535, found 70000",
    ),
    "bool is a word": (
        "sip: {udp: maybe}\n",
        '1:12: sip.udp: expected true or false, found "maybe"',
    ),
    "section is a word": (
        "sip: 5060\n",
        "1:6: sip: expected a mapping: `key: value` lines, found 5060",
    ),
    "list is a number": (
        GOOD.replace("[901]", "901"),
        "9:14: queues.sales.members: expected a list, such as [a, b], found 901",
    ),
    "duration": (
        "queues:\n  sales:\n    members: [901]\n    ring_timeout: 15 sec\n",
        "4:19: queues.sales.ring_timeout: expected a time such as 15s, 5m, 1h30m,"
        ' or a number of seconds, found "15 sec"',
    ),
    "destination": (
        "numbers:\n  700: que:sales\n",
        "2:8: numbers.700.to: expected queue:ID, extension:ID, voicemail:ID, play:SOUND, mailbox,"
        " echo, hangup or decline,"
        ' found "que:sales" (did you mean "queue"?)',
    ),
    "number with neither": (
        "numbers:\n  700: {}\n",
        "2:8: numbers.700: expected either `to: DESTINATION` or `echo: true`, found a mapping",
    ),
    "address": (
        "sip: {host: localhost}\n",
        '1:13: sip.host: expected an IP address such as 192.168.0.5, found "localhost"',
    ),
    "network": (
        "sip:\n  trusted:\n    - 10.0.0.0/33\n",
        "3:7: sip.trusted[0]: expected an IP address or a network such as 192.168.0.0/24,"
        ' found "10.0.0.0/33"',
    ),
    "ports": (
        "media: {ports: 30000-20000}\n",
        "1:16: media.ports: expected two ports from 1024 to 65535, the lower one first,"
        ' found "30000-20000"',
    ),
    "codec": (
        "media: {codecs: [PCMU, G729]}\n",
        "1:24: media.codecs[1]: expected one of PCMU, PCMA, G722 or opus,"
        ' found "G729" (did you mean "G722"?)',
    ),
    "id": (
        "extensions:\n  front desk: {}\n",
        "2:3: extensions.front desk: expected an id: at most 32 letters, digits, dots, - and _,"
        ' found "front desk"',
    ),
    "key of a telephone": (
        'queues: {sales: {members: [901], on_key: {"12": hangup}}}\n',
        '1:43: queues.sales.on_key.12: expected one key of a telephone: 0 to 9, * or #, found "12"',
    ),
    "sign-in": (
        "agents: {901: {signed_in: alwys}}\n",
        '1:27: agents.901.signed_in: expected one of always, register or code, found "alwys"'
        ' (did you mean "always"?)',
    ),
    "member without an agent": (
        "queues:\n  sales:\n    members:\n      - order: 2\n",
        "4:9: queues.sales.members[0].agent: this setting is needed",
    ),
    "unknown agent": (
        GOOD.replace("[901]", "[902]"),
        '9:15: queues.sales.members[0].agent: there is no agent "902" (did you mean "901"?)',
    ),
    "agent without an extension": (
        "extensions: {101: Olena}\nagents:\n  902: Borys\n",
        '3:3: agents.902: there is no extension "902" (known: 101)',
    ),
    "empty queue": (
        "queues:\n  sales:\n    number: 500\n",
        "2:3: queues.sales.members: this queue has nobody to answer its calls: it needs members",
    ),
    "same number": (
        GOOD + "  support: {number: 500, members: [901]}\n",
        '10:21: queues.support.number: "500" is the number of queue "sales" already',
    ),
    "nowhere": (
        GOOD + "    on_timeout: queue:sails\n",
        '10:17: queues.sales.on_timeout: there is no queue "sails" (did you mean "sales"?)',
    ),
    "no such sound": (
        GOOD + "    greeting: welcom\n",
        '10:15: queues.sales.greeting: there is no sound "welcom" (did you mean "welcome"?)',
    ),
    "no such music": (
        GOOD + "    music: holt\n",
        '10:12: queues.sales.music: there is no music "holt" (did you mean "hold"?)',
    ),
    "loop": (
        GOOD + "    on_timeout: queue:vip\n  vip: {members: [901], on_full: queue:sales}\n",
        "10:17: queues.sales.on_timeout: callers would go around for ever: sales → vip → sales",
    ),
    "ports overlap": (
        "sip: {port: 20010}\nmedia: {ports: 20000-20100}\n",
        "2:16: media.ports: these ports hold that of SIP, 20010",
    ),
    "weak password": (
        "extensions:\n  101: {password: olena2024, name: Olena}\n",
        "2:19: extensions.101.password: a weak password: it is made from the name"
        " (leave it out: a strong one is made at the first start)",
    ),
    "no password here": (
        "extensions:\n  101: {contact: 'sip:a@127.0.0.2', password: gT5ds8fKq2}\n",
        "2:47: extensions.101.password: an extension with a fixed contact has no password",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault(name: str, tmp_path: Path) -> None:
    text, expected = FAULTS[name]
    path = tmp_path / "pbx.yaml"
    _ = path.write_text(f"secrets: {tmp_path}/none.yaml\n" + text if "!secret" in text else text)
    _ = (tmp_path / "queues.yaml").write_text("")
    with pytest.raises(ConfigErrors) as raised:
        _ = load(path, {})
    lines = [str(error).removeprefix(f"{path}:") for error in raised.value.errors]
    assert lines == [expected.replace("{dir}", str(tmp_path))]


def test_all_faults_are_told_at_once_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "pbx.yaml"
    _ = path.write_text("sip: {port: x}\nqueues: {a: {membres: []}}\nweb: {prt: 1}\nfoo: 1\n")
    with pytest.raises(ConfigErrors) as raised:
        _ = load(path, {})
    assert str(raised.value).replace(f"{path}:", "") == (
        '1:13: sip.port: expected a whole number, found "x"\n'
        '2:14: queues.a.membres: there is no such setting (did you mean "members"?)\n'
        '3:7: web.prt: there is no such setting (did you mean "port"?)\n'
        f"4:1: foo: there is no such setting (known: {', '.join(sorted(Config.model_fields))})"
    )


def test_a_password_is_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "pbx.yaml"
    _ = path.write_text("extensions: {101: {password: [hunter2]}}\nsip: {port: !env PORT}\n")
    with pytest.raises(ConfigErrors) as raised:
        _ = load(path, {"PORT": "hunter2"})
    assert str(raised.value).replace(f"{path}:", "") == (
        "1:30: extensions.101.password: expected text, found something else\n"
        "2:13: sip.port: expected a whole number, found something else"
    )


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "pbx.yaml"
    _ = path.write_bytes("company: Acme\nsip: {realm: é}\n".encode("latin-1"))
    with pytest.raises(ConfigErrors) as raised:
        _ = load(path, {})
    assert str(raised.value) == f"{path}:2:14: this is not UTF-8 text"


def test_no_file(tmp_path: Path) -> None:
    _ = (tmp_path / "pbx.yaml").write_text("")
    path = tmp_path / "pxb.yaml"
    with pytest.raises(ConfigErrors) as raised:
        _ = load(path, {})
    assert str(raised.value) == (
        f'{path}: cannot read {path}: No such file or directory (did you mean "pbx.yaml"?)'
    )
