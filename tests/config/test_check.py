"""Graphs of queues, numbers and ports; single faults with their places are in test_faults.py."""

import pytest

from pbx.config import Config, check_queues
from pbx.config.check import check
from pbx.config.errors import ERRORS_MAX
from pbx.distribution.config import ALIASES, Strategy


def faults(tree: dict[str, object]) -> list[str]:
    found = check(Config.model_validate(tree))
    return [f"{'.'.join(map(str, fault.place))}: {fault.message}" for fault in found]


def queues(ways: dict[str, dict[str, object]]) -> list[str]:
    """Faults of queues that are right but for their ways out."""
    tree: dict[str, object] = {
        "extensions": {"901": "Anna"},
        "agents": {"901": "Anna"},
        "queues": {queue: {"members": [901], **settings} for queue, settings in ways.items()},
    }
    return faults(tree)


def test_ways_out_that_end() -> None:
    assert (
        queues(
            {
                "a": {"on_timeout": "queue:b", "on_full": "queue:c", "on_empty": "extension:901"},
                "b": {"on_timeout": "queue:c", "on_full": "queue:c"},
                "c": {"on_key": {"1": "queue:a", "2": "queue:c"}},  # The caller chooses.
                "d": {"on_no_agent": "queue:a", "on_all_missed": "queue:b"},
            }
        )
        == []
    )


def test_loops() -> None:
    assert queues(
        {
            "in": {"on_timeout": "queue:a"},  # Leads to a loop, but is not part of it.
            "a": {"on_timeout": "queue:b"},
            "b": {"on_full": "queue:c", "on_timeout": "hangup"},
            "c": {"on_empty": "queue:a"},
            "self": {"on_full": "queue:self"},
            "unmatched": {"on_no_agent": "queue:missed"},
            "missed": {"on_all_missed": "queue:unmatched"},
            "nowhere": {"on_full": "queue:gone"},
        }
    ) == [
        'queues.nowhere.on_full: there is no queue "gone"',
        "queues.a.on_timeout: callers would go around for ever: a → b → c → a",
        "queues.self.on_full: callers would go around for ever: self → self",
        "queues.unmatched.on_no_agent: callers would go around for ever: "
        "unmatched → missed → unmatched",
    ]


@pytest.mark.parametrize("last", ["hangup", "queue:q0"])
def test_a_long_chain_is_no_burden(last: str) -> None:
    ways: dict[str, dict[str, object]] = {
        f"q{n}": {"on_timeout": f"queue:q{n + 1}"} for n in range(1000)
    }
    found = queues({**ways, "q1000": {"on_timeout": last}})
    assert len(found) == (last != "hangup")


def test_who_only_leads_to_a_loop_or_away_from_one_is_not_looked_at() -> None:
    ways = {"a": "b", "b": "c", "c": "d", "d": "c", "e": "f"}
    found: dict[str, dict[str, object]] = {
        queue: {"on_timeout": f"queue:{after}"} for queue, after in ways.items()
    }
    found["d"]["on_full"] = "queue:e"
    found["f"] = {"on_timeout": "hangup"}
    assert check_queues.in_loops(Config.model_validate({"queues": found})) == ["c", "d"]


def test_thousands_of_faults_are_cut_off() -> None:
    tree: dict[str, object] = {"agents": {str(1000 + n): "" for n in range(2000)}}
    assert len(faults(tree)) == ERRORS_MAX


@pytest.mark.parametrize(
    ("tree", "fault"),
    [
        ({"queues": {"a": {"number": 101}}}, 'a.number: "101" is the number of extension "101"'),
        ({"numbers": {"101": "echo"}}, 'numbers.101: "101" is the number of extension "101"'),
        ({"numbers": {"*45": "echo"}}, 'sign_in: "*45" is the number of numbers "*45"'),
        (
            {"feature_codes": {"break": "*45"}},
            'break: "*45" is the number of the feature code sign_in',
        ),
        ({"sip": {"port": 8080}}, "web.port: port 8080 is that of SIP over TCP"),
        ({"agents": {"1": {"extension": 101}, "101": ""}}, 'extension "101" is agent "1"'),
        ({"sip": {"udp": False, "tcp": False}}, "sip: SIP needs udp, tcp or tls"),
        ({"queues": {"a": {"ring_timeout": 0}}}, "a.ring_timeout: expected more than 0s"),
        (
            {"agents": {"101": ""}, "queues": {"a": {"members": [101, 101]}}},
            'members.1.agent: agent "101" is in this queue already',
        ),
    ],
)
def test_fault(tree: dict[str, object], fault: str) -> None:
    assert [True for found in faults({"extensions": {"101": ""}, **tree}) if fault in found] == [
        True
    ]


@pytest.mark.parametrize(
    "tree",
    [
        {"sip": {"port": 8080, "tcp": False}},
        {"sip": {"port": 8080, "host": "127.0.0.2"}},
        {"sip": {"port": 0}, "web": {"port": 0}},
        {"sip": {"port": 25000, "udp": False}},
    ],
)
def test_ports_that_do_not_meet(tree: dict[str, object]) -> None:
    assert faults(tree) == []


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("abc", "it has fewer than 8 characters"),
        ("1234567890", "scanners try it first"),
        ("aaaaaaab", "it is mostly one character"),
        ("901901901", "it is made from the name"),
        ("Anna2024", "it is made from the name"),
        ("839201738201", ""),
        ("mB7dk2Lw9x", ""),
    ],
)
def test_passwords(password: str, why: str) -> None:
    found = faults({"extensions": {"901": {"name": "Anna", "password": password}}})
    expected = [f"extensions.901.password: a weak password: {why}"] if why else []
    assert found == expected


def test_a_strategy_that_is_not_there_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_queues, "INDEXES", {Strategy.RING_ALL: 0, Strategy.IN_ORDER: 0})
    assert queues(
        {
            "a": {"strategy": "weighted"},
            "b": {"strategy": "in_order"},
            "c": {"strategy": "manual", "then": "ring_all"},
            "d": {"strategy": "manual", "then": "random"},
        }
    ) == [
        "queues.a.strategy: weighted is not available yet; there are ring_all, in_order",
        "queues.d.then: random is not available yet; there are ring_all, in_order",
    ]


@pytest.mark.parametrize("name", ALIASES)
def test_every_name_of_a_strategy(name: str) -> None:
    config = Config.model_validate({"queues": {"a": {"strategy": name.upper()}}})
    assert config.queues["a"].strategy is ALIASES[name]
