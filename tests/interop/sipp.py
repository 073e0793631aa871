"""sipp: scripted SIP, for what no real phone does on demand, and for many calls at once.

What has to be known about sipp 3.6.1: without `-nostdin` it takes the terminal; every one needs
its own `-mp`, or they fight over the same RTP ports; the last line of its statistics file has the
totals, in the columns that end in "(C)".
"""

import csv
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interop.programs import HOST, Program, free_ports, need

SCENARIOS = Path(__file__).with_name("scenarios")
_SEPARATOR = re.compile(r"^-{10,} .*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Counters:
    """What the statistics file says at the end."""

    created: int
    succeeded: int
    failed: int
    retransmissions: int
    unexpected: int


class Sipp(Program):
    """One sipp with one scenario. As callee it starts at once; as caller it calls `target`."""

    def __init__(
        self,
        directory: Path,
        scenario: str,
        *,
        target: str = "",
        calls: int = 1,
        rate: float = 1.0,
        hold_ms: int = 1000,
        keys: dict[str, str] | None = None,
        rows: tuple[tuple[str, ...], ...] = (),
        limit: int = 1000,
        host: str = HOST,
        timeout: int = 50,
        log_messages: bool = True,
        options: tuple[str, ...] = (),
    ) -> None:
        """`rows` become the lines of an injection file ([field0], [field1], … in the scenario).

        `limit` is the most calls at the same time, `timeout` in seconds ends it in any case.
        """
        need("sipp")
        directory.mkdir(parents=True)
        self.directory, self.host, self.port = directory, host, free_ports(20)
        self.statistics = directory / "statistics.csv"
        command = [
            "sipp", "-sf", str(SCENARIOS / scenario), "-i", host, "-p", str(self.port),
            "-m", str(calls), "-r", str(rate), "-l", str(limit), "-d", str(hold_ms),
            "-mi", host, "-mp", str(self.port + 10), "-nostdin", "-timeout", str(timeout),
            "-timeout_error", "-deadcall_wait", "500", "-trace_stat", "-stf", str(self.statistics),
            "-fd", "1", "-trace_err", "-error_file", str(directory / "errors.log"),
        ]  # fmt: skip
        if log_messages:
            command += ["-trace_msg", "-message_file", str(directory / "messages.log")]
        for name, value in (keys or {}).items():
            command += ["-key", name, value]
        if rows:
            injected = directory / "rows.csv"
            injected.write_text("SEQUENTIAL\n" + "".join(";".join(row) + ";\n" for row in rows))
            command += ["-inf", str(injected)]
        super().__init__(
            [*command, *options, *([target] if target else [])], directory / "log", cwd=directory
        )

    @property
    def address(self) -> str:
        return f"sip:uas@{self.host}:{self.port}"

    def finish(self, timeout: float = 30.0) -> Counters:
        """Wait for it to have done its calls."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.end()
            pytest.fail(f"sipp did not end within {timeout} s\n{self.problems()}")
        return self.counters()

    def counters(self) -> Counters:
        with self.statistics.open(newline="") as lines:
            last = list(csv.DictReader(lines, delimiter=";"))[-1]

        def total(name: str) -> int:
            return int(last[f"{name}(C)"])

        return Counters(
            created=total("TotalCallCreated") if "TotalCallCreated(C)" in last
            else int(last["TotalCallCreated"]),
            succeeded=total("SuccessfulCall"),
            failed=total("FailedCall"),
            retransmissions=total("Retransmissions"),
            unexpected=total("FailedUnexpectedMessage"),
        )  # fmt: skip

    def problems(self) -> str:
        """What it complained about, for the message of a failed assertion."""
        errors = self.directory / "errors.log"
        return errors.read_text(errors="replace")[-4000:] if errors.exists() else "no complaint"

    def counted(self) -> int:
        """What the scenario counts by its first counter of its own."""
        with self.statistics.open(newline="") as lines:
            last = list(csv.DictReader(lines, delimiter=";"))[-1]
        return int(last["GenericCounter1(C)"])

    def response_times(self) -> list[float]:
        """Seconds, with the option -trace_rtt, of what the scenario measures."""
        found: list[float] = []
        for file in self.directory.glob("*_rtt.csv"):
            lines = file.read_text().splitlines()[1:]
            found += [float(line.split(";")[1]) / 1000 for line in lines if ";" in line]
        return found

    def messages(self) -> list[str]:
        """Every SIP message that went in or out, in order, each after "sent" or "received"."""
        log = self.directory / "messages.log"
        text = log.read_text(errors="replace") if log.exists() else ""
        found: list[str] = []
        for part in _SEPARATOR.split(text)[1:]:
            head, _, body = part.strip().partition("\n\n")
            way = "received" if "received" in head else "sent"
            found.append(f"{way} {body.strip()}")
        return found

    def methods(self, way: str = "received") -> list[str]:
        """The methods (or "200 INVITE" for responses) that went one way, in order."""
        return [summary(text) for text in self.messages() if text.startswith(way)]


def summary(message: str) -> str:
    first = message.splitlines()[0].split()
    if first[1] != "SIP/2.0":
        return first[1]
    cseq = re.search(r"^CSeq:\s*\d+ (\w+)", message, re.MULTILINE | re.IGNORECASE)
    return f"{first[2]} {cseq[1] if cseq else '?'}"
