"""Phones that fetch their settings from the running server, register with them and call."""

import configparser
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest

from tests.interop.conftest import Office
from tests.interop.pbx import ROOT, RunningPbx, settings
from tests.interop.programs import eventually, free_ports, need

pytestmark = pytest.mark.interop

DEVICES = {
    "door": {"extension": 101, "codecs": ["PCMA"]},
    "softphone": {"model": "linphone", "extension": 102},
}


@pytest.fixture
def pbx(office: Office) -> RunningPbx:
    return office.serve({**settings(), "devices": DEVICES})


def address(pbx: RunningPbx, device: str) -> str:
    """As an administrator learns it."""
    config = pbx.secrets_file.parents[1] / "pbx.yaml"
    shown = subprocess.run(
        [shutil.which("pbx") or ROOT / ".venv/bin/pbx", "provision", str(config)],
        env={**os.environ, "COLUMNS": "250", "PBX_WEB__PORT": str(pbx.web_port)},
        capture_output=True, text=True, check=True, timeout=20,
    )  # fmt: skip
    (line,) = [line for line in shown.stdout.splitlines() if line.strip().startswith(device)]
    return line.split()[-1]


def path(url: str) -> str:
    return urlsplit(url).path


def test_a_phone_registers_and_calls_with_what_it_fetched(office: Office, pbx: RunningPbx) -> None:
    parser = configparser.RawConfigParser(delimiters=("=",))
    parser.read_string(pbx.get(path(address(pbx, "door"))))
    phone, line = parser["phone"], parser["line1"]
    assert line["password"] == pbx.password("101")
    caller = office.phone(
        line["user"],
        password=line["password"],
        server=f"{phone['server']}:{phone['port']}",
        transport=phone["transport"],
        codecs=phone["codecs"],
        register_seconds=int(phone["expires"]),
    )
    caller.wait_registered()
    caller.dial("600")
    caller.wait_established()
    caller.hang_up()
    caller.wait_closed()
    assert pbx.record()["verdict"] == "served"


def test_linphone_fetches_its_settings_itself(pbx: RunningPbx, tmp_path: Path) -> None:
    """It is told nothing but the address."""
    need("linphonec")
    home = tmp_path / "home"
    (home / ".local/share/linphone").mkdir(parents=True)
    rc = home / "linphonerc"
    # A port of its own; and no ICE or IPv6 on a machine without.
    rc.write_text(
        f"[misc]\nconfig-uri={address(pbx, 'softphone')}\n"
        f"[sip]\nsip_port={free_ports()}\nsip_tcp_port=0\nsip_tls_port=0\nuse_ipv6=0\n"
    )
    with (tmp_path / "log").open("wb") as output:
        program = subprocess.Popen(
            ["linphonec", "-c", str(rc), "-d", "4"],
            stdin=subprocess.PIPE, stdout=output, stderr=output,
            env={**os.environ, "HOME": str(home)},
        )  # fmt: skip
    try:
        eventually(lambda: pbx.status()["registrations"] == 1, "linphonec is registered", 15.0)
    finally:
        program.terminate()
        with suppress(subprocess.TimeoutExpired):
            program.wait(3)
        program.kill()
        program.communicate(timeout=5)


def test_strangers_get_nothing(pbx: RunningPbx) -> None:
    right = path(address(pbx, "door"))
    for wrong in (right[:-6], f"/provision/{'x' * 16}/door.conf", right.replace("door", "window")):
        with pytest.raises(HTTPError) as refused:
            pbx.get(wrong)
        with refused.value:
            assert refused.value.code == 404
    secret = right.split("/")[2]
    assert secret in pbx.secrets_file.read_text()
    assert pbx.get(right)
    eventually(lambda: "phone fetched its settings" in pbx.output(), "it is logged")
    assert secret not in pbx.output()
    assert pbx.password("101") not in pbx.output().split("New passwords")[0]


def test_what_people_set_is_on_the_disk_at_once(office: Office, pbx: RunningPbx) -> None:
    """So that a kill -9 costs nothing."""
    caller, _ = office.phones("101", "102")
    caller.dial("*72102")
    caller.wait_closed(10.0)
    eventually(lambda: rows(pbx), "the forward is on the disk", 3.0)
    assert rows(pbx) == [("101", "forward_always", "102")]


def rows(pbx: RunningPbx) -> list[tuple[str, str, str]]:
    from pbx.store import History

    return History(pbx.database).phone_settings()
