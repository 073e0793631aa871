"""An office for each test: one server, and phones and sipp around it, all ended at the end."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.interop import tones
from tests.interop.baresip import Baresip
from tests.interop.pbx import SIPP_HOST, RunningPbx, Settings, settings
from tests.interop.sipp import Sipp

TONES = {
    "101": tones.CALLER_HZ,
    "102": tones.SECOND_AGENT_HZ,
    "901": tones.FIRST_AGENT_HZ,
    "902": tones.SECOND_AGENT_HZ,
}


class Office:
    def __init__(self, directory: Path, programs: ExitStack) -> None:
        self._directory, self._programs = directory, programs
        self._server: RunningPbx | None = None
        self._count = 0

    def serve(self, configuration: Settings | None = None) -> RunningPbx:
        """Start the server. Once per test."""
        assert self._server is None
        self._server = RunningPbx(self._place("pbx"), configuration or settings())
        return self._server

    @property
    def pbx(self) -> RunningPbx:
        return self._server or self.serve()

    def phone(self, user: str, **options: Any) -> Baresip:  # noqa: ANN401
        """A phone that is being registered as `user`; each has a tone of its own as its voice."""
        choices = {"tone_hz": TONES.get(user, tones.CALLER_HZ), "server": self.pbx.sip, **options}
        if "password" not in choices:
            choices["password"] = self.pbx.password(user)
        phone = Baresip(self._place(user), user, **choices)
        return self._programs.enter_context(phone)

    def fixed_phone(self, user: str) -> Baresip:
        """One that registers nowhere. To be started before the server, which has its address."""
        return self._programs.enter_context(Baresip(self._place(user), user))

    def phones(self, *users: str) -> list[Baresip]:
        """Phones that are registered."""
        phones = [self.phone(user) for user in users]
        for phone in phones:
            phone.wait_registered()
        return phones

    def team(self) -> list[Baresip]:
        """The caller 101 and the agents 901 and 902, who are ready."""
        phones = self.phones("101", "901", "902")
        for agent in ("901", "902"):
            self.pbx.wait_agent(agent, "ready")
        return phones

    def sipp_agent(self, scenario: str, **options: Any) -> Sipp:  # noqa: ANN401
        """To be started before the server, whose configuration has its address."""
        return self._programs.enter_context(Sipp(self._place(scenario), scenario, **options))

    def sipp_caller(self, scenario: str, number: str, **options: Any) -> Sipp:  # noqa: ANN401
        keys = {"ext": number, "caller": "380440000001"}
        caller = Sipp(
            self._place(scenario), scenario, target=self.pbx.sip, host=SIPP_HOST, keys=keys,
            **options,
        )  # fmt: skip
        return self._programs.enter_context(caller)

    def _place(self, name: str) -> Path:
        self._count += 1
        return self._directory / f"{self._count}-{name}"

    def close(self) -> None:
        """Phones first, so that the server sees them go; then the server, which must be idle."""
        server = self._server
        try:
            self._programs.close()
            if server is not None and server.running:
                server.wait_idle()
        finally:
            if server is not None:
                server.stop()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with ExitStack() as programs:
        place = Office(tmp_path, programs)
        try:
            yield place
        finally:
            place.close()
