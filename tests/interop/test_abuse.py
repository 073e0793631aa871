"""What strangers do to a PBX on the internet, with their programs; and phones that work meanwhile.

Strangers come from loopback addresses of their own; the office's phones are at 127.0.0.1.
"""

import json
import re
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import Office
from tests.interop.pbx import ROOT, RunningPbx, settings
from tests.interop.programs import HOST, children, eventually, let_pass
from tests.interop.scanners import Scanner
from tests.interop.sipp import Sipp
from tests.interop.test_load import memory_mib

pytestmark = pytest.mark.interop

STRANGER = "127.0.0.7"
GOOD_PHONE = "127.0.0.9"
METHODS = ("REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE")
RATE, SECONDS = 1000, 12.0


def command(pbx: RunningPbx, *words: str) -> tuple[int, str]:
    """`pbx bans` and the like, over the control socket."""
    done = subprocess.run(
        [sys.executable, "-m", "pbx.cli", *words, "--control", str(pbx.control)],
        cwd=ROOT, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def bans(pbx: RunningPbx) -> list[tuple[str, str, str]]:
    code, told = command(pbx, "bans", "--json")
    assert code == 0, told
    return [(ban["source"], ban["user"], ban["reason"]) for ban in json.loads(told)]


def good_calls(office: Office, directory: Path, calls: int, rate: float = 1.0) -> Sipp:
    """Calls to the echo, by a phone that signs in each time."""
    options = ("-au", "101", "-ap", office.pbx.password("101"), "-trace_rtt", "-rtt_freq", "1")
    return Sipp(
        directory, "caller_signs_in.xml", target=office.pbx.sip, host=GOOD_PHONE, calls=calls,
        rate=rate, hold_ms=500, keys={"ext": "600", "user": "101"}, options=options,
    )  # fmt: skip


# --- scanners -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_svwar_finds_nothing_and_is_not_even_answered(
    office: Office, tmp_path: Path, method: str
) -> None:
    pbx = office.serve()
    scanner = Scanner(tmp_path / "scanner", STRANGER)
    found = scanner.run("svwar", "--force", "-m", method, "-e", "100-110,901", f"udp://{pbx.sip}")
    assert found.nothing, found.output
    assert bans(pbx) == [(STRANGER, "", "scanner")]
    assert pbx.status()["counters"]["received"] == 0


@pytest.mark.parametrize("method", METHODS)
def test_svwar_under_another_name_finds_nothing(
    office: Office, tmp_path: Path, method: str
) -> None:
    """Known and unknown extensions answer alike, until there is silence."""
    pbx = office.serve()
    scanner = Scanner(tmp_path / "scanner", STRANGER, "Phone 7.1")
    found = scanner.run("svwar", "--force", "-m", method, "-e", "90-170", f"udp://{pbx.sip}")
    assert found.nothing, found.output
    assert {reason for _, _, reason in bans(pbx)} <= {"scan"}
    assert pbx.status()["calls"] == []


def test_svcrack_is_banned_after_ten_guesses_and_nobody_else(
    office: Office, tmp_path: Path
) -> None:
    pbx = office.serve()
    scanner = Scanner(tmp_path / "scanner", STRANGER, "Phone 7.1")
    found = scanner.run("svcrack", "-u", "101", "-r", "1000-1999", f"udp://{pbx.sip}")
    assert "found no passwords" in found.output or "| 101" not in found.output, found.output
    assert bans(pbx) == [(STRANGER, "", "password")]
    wrong = [
        message for message in json.loads(pbx.get(f"/trace.json?with={STRANGER}:&last=5000"))
        if message["text"].startswith("SIP/2.0 401")
    ]  # fmt: skip
    # Ten guesses, and the requests before them that asked for a nonce.
    assert 10 <= len(wrong) <= 22
    phones = office.phones("101", "901")
    pbx.wait_agent("901", "ready")
    assert all(phone.running for phone in phones)
    with good_calls(office, tmp_path / "good", 1) as caller:
        counted = caller.finish()
    assert (counted.succeeded, counted.failed) == (1, 0), caller.problems()


def test_a_ban_is_lifted_by_hand_and_outlives_a_restart(office: Office, tmp_path: Path) -> None:
    pbx = office.serve()
    assert command(pbx, "bans") == (0, "Nobody is banned.\n")
    assert command(pbx, "ban", "127.0.0.0/28", "--for", "1h") == (0, "127.0.0.0/28 is banned\n")
    assert command(pbx, "ban", "127.0.0.77") == (0, "127.0.0.77 is banned\n")
    code, told = command(pbx, "ban", "127.0.0.3")
    assert (code, "127.0.0.3 is allowed by the configuration" in told) == (1, True)
    assert pbx.control.stat().st_mode & 0o777 == 0o600
    eventually(lambda: pbx.status()["bans"] == 2, "the status tells")
    pbx.restart()
    assert [source for source, _, _ in bans(pbx)] == ["127.0.0.77", "127.0.0.0/28"]
    assert _answer(pbx, "127.0.0.7") is None
    assert command(pbx, "unban", "127.0.0.0/28") == (0, "127.0.0.0/28 is heard again\n")
    assert _answer(pbx, "127.0.0.7") == "401"
    assert _answer(pbx, "127.0.0.77") is None
    code, told = command(pbx, "unban", "127.0.0.7")
    assert (code, told) == (1, "127.0.0.7 is not banned; `pbx bans` shows who is\n")


