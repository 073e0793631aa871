"""What each kind of phone gets: read as its maker says, value by value."""

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.config.check import check
from pbx.config.devices import Model
from pbx.provisioning.devices import Device, Key, Line, devices_of
from pbx.provisioning.render import CONTENT_TYPES, TEMPLATES, Renderer, RenderError, content_type
from pbx.provisioning.shelf import Shelf
from tests.provisioning.company import (
    HOST,
    company,
    elements_of,
    linphone_sections,
    rendered,
    sections_of,
    settings_of,
)

PASSWORD = "made-for-extension_{}"


def test_yealink() -> None:
    text = rendered("00:15:65:74:B1:50")
    assert text.startswith("#!version:1.0.0.1\n")
    found = settings_of(text)
    account = {
        name.removeprefix("account.1."): value
        for name, value in found.items()
        if name.startswith("account.1.")
    }
    assert account == {
        "enable": "1",
        "label": "Reception",
        "display_name": 'Anna "A" <&>',
        "user_name": "901",
        "auth_name": "901",
        "password": PASSWORD.format("901"),
        "sip_server.1.address": HOST,
        "sip_server.1.port": "5060",
        "sip_server.1.transport_type": "0",
        "sip_server.1.expires": "600",
        "codec.pcmu.enable": "1",
        "codec.pcma.enable": "1",
        "codec.g722.enable": "1",
        "codec.opus.enable": "1",
        "codec.g729.enable": "0",
        "codec.g722.priority": "1",
        "codec.pcmu.priority": "2",
        "codec.pcma.priority": "3",
        "codec.opus.priority": "4",
        "dtmf.type": "1",
        "srtp_encryption": "0",
    }
    assert (found["account.2.user_name"], found["account.2.label"]) == ("101", "Олена")
    keys = [
        {part: found.get(f"linekey.{n}.{part}") for part in ("type", "value", "label", "extension")}
        for n in (1, 2, 3)
    ]
    assert keys == [
        {"type": "15", "value": None, "label": "Reception", "extension": None},
        {"type": "16", "value": "902", "label": "Borys", "extension": "**902"},
        {"type": "13", "value": "500", "label": "Sales", "extension": None},
    ]
    assert {name: value for name, value in found.items() if name.startswith("local_time")} == {
        "local_time.time_zone": "+2",
        "local_time.summer_time": "1",
        "local_time.dst_time_type": "1",
        "local_time.start_time": "3/5/7/3",
        "local_time.end_time": "10/5/7/4",
        "local_time.offset_time": "60",
    }
    assert found["lang.gui"] == "English"


def test_grandstream() -> None:
    found = elements_of(rendered("000b82aabbcc"))
    assert found == {
        "mac": "000b82aabbcc",
        **{"P271": "1", "P270": "Borys", "P47": f"{HOST}:5060", "P35": "902", "P36": "902"},
        **{"P34": PASSWORD.format("902"), "P3": "Borys", "P130": "1", "P32": "10"},
        **{"P57": "9", "P58": "0", "P59": "8", "P60": "123"},
        **{"P401": "1", "P417": 'Anna "A" <&>', "P402": f"{HOST}:5060", "P404": "901"},
        **{"P405": "901", "P406": PASSWORD.format("901"), "P407": 'Anna "A" <&>'},
        **{"P448": "1", "P412": "10", "P451": "9", "P452": "0", "P453": "8", "P454": "123"},
        **{"P183": "0", "P443": "0"},
        **{"P323": "1", "P301": "0", "P302": "Олена", "P303": "101"},
        **{"P1347": "**", "P1362": "en", "P64": "customize"},
        "P246": "EET-2EEST,M3.5.0/3,M10.5.0/4",
    }


def test_snom() -> None:
    found = elements_of(rendered("desk"))
    assert found == {
        "user_active 1": "on",
        "user_realname 1": "Borys",
        "user_idle_text 1": "Borys",
        "user_name 1": "902",
        "user_pname 1": "902",
        "user_pass 1": PASSWORD.format("902"),
        "user_host 1": f"{HOST}:5060",
        "user_outbound 1": f"sip:{HOST}:5060;transport=udp",
        "user_expiry 1": "600",
        "codec_priority_list 1": "g722,pcmu,pcma,opus,telephone-event",
        "user_srtp 1": "off",
        "user_savp 1": "off",
        "user_auto_connect 1": "off",
        "intercom_enabled": "on",
        "language": "English",
        "utc_offset": "+7200",
        "dst": "3600 03.05.07 03:00:00 10.05.07 04:00:00",
        "fkey 0": f"blf sip:101@{HOST}|**",
        "fkey 1": "speed *45",
    }


