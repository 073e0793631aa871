"""Real telephones: listening, whispering, joining in, taking over, conferences."""

from typing import Any, Final

import numpy as np
import pytest

from tests.interop import tones
from tests.interop.baresip import Baresip
from tests.interop.conftest import Office
from tests.interop.pbx import RunningPbx, settings
from tests.interop.programs import let_pass
from tests.interop.telephones import (
    LISTEN_TIMES,
    SETTLE_SECONDS,
    VOICES,
    Telephone,
    assert_heard,
    pjsip,
    talk,
    telephone,
)

pytestmark = pytest.mark.interop

SILENT_DB: Final = -60.0  # Below the voice as it is heard by who may hear it.
LISTEN_SECONDS: Final = 3.0
HEARD_DB: Final = -12.0


def serve(office: Office, **changes: Any) -> RunningPbx:  # noqa: ANN401
    supervision = {"supervisors": {"103": "everybody"}}
    base: dict[str, Any] = {
        "extensions": {"103": "Petro"},
        "supervision": supervision,
        "conferences": {"meeting": {"number": "800", "announce": "off"}},
    }
    return office.serve(settings(**(base | changes)))


def supervising(office: Office) -> Baresip:
    """The phone of the supervisor."""
    phone = office.phone("103", tone_hz=VOICES["103"])
    phone.wait_registered()
    return phone


def levels(phones: list[Telephone], begin: float = SETTLE_SECONDS) -> dict[str, dict[str, float]]:
    """By phone: how loud it hears each voice, in dB below full scale."""
    let_pass(begin)
    heard: dict[str, tones.Samples] = {}
    for _ in range(LISTEN_TIMES):
        for phone in phones:
            phone.start_listening()
        let_pass(LISTEN_SECONDS)
        heard = {phone.user: phone.stop_listening() for phone in phones}
        if all(len(samples) for samples in heard.values()):
            break  # A busy phone may not have written anything yet.
    return {user: _voices(samples) for user, samples in heard.items()}


def _voices(heard: tones.Samples) -> dict[str, float]:
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)))) * 4 / max(len(heard), 1)
    bins = np.fft.rfftfreq(len(heard), 1 / tones.RATE)
    found: dict[str, float] = {}
    for user, hz in VOICES.items():
        near = spectrum[np.abs(bins - hz) < 3.0]
        peak = float(near.max()) if len(near) else 0.0
        found[user] = 20 * np.log10(max(peak, 1e-7))
    return found


def test_listen_whisper_join_in_and_leave(office: Office) -> None:
    _ = serve(office)
    client, agent = telephone(office, "baresip", "101"), pjsip(office, "102")
    supervisor = supervising(office)
    talk(client, agent)
    client.start_listening()
    _ = supervisor.dial("*221102")
    _ = supervisor.wait_established()
    heard = levels([agent, supervisor])
    whole = tones.measure(client.stop_listening(), VOICES["102"])
    assert whole is not None
    assert (whole.gaps, whole.jumps) == ((), 0)  # Nobody noticed.
    loud = heard["102"]["101"]
    assert min(heard["103"]["101"], heard["103"]["102"]) > loud + HEARD_DB
    supervisor.press("5")
    heard = levels([client, agent, supervisor])
    assert heard["102"]["103"] > loud + HEARD_DB
    assert heard["101"]["103"] < loud + SILENT_DB, heard
    assert heard["101"]["102"] > loud + HEARD_DB
    supervisor.press("6")
    heard = levels([client, agent, supervisor])
    assert heard["101"]["103"] > loud + HEARD_DB
    assert heard["102"]["103"] > loud + HEARD_DB
    supervisor.press("4")
    heard = levels([client, agent])
    assert heard["101"]["103"] < loud + SILENT_DB, heard
    assert heard["102"]["103"] < loud + SILENT_DB, heard
    _ = supervisor.hang_up()
    assert_heard({client: agent, agent: client})
    assert len(agent.received("INVITE")) == 1  # No re-INVITE for who talks.


def test_the_supervisor_takes_over(office: Office) -> None:
    _ = serve(office)
    client, agent = telephone(office, "baresip", "101"), pjsip(office, "102")
    supervisor = supervising(office)
    talk(client, agent)
    _ = supervisor.dial("*221102")
    _ = supervisor.wait_established()
    supervisor.press("7")
    _ = agent.wait_closed()
    assert_heard({client: supervisor, supervisor: client})


def test_a_conference(office: Office) -> None:
    _ = serve(office)
    phones: list[Telephone] = [
        telephone(office, "baresip", "101"),
        pjsip(office, "102"),
        telephone(office, "baresip", "103"),
    ]
    for phone in phones:
        _ = phone.dial("800")
        _ = phone.wait_established()
    let_pass(4.0)  # Who came first has been told so.
    heard = levels(phones)
    for phone in phones:
        for user, level in heard[phone.user].items():
            if user == phone.user:
                assert level < SILENT_DB, heard
            else:
                assert level > -30.0, heard
    _ = phones[1].hang_up()
    assert_heard({phones[0]: phones[2], phones[2]: phones[0]})


def test_three_by_keys(office: Office) -> None:
    """Two calls of one phone become one."""
    _ = serve(office)
    client, agent = telephone(office, "baresip", "101"), pjsip(office, "102")
    third = telephone(office, "baresip", "103")
    talk(client, agent)
    agent.hold(0)
    talk(agent, third)
    agent.press("*3", 1)
    _ = agent.wait_closed(0)
    heard = levels([client, agent, third])
    for user in ("101", "102", "103"):
        others = {"101", "102", "103"} - {user}
        assert all(heard[user][other] > -30.0 for other in others), heard
    agent.hang_up(1)
    assert_heard({client: third, third: client})
