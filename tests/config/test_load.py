"""Files, includes, environment and secrets, put together."""

from pathlib import Path

import pytest

from pbx.config import Config, ConfigErrors, Destination, DestinationKind, SignedIn, load
from pbx.config.values import PortRange
from pbx.distribution.config import Strategy, WithinTier
from tests.data import ROOT


def write(folder: Path, **files: str) -> Path:
    """`queues_sales` is queues/sales.yaml; the first one is loaded."""
    paths = [folder / f"{name.replace('_', '/')}.yaml" for name in files]
    for path, text in zip(paths, files.values(), strict=True):
        path.parent.mkdir(exist_ok=True)
        _ = path.write_text(text)
    return paths[0]


def faults(path: Path, env: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigErrors) as raised:
        _ = load(path, env or {})
    return [str(error).replace(f"{path.parent}/", "") for error in raised.value.errors]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without anybody's secrets."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_empty_file_is_a_configuration(here: Path) -> None:
    assert load(write(here, pbx=""), {}) == Config()
    assert load(write(here, pbx="queues:\nsip:\n  port:\n"), {}) == Config()


def test_the_samples(here: Path) -> None:
    samples = sorted((ROOT / "config").glob("*/pbx.yaml"))
    assert [path.parent.name for path in samples] == ["minimal", "quickstart"]
    minimal, quickstart = (load(path, {}) for path in samples)
    assert len(samples[0].read_text().splitlines()) < 25
    assert list(minimal.queues) == ["sales"]
    assert list(quickstart.extensions) == [
        *("101", "102", "103", "104", "105", "106", "107", "108", "109"),
        *("901", "902", "903", "904", "905"),
    ]
    assert [agent.name for agent in quickstart.agents.values()] == [
        *("Anna", "Borys", "Vira", "Hanna", "Dmytro")
    ]
    assert {
        id_: (queue.number, queue.strategy, queue.music) for id_, queue in quickstart.queues.items()
    } == {
        "sales": ("500", Strategy.ROUND_ROBIN, "hold"),
        "support": ("501", Strategy.RING_ALL, "hold"),
        "vip": ("502", Strategy.LONGEST_IDLE, "hold"),
    }
    assert quickstart.numbers["600"].destination == Destination(DestinationKind.ECHO)


def test_short_forms(here: Path) -> None:
    config = load(
        write(
            here,
            pbx="""
extensions: {101: Olena, 901: , 0102: {name: 7}}
agents: {901: Anna, 101: {tags: [french, 7], signed_in: code}, 0102: {tags: {sales: 40}}}
queues: {q: {strategy: linear, members: [901, {agent: 101, order: 2}, 0102], wrap_up: 1m30s}}
numbers: {700: "queue:q", 701: {to: play:welcome}}
media: {workers: auto, ports: 30000 - 30003}
""",
        ),
        {},
    )
    assert {id_: extension.name for id_, extension in config.extensions.items()} == {
        "101": "Olena",
        "901": "",
        "0102": "7",
    }
    assert config.agents["101"].tags == {"french": 100, "7": 100}
    assert config.agents["101"].signed_in is SignedIn.CODE
    assert config.agents["0102"].tags == {"sales": 40}
    queue = config.queues["q"]
    assert [(m.agent, m.order) for m in queue.members] == [("901", 1), ("101", 2), ("0102", 1)]
    assert (queue.strategy, queue.within_tier) == (Strategy.IN_ORDER, WithinTier.ONE_BY_ONE)
    assert queue.wrap_up == 90.0
    assert str(config.numbers["700"].destination) == "queue:q"
    assert str(config.numbers["701"].destination) == "play:welcome"
    assert (config.media.workers, config.media.ports) == (0, PortRange(30000, 30003))


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("15", 15.0),
        ("1.5", 1.5),
        ("15s", 15.0),
        ("5m", 300.0),
        ("1h", 3600.0),
        ("1h30m", 5400.0),
        ("1h 30m 15s", 5415.0),
        ("2d", 172_800.0),
        ("1d 6h", 108_000.0),
        ("500ms", 0.5),
        ("0.25s", 0.25),
        ('"20"', 20.0),
    ],
)
def test_durations(here: Path, written: str, seconds: float) -> None:
    assert load(write(here, pbx=f"sign_out_grace: {written}"), {}).sign_out_grace == seconds


@pytest.mark.parametrize(
    "written", ["-1", "-5s", "8d", "s", "m5", "true", "[]", "169h", "nan", "1e9"]
)
def test_no_durations(here: Path, written: str) -> None:
    (fault,) = faults(write(here, pbx=f"sign_out_grace: {written}"))
    assert fault.startswith("pbx.yaml:1:17: sign_out_grace: expected a time ")