def _request(
    pbx: RunningPbx, source: str, user: str, number: int = 0, method: str = "REGISTER"
) -> bytes:
    return (
        f"{method} sip:{user}@{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP {source};branch=z9hG4bK{number}"
        f";rport\r\nFrom: <sip:{user}@{HOST}>;tag=1\r\nTo: <sip:{user}@{HOST}>\r\n"
        f"Call-ID: {number}@{source}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()


def _answer(pbx: RunningPbx, source: str, timeout: float = 0.5) -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((source, 0))
        one.settimeout(timeout)
        _ = one.sendto(_request(pbx, source, "101"), (HOST, pbx.sip_port))
        try:
            return one.recv(65_535)[8:11].decode()
        except TimeoutError:
            return None


def test_known_and_unknown_extensions_answer_alike_and_equally_fast(office: Office) -> None:
    pbx = office.serve(settings(security={"allow": [STRANGER]}))
    took: dict[str, list[float]] = {"101": [], "777": []}
    texts: dict[str, set[str]] = {"101": set(), "777": set()}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((STRANGER, 0))
        one.settimeout(2.0)
        for number in range(400):
            user = ("101", "777")[number % 2]
            begin = time.perf_counter()
            _ = one.sendto(_request(pbx, STRANGER, user, number), (HOST, pbx.sip_port))
            told = one.recv(65_535).decode()
            took[user].append(time.perf_counter() - begin)
            told = re.sub(r'nonce="[^"]+"|tag=[0-9a-f]{16}|z9hG4bK\d+|\d+@', "*", told)
            texts[user].add(re.sub(r"rport=\d+", "rport", told).replace(user, "USER"))
    assert len(texts["101"]) == 1
    assert texts["101"] == texts["777"]
    difference = statistics.median(took["101"]) - statistics.median(took["777"])
    assert abs(difference) < 0.005


# --- floods ---------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("sources", [1, 100])
def test_a_flood_of_invites_does_not_disturb_calls(
    office: Office, tmp_path: Path, sources: int
) -> None:
    pbx = office.serve()
    with good_calls(office, tmp_path / "before", 1) as first:
        assert first.finish().succeeded == 1, first.problems()
    family = {pbx.pid, *children(pbx.pid)}
    before = memory_mib(family)
    figures = (str(RATE), str(SECONDS), str(sources))
    flood = subprocess.Popen(
        [sys.executable, "-m", "tests.interop.flood", pbx.sip, *figures],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        let_pass(1.0)
        with good_calls(office, tmp_path / "good", 10) as caller:
            counted = caller.finish(40)
        told, _ = flood.communicate(timeout=SECONDS + 10)
    finally:
        if flood.poll() is None:
            flood.kill()
            flood.wait(5)
    flooded: dict[str, Any] = json.loads(told)
    assert flooded["sent"] >= RATE * SECONDS * 0.9
    assert set(flooded["answers"]) == {"401"}
    assert flooded["answers"]["401"] <= sources * 51
    assert (counted.created, counted.succeeded, counted.failed) == (10, 10, 0), caller.problems()
    assert max(caller.response_times()) < 0.5
    assert memory_mib(family) - before < 20.0
    assert len(bans(pbx)) == sources
    assert all(record["caller"] == "101" for record in pbx.wait_records(11))


def test_no_password_and_no_proof_of_one_is_in_a_log(office: Office, tmp_path: Path) -> None:
    pbx = office.serve()
    phones = office.phones("101", "901")
    with good_calls(office, tmp_path / "good", 2, rate=5.0) as caller:
        assert caller.finish().succeeded == 2
    assert phones[0].running
    scanner = Scanner(tmp_path / "scanner", STRANGER, "Phone 7.1")
    _ = scanner.run("svcrack", "-u", "101", "-r", "1000-1015", f"udp://{pbx.sip}")
    log = pbx.output() + pbx.get("/trace.json?last=5000") + pbx.get("/status.json")
    secrets = [pbx.password(user) for user in ("101", "102", "901", "902")]
    # What it says at its first start is for the admin's eyes.
    log = re.sub(r"extension \d+: \S+", "", log)
    assert [secret for secret in secrets if secret in log] == []
    assert re.findall(r'response=\\*"?[0-9a-f]{32}', log) == []
    assert re.findall(r'cnonce=\\*"?[0-9a-zA-Z]{4,}', log) == []