def test_linphone() -> None:
    found = linphone_sections(rendered("softphone"))
    assert found == {
        "sip": {
            "default_proxy": "0",
            "media_encryption": "none",
            "media_encryption_mandatory": "0",
        },
        "auth_info_0": {
            "username": "901",
            "userid": "901",
            "passwd": PASSWORD.format("901"),
        },
        "proxy_0": {
            "reg_proxy": f"<sip:{HOST}:5060;transport=udp>",
            "reg_identity": f'"Anna A <&>" <sip:901@{HOST}>',
            "reg_expires": "600",
            "reg_sendregister": "1",
            "publish": "0",
        },
        **{
            f"audio_codec_{n}": {"mime": mime, "rate": "8000", "channels": "1", "enabled": "1"}
            for n, mime in enumerate(("G722", "PCMU", "PCMA"))
        },
        "audio_codec_3": {"mime": "opus", "rate": "48000", "channels": "2", "enabled": "1"},
    }


def test_generic() -> None:
    assert sections_of(rendered("door")) == {
        "phone": {
            "name": "door",
            "server": HOST,
            "port": "5060",
            "transport": "udp",
            "expires": "600",
            "codecs": "PCMA",
            "timezone": "Europe/Kyiv",
            "language": "uk",
        },
        "line1": {
            "user": "101",
            "password": PASSWORD.format("101"),
            "display_name": "Олена",
            "label": "Олена",
            "srtp": "off",
        },
    }


# What a line gets by the policy of its extension and the way of its signalling: Yealink's value,
# Grandstream's, both of Snom's, both of Linphone's.
SRTP = {
    ("off", "tls"): ("0", "0", ("off", "off"), ("none", "0")),
    ("allowed", "udp"): ("0", "0", ("off", "off"), ("none", "0")),
    ("allowed", "tls"): ("1", "1", ("on", "optional"), ("srtp", "0")),
    ("required", "tls"): ("2", "2", ("on", "mandatory"), ("srtp", "1")),
    ("required", "tcp"): ("2", "2", ("on", "mandatory"), ("srtp", "1")),
}
ENCRYPTED = """
sip: {{tls: true}}
encryption: {{keys_without_tls: true}}
extensions: {{101: {{name: A, encryption: {policy}}}, 102: {{name: B, encryption: off}}}}
devices:
  001565000001: {{model: yealink, extensions: [102, 101], transport: {transport}}}
  001565000002: {{model: grandstream, extensions: [102, 101], transport: {transport}}}
  001565000003: {{model: snom, extensions: [102, 101], transport: {transport}}}
  softphone: {{model: linphone, extensions: [102, 101], transport: {transport}}}
  door: {{extension: 101, transport: {transport}}}
"""


@pytest.mark.parametrize(("policy", "transport"), SRTP)
def test_encryption(policy: str, transport: str) -> None:
    config = company(ENCRYPTED.format(policy=policy, transport=transport))
    yealink, grandstream, snom, linphone = SRTP[policy, transport]
    found = settings_of(rendered("001565000001", config))
    assert found["account.1.srtp_encryption"] == "0"
    assert found["account.2.srtp_encryption"] == yealink
    found = elements_of(rendered("001565000002", config))
    assert (found["P183"], found["P443"]) == ("0", grandstream)
    found = elements_of(rendered("001565000003", config))
    assert (found["user_srtp 1"], found["user_savp 1"]) == ("off", "off")
    assert (found["user_srtp 2"], found["user_savp 2"]) == snom
    sip = linphone_sections(rendered("softphone", config))["sip"]  # One setting for all lines.
    assert (sip["media_encryption"], sip["media_encryption_mandatory"]) == linphone
    assert sections_of(rendered("door", config))["line1"]["srtp"] == snom[1]


def test_the_lamp_of_a_feature_code() -> None:
    config = company(
        "extensions: {101: A, 102: B}\n"
        "devices:\n"
        "  001565000001: {model: yealink, extension: 101, keys: [{lamp: 102}, {lamp: '*76'}]}\n"
        "  001565000002: {model: grandstream, extension: 101, keys: [{lamp: '*76', label: Q}]}\n"
        "  001565000003: {model: snom, extension: 101, keys: [{lamp: '*72102'}]}\n"
    )
    assert check(config) == []
    found = settings_of(rendered("001565000001", config))
    keys = {name: value for name, value in found.items() if name.startswith("linekey.2.")}
    assert keys == {
        "linekey.2.type": "16",
        "linekey.2.line": "1",
        "linekey.2.value": "*76",
        "linekey.2.label": "*76",
    }
    assert found["linekey.1.extension"] == "**102"
    found = elements_of(rendered("001565000002", config))
    assert (found["P323"], found["P302"], found["P303"]) == ("1", "Q", "*76")
    assert elements_of(rendered("001565000003", config))["fkey 0"] == f"blf sip:*72102@{HOST}"


