"""`pbx provision`, as an administrator has it."""

from pathlib import Path

import pytest

from tests.pbx.test_cli import pbx
from tests.provisioning.company import settings_of

TEXT = """
extensions: {101: Olena, 102: Petro}
devices:
  00:15:65:74:b1:50: {model: yealink, extensions: [101, 102]}
  door: {extension: 102, secret: my-own-secret-for-the-door}
secrets: secrets.yaml
"""


@pytest.fixture
def office(tmp_path: Path) -> Path:
    (tmp_path / "pbx.yaml").write_text(TEXT)
    (tmp_path / "secrets.yaml").write_text(
        "extension_101: pw-of-olena-1\nextension_102: pw-of-petro-2\n"
        "device_00:15:65:74:b1:50: secret-of-the-yealink\n"
    )
    return tmp_path


def listed(office: Path, **env: str) -> tuple[list[list[str]], str]:
    """The rows of the table, and what stands below."""
    code, out, err = pbx("provision", cwd=office, **env)
    assert (code, err) == (0, "")
    lines = [line.strip() for line in out.splitlines() if line.strip()]
    rows = [line.split() for line in lines if "http" in line or "made when" in line]
    return rows, lines[-1]


def test_the_addresses_are_listed(office: Path) -> None:
    rows, hint = listed(office)
    base = "http://127.0.0.1:8080/provision"
    yealink = f"{base}/secret-of-the-yealink/00156574b150.cfg"
    door = f"{base}/my-own-secret-for-the-door/door.conf"
    assert rows == [
        ["00:15:65:74:b1:50", "yealink", "101", "102", yealink],
        ["door", "generic", "102", door],
    ]
    assert hint == "Only this machine reaches web.host 127.0.0.1: open it, or say url."


@pytest.mark.parametrize(
    ("env", "base"),
    [
        ({"PBX_PROVISIONING__URL": "https://pbx.example.com"}, "https://pbx.example.com/provision"),
        ({"PBX_WEB__HOST": "192.0.2.7"}, "http://192.0.2.7:8080/provision"),
        ({"PBX_WEB__HOST": "0.0.0.0"}, "http://PBX-ADDRESS:8080/provision"),
        (
            {"PBX_WEB__HOST": "0.0.0.0", "PBX_PROVISIONING__SERVER": "pbx.example.com"},
            "http://pbx.example.com:8080/provision",
        ),
        ({"PBX_WEB__HOST": "2001:db8::7", "PBX_WEB__PORT": "81"}, "http://[2001:db8::7]:81/"),
    ],
)
def test_how_phones_reach_us(office: Path, env: dict[str, str], base: str) -> None:
    rows, _ = listed(office, **env)
    assert [row[-1].startswith(base) for row in rows] == [True, True]


def test_before_the_first_start(office: Path) -> None:
    (office / "secrets.yaml").unlink()
    rows, _ = listed(office)
    assert " ".join(rows[0][4:]) == "made when the PBX is first started"


@pytest.mark.parametrize("name", ["00:15:65:74:b1:50", "00156574B150", "00-15-65-74-b1-50"])
def test_what_a_phone_gets(office: Path, name: str) -> None:
    code, out, _ = pbx("provision", "--device", name, cwd=office)
    assert code == 0
    found = settings_of(out)
    assert (found["account.1.password"], found["account.2.user_name"]) == ("pw-of-olena-1", "102")
    assert found["account.1.sip_server.1.address"] == "PBX-ADDRESS"


@pytest.mark.parametrize(
    ("arguments", "code", "fault"),
    [
        (("--device", "window"), 2, "there is no device window; `pbx provision` lists them"),
        (("nowhere.yaml",), 2, "nowhere.yaml: no such file"),
    ],
)
def test_faults(office: Path, arguments: tuple[str, ...], code: int, fault: str) -> None:
    assert pbx("provision", *arguments, cwd=office) == (code, "", fault + "\n")


def test_no_phones(tmp_path: Path) -> None:
    (tmp_path / "pbx.yaml").write_text("extensions: {101: Olena}\n")
    code, out, _ = pbx("provision", cwd=tmp_path)
    assert (code, out) == (0, "No phones: the configuration has no `devices`.\n")