class TestInclude:
    def test_files_are_put_together(self, here: Path) -> None:
        path = write(
            here,
            pbx="include: [people.yaml, 'queues/*.yaml']\nsip: {port: 5070}\n",
            people="extensions: {901: Anna}\nagents: {901: Anna}\nsip: {realm: acme}\n",
            queues_a="queues: {a: {members: [901]}}\n",
            queues_b="queues: {b: {members: [901]}}\ninclude: ../more.yaml\n",
            more="company: Acme\n",
        )
        config = load(path, {})
        assert (config.sip.port, config.sip.realm, config.company) == (5070, "acme", "Acme")
        assert list(config.queues) == ["a", "b"]

    def test_a_fault_is_placed_in_its_own_file(self, here: Path) -> None:
        path = write(here, pbx="include: sip.yaml\n", sip="\nsip: {port: x}\n")
        assert faults(path) == ['sip.yaml:2:13: sip.port: expected a whole number, found "x"']

    def test_the_including_file_is_named(self, here: Path) -> None:
        path = write(here, pbx="include: a.yaml\n", a="include:\n  - sales.yaml\n")
        assert faults(path) == [
            "a.yaml:2:5: include: cannot read sales.yaml: No such file or directory"
            ' (did you mean "a.yaml"?)'
        ]

    def test_given_in_two_files(self, here: Path) -> None:
        path = write(here, pbx="include: a.yaml\ncompany: A\n", a="sip: {}\ncompany: B\n")
        assert faults(path) == ["a.yaml:2:1: company: this is set already in pbx.yaml:2"]

    def test_a_circle(self, here: Path) -> None:
        path = write(here, pbx="include: a.yaml\n", a="include: pbx.yaml\n")
        assert faults(path) == ["a.yaml:1:10: include: pbx.yaml includes itself"]

    def test_not_a_name(self, here: Path) -> None:
        assert faults(write(here, pbx="include: {a: b}\n")) == [
            "pbx.yaml:1:10: include: expected a file name, or a list of them"
        ]


class TestEnvironment:
    def test_it_goes_over_the_files(self, here: Path) -> None:
        path = write(here, pbx="sip: {port: 1, realm: acme}\nextensions: {Desk: Olena}\n")
        config = load(
            path,
            {
                "PBX_SIP__PORT": "5070",
                "PBX_SIP__UDP": "false",
                "PBX_SIP__TRUSTED": "[10.0.0.0/8, 192.168.0.1]",
                "PBX_COMPANY": "a: b",
                "PBX_MEDIA": "{silence_timeout: 1m}",
                "PBX_EXTENSIONS__DESK__RING_TIMEOUT": "10s",
                "PBX_UNKNOWN": "of another program",
                "HOME": "/root",
            },
        )
        assert config.sip.port == 5070
        assert config.sip.realm == "acme"
        assert not config.sip.udp
        assert config.sip.trusted == ("10.0.0.0/8", "192.168.0.1/32")
        assert config.company == "a: b"
        assert config.media.silence_timeout == 60.0
        assert config.extensions["Desk"].ring_timeout == 10.0

    @pytest.mark.parametrize(
        ("name", "value", "fault"),
        [
            ("PBX_SIP__PORT", "x", 'sip.port: expected a whole number, found "x"'),
            ("PBX_SPI__PORT", "1", 'there is no such setting (did you mean "sip"?)'),
            ("PBX_SIP__PROT", "1", 'sip.prot: there is no such setting (did you mean "port"?)'),
            ("PBX_SIP__TRUSTED", "[", "expected a value here"),
            ("PBX_SIP__", "1", "sip.: there is no such setting"),
        ],
    )
    def test_faults(self, here: Path, name: str, value: str, fault: str) -> None:
        (found,) = faults(write(here, pbx=""), {name: value})
        assert found.split(" (known")[0] == f"environment variable {name}: {fault}"


class TestReferences:
    def test_secrets_and_variables(self, here: Path) -> None:
        path = write(
            here,
            pbx="""
secrets: keys.yaml
web: {password: !secret boss}
sip: {realm: !env REALM, trusted: [!env TRUNK]}
extensions: {901: Anna, 902: {password: !secret borys}, 903: Vira}
""",
            keys="boss: gT5ds8fKq2\nborys: 1048576204857\nextension_901: mB7dk2Lw9x\n",
        )
        config = load(path, {"REALM": "acme", "TRUNK": "10.0.0.1"})
        assert config.web.password == "gT5ds8fKq2"
        assert config.sip.realm == "acme"
        assert config.sip.trusted == ("10.0.0.1/32",)
        assert {id_: extension.password for id_, extension in config.extensions.items()} == {
            "901": "mB7dk2Lw9x",
            "902": "1048576204857",
            "903": "",
        }
        assert "gT5ds8fKq2" not in repr(config)
        assert "mB7dk2Lw9x" not in repr(config)

    def test_a_fault_in_the_secrets_file(self, here: Path) -> None:
        path = write(here, pbx="secrets: keys.yaml\n", keys="a: x\nb: 1.50\nc: [x]\nd:\n")
        assert faults(path) == [
            "keys.yaml:2:4: b: put it in quotes",
            "keys.yaml:3:4: c: expected text",
            "keys.yaml:4:3: d: put it in quotes",
        ]
