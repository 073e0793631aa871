"""Settings of addresses, TLS and WebSocket: values, faults with their places."""

from pathlib import Path

import pytest

from pbx.config import Config, load
from pbx.config.check import check
from pbx.config.errors import ConfigErrors
from pbx.config.transports import CertificateSettings, TlsSettings


def faults(tree: dict[str, object]) -> list[str]:
    found = check(Config.model_validate(tree))
    return [f"{'.'.join(map(str, fault.place))}: {fault.message}" for fault in found]


def test_defaults() -> None:
    config = Config()
    assert (config.sip.host, config.sip.tls, config.certificates) == (("0.0.0.0",), None, ())
    assert (config.web.host, config.web.tls, config.web.origins) == (("127.0.0.1",), False, ())


@pytest.mark.parametrize(
    ("host", "hosts"),
    [
        ("10.0.0.1", ("10.0.0.1",)),
        (["0.0.0.0", "::"], ("0.0.0.0", "::")),
        ("2001:DB8:0::1", ("2001:db8::1",)),
    ],
)
def test_hosts(host: object, hosts: tuple[str, ...]) -> None:
    assert Config.model_validate({"sip": {"host": host}}).sip.host == hosts
    assert Config.model_validate({"web": {"host": host}}).web.host == hosts


@pytest.mark.parametrize(
    ("tls", "settings"),
    [
        (True, TlsSettings()),
        (False, None),
        (None, None),
        ({}, TlsSettings()),
        ({"port": 6061, "verify": False}, TlsSettings(port=6061, verify=False)),
    ],
)
def test_tls(tls: object, settings: TlsSettings | None) -> None:
    assert Config.model_validate({"sip": {"tls": tls}}).sip.tls == settings


def test_certificates() -> None:
    one = CertificateSettings(file=Path("a.pem"))
    two = CertificateSettings(file=Path("b.pem"), key=Path("b-key.pem"))
    assert (one.key_file, two.key_file) == (Path("a.pem"), Path("b-key.pem"))
    for given, expected in (
        ("a.pem", (one,)),
        (["a.pem", {"file": "b.pem", "key": "b-key.pem"}], (one, two)),
        ({"file": "b.pem", "key": "b-key.pem"}, (two,)),
    ):
        assert Config.model_validate({"certificates": given}).certificates == expected


@pytest.mark.parametrize(
    ("tree", "fault"),
    [
        ({"sip": {"udp": False, "tcp": False}}, "sip: SIP needs udp, tcp or tls"),
        (
            {"sip": {"tls": {"port": 5060}}},
            "sip.tls: port 5060 is that of SIP over TCP already",
        ),
        (
            {"sip": {"tls": {"port": 8080}}},
            "web.port: port 8080 is that of SIP over TLS already",
        ),
        (
            {"sip": {"host": ["0.0.0.0", "::"]}},
            "sip.host: phones on IPv6 would hear nothing: media.host is 0.0.0.0",
        ),
        (
            {"sip": {"host": "10.0.0.1"}, "media": {"host": "2001:db8::1"}},
            "sip.host: phones on IPv4 would hear nothing: media.host is 2001:db8::1",
        ),
        ({"certificates": "/none.pem"}, "certificates.0.file: there is no file /none.pem"),
        (
            {"extensions": {"9": {"contact": "sip:x@10.0.0.9;transport=ws"}}},
            "extensions.9.contact: its transport must be udp, tcp or tls",
        ),
        (
            {"extensions": {"9": {"contact": "sip:x@10.0.0.9:99999"}}},
            "extensions.9.contact: bad port in URI 'sip:x@10.0.0.9:99999'",
        ),
        (
            {"sip": {"udp": False}, "extensions": {"9": {"contact": "sip:x@10.0.0.9"}}},
            "extensions.9.contact: it is reached over udp, but sip.udp is false",
        ),
        (
            {"extensions": {"9": {"contact": "sip:x@[2001:db8::9]"}}},
            "extensions.9.contact: it is reached over IPv6, but sip.host has no such address",
        ),
        (
            {"sip": {"tls": {"authorities": "/none.pem"}}},
            "sip.tls.authorities: there is no file /none.pem",
        ),
    ],
)
def test_what_does_not_fit_together(tree: dict[str, object], fault: str) -> None:
    assert faults(tree) == [fault]


@pytest.mark.parametrize(
    "tree",
    [
        {"sip": {"udp": False, "tcp": False, "tls": True}},
        {"sip": {"tls": {"port": 5060}, "tcp": False}},
        {"sip": {"host": ["0.0.0.0", "::"]}, "media": {"host": "::"}},
        {"sip": {"host": "::1"}, "media": {"host": "::1"}},
    ],
)
def test_what_does(tree: dict[str, object]) -> None:
    assert faults(tree) == []


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "sip: {host: [0.0.0.0, here]}\n",
            "1:13: sip.host: expected an IP address such as 192.168.0.5,"
            ' or several: [0.0.0.0, "::"], found a list',
        ),
        (
            'sip: {host: ["::1", "::1"]}\n',
            "1:13: sip.host: expected an IP address such as 192.168.0.5,"
            ' or several: [0.0.0.0, "::"], each once, found a list',
        ),
        (
            "sip: {tls: maybe}\n",
            '1:12: sip.tls: expected a mapping: `key: value` lines, found "maybe"',
        ),
        (
            "sip: {tls: {verfy: true}}\n",
            '1:13: sip.tls.verfy: there is no such setting (did you mean "verify"?)',
        ),
        (
            "web: {origins: [crm.example.com]}\n",
            "1:17: web.origins[0]: expected where a page comes from, such as"
            ' https://crm.example.com, found "crm.example.com"',
        ),
        (
            "web: {origins: [https://crm.example.com/page]}\n",
            "1:17: web.origins[0]: expected where a page comes from, such as"
            ' https://crm.example.com, found "https://crm.example.com/page"',
        ),
        (
            "web: {names: ['*']}\n",
            '1:15: web.names[0]: expected a host name such as pbx.example.com, found "*"',
        ),
        (
            "certificates: [{file: a, kee: b}]\n",
            '1:26: certificates[0].kee: there is no such setting (did you mean "key"?)',
        ),
    ],
)
def test_faults_have_places(tmp_path: Path, text: str, error: str) -> None:
    path = tmp_path / "pbx.yaml"
    _ = path.write_text(text)
    with pytest.raises(ConfigErrors) as raised:
        _ = load(path, {})
    assert str(raised.value).replace(f"{path}:", "").splitlines()[0] == error


def test_from_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "pbx.yaml"
    _ = path.write_text("sip: {tls: true}\n")
    config = load(path, {"PBX_SIP__HOST": "[127.0.0.1]", "PBX_SIP__TLS__PORT": "6061"})
    assert (config.sip.host, config.sip.tls) == (("127.0.0.1",), TlsSettings(port=6061))
