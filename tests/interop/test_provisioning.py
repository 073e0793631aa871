"""Phones that fetch their settings from the running server, register with them and call."""

import configparser
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
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


@contextmanager
def linphone(pbx: RunningPbx, tmp_path: Path) -> Iterator[IO[bytes]]:
    """Registered; it is told nothing but the address. Where its commands are written."""
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
        assert program.stdin is not None
        yield program.stdin
    finally:
        program.terminate()
        with suppress(subprocess.TimeoutExpired):
            program.wait(3)
        program.kill()
        program.communicate(timeout=5)


def test_linphone_fetches_its_settings_itself(pbx: RunningPbx, tmp_path: Path) -> None:
    with linphone(pbx, tmp_path):
        pass


@pytest.mark.parametrize("policy", ["off", "required"])
def test_linphone_encrypts_if_it_must(office: Office, tmp_path: Path, policy: str) -> None:
    extensions = {"101": "Olena", "102": {"encryption": policy}}
    chosen = {"keys_without_tls": True}
    base = settings(extensions=extensions, encryption=chosen)
    pbx = office.serve({**base, "devices": DEVICES})
    with linphone(pbx, tmp_path) as commands:
        _ = commands.write(b"soundcard use files\ncall 600\n")
        commands.flush()
        _ = eventually(lambda: pbx.status()["calls"], "it calls", 8.0)
        _ = commands.write(b"terminate\n")
        commands.flush()
        assert pbx.record()["verdict"] == "served"
        traced = json.loads(pbx.get("/trace.json?last=1000"))
        offers = {
            line.split()[2]
            for message in traced
            if message["text"].startswith("INVITE")
            for line in message["text"].splitlines()
            if line.startswith("m=audio")
        }
        assert offers == {"RTP/SAVP" if policy == "required" else "RTP/AVP"}


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