def test_encryption_of_all_extensions() -> None:
    text = "encryption: {extensions: required, keys_without_tls: true}\n"
    config = company(text + "extensions: {101: A}\ndevices: {door: {extension: 101}}\n")
    assert check(config) == []
    assert sections_of(rendered("door", config))["line1"]["srtp"] == "mandatory"


def test_where_phones_register() -> None:
    base = "extensions: {101: A}\ndevices: {door: {extension: 101, transport: %s}}\n"
    for more, transport, server in (
        ("", "udp", (HOST, "5060")),
        ("sip: {port: 5070}", "udp", (HOST, "5070")),
        ("sip: {host: 192.0.2.1}", "udp", ("192.0.2.1", "5060")),
        ("sip: {host: [0.0.0.0, 192.0.2.1]}", "udp", ("192.0.2.1", "5060")),
        ("sip: {external_address: 198.51.100.4}", "tcp", ("198.51.100.4", "5060")),
        ("provisioning: {server: pbx.example.com}", "udp", ("pbx.example.com", "5060")),
        ("sip: {tls: true}", "tls", (HOST, "5061")),
    ):
        phone = sections_of(rendered("door", company(base % transport + more)))["phone"]
        assert (phone["server"], phone["port"]) == server


def test_templates_of_the_administrator_go_first(tmp_path: Path) -> None:
    (tmp_path / "generic.conf").write_text("mine = {{ phone.lines[0].user }}\n")
    config = company(f"extensions: {{101: A}}\ndevices: {{door: {{extension: 101}}}}\n"
                     f"provisioning: {{templates: {tmp_path}}}\n")  # fmt: skip
    assert rendered("door", config) == "mine = 101\n"


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("{{ phone.nonsense }}", "has no attribute 'nonsense'"),
        ("{% if %}", "Expected an expression"),
        ("{{ ''.__class__.__mro__ }}", "is unsafe"),
    ],
)
def test_a_template_with_a_fault(tmp_path: Path, template: str, fault: str) -> None:
    (tmp_path / "generic.conf").write_text(template)
    (device,) = devices_of(company("extensions: {101: A}\ndevices: {door: {extension: 101}}\n"))
    with pytest.raises(RenderError, match=r"^template generic\.conf: ") as caught:
        _ = Renderer(tmp_path).render(device)
    assert fault in str(caught.value)


def test_every_model_has_a_template_and_a_content_type() -> None:
    assert TEMPLATES.keys() == set(Model)
    assert {content_type(model) for model in Model} == set(CONTENT_TYPES.values())


nasty = st.text(
    st.characters(codec="utf-8") | st.sampled_from("\r\n\t\x00\"'<>&\\{}%#=[]\u2028"), max_size=20
)


@given(model=st.sampled_from(Model), name=nasty, password=nasty, label=nasty)
def test_no_value_breaks_out_of_its_place(
    model: Model, name: str, password: str, label: str
) -> None:
    """Whatever stands in a name or a password: the file has the same settings, and no others."""
    wild = _with(model, name, password, label)
    tame = _with(model, "N", "P", "L")
    assert _names(wild, model) == _names(tame, model)


RENDERER = Renderer()


def _with(model: Model, name: str, password: str, label: str) -> str:
    device = Device(
        name="d1", model=model, mac="001565000001", secret="s" * 16,
        lines=(Line(1, "101", password, name, label),),
        keys=(Key(1, "lamp", "102", label, pick_up="**"), Key(2, "dial", "500", label)),
        language="en", timezone="Europe/Kyiv", codecs=("PCMU",), transport="udp",
        server="10.0.0.1", port=5060, pick_up="**",
    )  # fmt: skip
    return RENDERER.render(device).decode()


def _names(text: str, model: Model) -> list[str]:
    match model:
        case Model.LINPHONE:
            found = linphone_sections(text)
            return [f"{section}.{name}" for section, names in found.items() for name in names]
        case Model.GRANDSTREAM | Model.SNOM:
            return list(elements_of(text))
        case Model.YEALINK:
            return list(settings_of(text))
        case Model.GENERIC:
            lines = text.splitlines()
            assert all(line.isprintable() for line in lines)
            return [line.partition(" = ")[0] for line in lines]


@given(st.text(string.printable, max_size=40), st.text(string.printable, max_size=40))
def test_only_the_right_secret_opens_a_file(secret: str, name: str) -> None:
    assert SHELF.find(secret, name, HOST) is None


SHELF = Shelf(company())
