"""Faults of trunks and routes: each with its place and every word that is read about it."""

from pathlib import Path

import pytest

from pbx.config import ConfigErrors, load

OFFICE = """\
extensions: {101: Olena, 102: Taras}
numbers: {700: {echo: true}}
"""
BOTH = "trunks: {one: {servers: 192.0.2.1}, two: {servers: 192.0.2.2}}\n"

FAULTS = {
    "no server": ("trunks: {a: {username: x}}", "3:10: trunks.a.servers: this setting is needed"),
    "bad server": (
        "trunks: {a: {servers: 'sip provider'}}",
        "3:23: trunks.a.servers[0].address: expected a server such as sip.provider.example,"
        ' 192.0.2.5:5080 or sips:host;transport=tls, found "sip provider"',
    ),
    "port": (
        "trunks: {a: {servers: '192.0.2.1:99999'}}",
        "3:23: trunks.a.servers[0].address: expected a server such as sip.provider.example,"
        ' 192.0.2.5:5080 or sips:host;transport=tls, found "192.0.2.1:99999"',
    ),
    "register without a name": (
        "trunks: {a: {servers: x.example, register: true}}",
        "3:44: trunks.a.register: to sign in there it needs a username",
    ),
    "register without a password": (
        "trunks: {a: {servers: x.example, username: me, register: true}}",
        "3:58: trunks.a.register: to sign in there it needs a password",
    ),
    "unknown queue": (
        "trunks: {a: {servers: x.example, numbers: {1: 'queue:sails'}}}\n"
        "queues: {sales: {members: [101]}}\nagents: {101: Olena}",
        '3:47: trunks.a.numbers.1: there is no queue "sails" (did you mean "sales"?)',
    ),
    "unknown extension": (
        "trunks: {a: {servers: x.example, unknown_numbers: 'extension:110'}}",
        '3:51: trunks.a.unknown_numbers: there is no extension "110" (did you mean "102"?)',
    ),
    "onward": (
        "trunks: {one: {servers: x.example, onward: ona}}",
        '3:44: trunks.one.onward[0]: there is no trunk "ona" (did you mean "one"?)',
    ),
    "in a circle": (
        "trunks: {one: {servers: x.example, onward: [one]}}",
        "3:45: trunks.one.onward[0]: calls must not leave through the trunk that they came by",
    ),
    "caller id of nobody": (
        "trunks: {a: {servers: x.example, caller_id: {extensions: {110: '+380441'}}}}",
        '3:59: trunks.a.caller_id.extensions.110: there is no extension "110"'
        ' (did you mean "102"?)',
    ),
    "same network": (
        "trunks:\n  a: {servers: x.example, networks: [192.0.2.0/24]}\n"
        "  b: {servers: y.example, networks: [192.0.2.0/24]}",
        '5:38: trunks.b.networks[0]: these are addresses of trunk "a" already'
        " (only `numbers` of both can tell whose a call is)",
    ),
    "pattern": (
        "trunks: {a: {servers: x.example, incoming: [{match: '1.'}]}}",
        "3:53: trunks.a.incoming[0].match: expected a number or a pattern such as +38044XXXXXXX,"
        " found \"1.\" ('.' has no meaning here)",
    ),
    "misspelt": (
        "trunks: {a: {servers: x.example, regster: true}}",
        '3:34: trunks.a.regster: there is no such setting (did you mean "register"?)',
    ),
    "route without a trunk": (
        BOTH + "outgoing: {routes: {r: {numbers: '1*', kind: local, trunks: [one, thre]}}}",
        '4:67: outgoing.routes.r.trunks[1].trunk: there is no trunk "thre" (known: one, two)',
    ),
    "trunk twice": (
        BOTH + "outgoing: {routes: {r: {numbers: '1*', kind: local, trunks: [one, one]}}}",
        '4:67: outgoing.routes.r.trunks[1].trunk: trunk "one" is in this list already',
    ),
    "kind": (
        BOTH + "outgoing: {routes: {r: {numbers: '1*', kind: emergency, trunks: one}}}",
        "4:46: outgoing.routes.r.kind: expected one of"
        ' local, mobile, international or premium, found "emergency"'
        " (known: international, local, mobile, premium)",
    ),
    "pattern twice": (
        BOTH + "outgoing:\n  routes:\n    a: {numbers: '1*', kind: local, trunks: one}\n"
        "    b: {numbers: [2, '1*'], kind: premium, trunks: one}",
        '7:22: outgoing.routes.b.numbers[1]: "1*" belongs to route "a" already',
    ),
    "abroad is not local": (
        BOTH + "outgoing:\n  country: 380\n"
        "  routes: {a: {numbers: '+*', kind: local, trunks: one}}",
        '6:25: outgoing.routes.a.numbers[0]: "+*" fits numbers of other countries: these are not'
        " local (begin it with +380, or make its kind international)",
    ),
    "never fits": (
        BOTH + "outgoing:\n  country: 380\n"
        "  routes: {a: {numbers: '044XXXXXXX', kind: local, trunks: one}}",
        '6:25: outgoing.routes.a.numbers[0]: "044XXXXXXX" fits no number: they are compared in'
        " their international form (write it as +380…)",
    ),
    "help unreachable": (
        BOTH + "outgoing: {emergency: [700]}",
        '4:12: outgoing.emergency.numbers[0]: "700" is the number of numbers "700":'
        " nobody could call for help",
    ),
    "rights of nobody": (
        BOTH + "outgoing: {rights: {boss: {kinds: local}}}",
        "4:21: outgoing.rights.boss: nobody has these rights: they need extensions",
    ),
    "rights of all and some": (
        BOTH + "outgoing: {rights: {default: {extensions: [101]}}}",
        "4:31: outgoing.rights.default.extensions:"
        " these rights are for the extensions that are named nowhere",
    ),
    "rights twice": (
        BOTH + "outgoing:\n  rights:\n    a: {extensions: [101]}\n    b: {extensions: [102, 101]}",
        '7:27: outgoing.rights.b.extensions[1]: extension "101" has the rights "a" already',
    ),
    "rights of a stranger": (
        BOTH + "outgoing: {rights: {a: {extensions: [110]}}}",
        '4:38: outgoing.rights.a.extensions[0]: there is no extension "110" (did you mean "102"?)',
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_where_and_what(name: str, tmp_path: Path) -> None:
    text, told = FAULTS[name]
    path = tmp_path / "pbx.yaml"
    path.write_text(OFFICE + text)
    with pytest.raises(ConfigErrors) as found:
        _ = load(path, {})
    assert str(found.value).replace(f"{path}:", "") == told


def test_passwords_of_trunks_are_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "pbx.yaml"
    path.write_text(OFFICE + "trunks: {a: {servers: x.example, password: [s3cret]}}")
    with pytest.raises(ConfigErrors) as found:
        _ = load(path, {})
    assert "s3cret" not in str(found.value)
