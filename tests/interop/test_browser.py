"""A telephone in a browser (JsSIP in Chromium): SIP over WebSocket, sound by DTLS-SRTP."""

import json
import os
from collections.abc import Iterator

import pytest

from media.ice import CONSENT_SECONDS
from tests.interop import telephones, tones
from tests.interop.browser import CLEAN, Browser, BrowserPhone
from tests.interop.conftest import Office
from tests.interop.pbx import RunningPbx, settings
from tests.interop.programs import HOST, eventually
from tests.interop.sprayer import Sprayer

pytestmark = [pytest.mark.interop, pytest.mark.slow]

# In each direction; `BROWSER_CALLS=100` for as many as it is to stand.
CALLS = int(os.environ.get("BROWSER_CALLS", "25"))
AT_ONCE = 5
MUSIC_SECONDS_MAX = 12
SETUP_MS_MAX = 1000.0
GOODBYE_SECONDS_MAX = 10.0
CHECK_SECONDS = 2.5  # Chromium's, once it has found its way.
CALLER, CALLEE = tones.CALLER_HZ, tones.FIRST_AGENT_HZ


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


class Pages:
    """An office whose telephones are pages."""

    def __init__(self, office: Office, browser: Browser) -> None:
        self.office = office
        self.browser = browser
        self._opened: list[BrowserPhone] = []
        self._scheme = "ws"

    def serve(
        self, *, secure: bool = False, origins: tuple[str, ...] | None = None, **changes: object
    ) -> None:
        allowed = (self.browser.origin,) if origins is None else origins
        web = {"origins": list(allowed), "tls": secure}
        _ = self.office.serve(settings(web=web, **changes))
        self._scheme = "wss" if secure else "ws"

    @property
    def pbx(self) -> RunningPbx:
        return self.office.pbx

    def open(self, user: str, hz: float, expires: int = 600) -> BrowserPhone:
        uri = f"{self._scheme}://{HOST}:{self.pbx.web_port}/ws"
        password = self.pbx.password(user)
        phone = BrowserPhone(self.browser, user, password, uri, hz, expires)
        self._opened.append(phone)
        return phone

    def registered(self, user: str, hz: float, expires: int = 600) -> BrowserPhone:
        phone = self.open(user, hz, expires)
        phone.wait("registered")
        return phone

    def wait_registrations(self, count: int) -> None:
        _ = eventually(
            lambda: self.pbx.status()["registrations"] == count, f"{count} registrations"
        )

    def answers(self, status: str) -> int:
        """How many REGISTERs the server answered so."""
        traced = json.loads(self.pbx.get("/trace.json?with=REGISTER&last=1000"))
        return sum(message["text"].startswith(f"SIP/2.0 {status}") for message in traced)

    def close(self, phone: BrowserPhone) -> None:
        self._opened.remove(phone)
        phone.close()

    def close_all(self) -> None:
        for phone in list(self._opened):
            self.close(phone)


@pytest.fixture
def pages(office: Office, browser: Browser) -> Iterator[Pages]:
    opened = Pages(office, browser)
    try:
        yield opened
    finally:
        opened.close_all()


def talk(caller: BrowserPhone, callee: BrowserPhone) -> None:
    """Both hear each other, cleanly."""
    for phone, hz in ((callee, CALLER), (caller, CALLEE)):
        assert phone.hears(hz) >= CLEAN


def hears_music(phone: BrowserPhone) -> bool:
    """Soon: there may be a welcome before, and a busy machine stretches what comes first."""
    return any(
        telephones.like_music(phone.listen(1.0)) > telephones.LIKE_MUSIC
        for _ in range(MUSIC_SECONDS_MAX)
    )


def connect(pages: Pages, number: str = "102") -> tuple[BrowserPhone, BrowserPhone]:
    caller, callee = pages.registered("101", CALLER), pages.registered("102", CALLEE)
    caller.run(f"phone.call('{number}')")
    callee.wait("ringing")
    callee.run("phone.answer()")
    for phone in (callee, caller):
        phone.wait("connection connected")
    talk(caller, callee)
    return caller, callee


@pytest.mark.parametrize("secure", [False, True])
def test_registers_and_its_binding_goes_with_the_page(pages: Pages, secure: bool) -> None:
    pages.serve(secure=secure)
    phone = pages.registered("101", CALLER)
    pages.wait_registrations(1)
    pages.close(phone)
    pages.wait_registrations(0)


def test_refreshes(pages: Pages) -> None:
    pages.serve()
    phone = pages.registered("101", CALLER)
    before = pages.answers("200 OK")
    phone.run("phone.register()")
    _ = eventually(lambda: pages.answers("200 OK") == before + 1, "another 200")
    assert phone.run("phone.registered")
    pages.wait_registrations(1)


def test_comes_back_after_its_websocket_was_dropped(pages: Pages) -> None:
    pages.serve()
    phone = pages.registered("101", CALLER)
    phone.run("phone.drop()")
    phone.wait("disconnected")
    phone.wait("registered")
    pages.wait_registrations(1)


def test_many_reloads_leave_one_binding(pages: Pages) -> None:
    pages.serve()
    phone = pages.registered("101", CALLER)
    for _ in range(12):  # One more than an extension may have.
        phone.reload()
        phone.start()
        phone.wait("registered")
    pages.wait_registrations(1)


def test_a_page_of_a_foreign_site_is_refused(pages: Pages) -> None:
    pages.serve(origins=())
    phone = pages.open("101", CALLER)
    phone.wait("disconnected")
    pages.wait_registrations(0)


@pytest.mark.parametrize("hangs_up", ["caller", "callee"])
@pytest.mark.parametrize("secure", [False, True])
def test_calls_and_is_called(pages: Pages, secure: bool, hangs_up: str) -> None:
    pages.serve(secure=secure)
    both = dict(zip(("caller", "callee"), connect(pages), strict=True))
    both.pop(hangs_up).run("phone.hangUp()")
    for other in both.values():
        other.wait("ended remote")
    assert pages.pbx.record()["verdict"] == "answered"


def test_is_refused_and_gives_up(pages: Pages) -> None:
    pages.serve()
    caller, callee = pages.registered("101", CALLER), pages.registered("102", CALLEE)
    caller.run("phone.call('102')")
    callee.wait("ringing")
    callee.run("phone.hangUp()")
    caller.wait("failed remote")
    caller.run("phone.call('102')")
    callee.wait("ringing")
    caller.run("phone.hangUp()")
    callee.wait("failed remote")


def test_holds_and_resumes(pages: Pages) -> None:
    pages.serve()
    caller, callee = connect(pages)
    for holder, other, hz in ((caller, callee, CALLER), (callee, caller, CALLEE)):
        holder.run("phone.hold()")
        holder.wait("hold local")
        _ = other.listen(0.5)
        assert hears_music(other)  # Ours, instead of the holder's voice.
        assert tones.tone_share(other.listen(0.5), hz) < 0.5
        holder.run("phone.resume()")
        holder.wait("unhold local")
        talk(caller, callee)
    caller.run("phone.hangUp()")
    callee.wait("ended remote")


def test_a_call_goes_on_when_the_websocket_was_gone(pages: Pages) -> None:
    """Sound goes on meanwhile; whoever hangs up then, the other one is told."""
    pages.serve()
    caller, callee = connect(pages)
    callee.run("phone.drop()")
    callee.wait("disconnected")
    assert caller.hears(CALLEE) >= CLEAN
    callee.wait("registered")
    talk(caller, callee)
    caller.run("phone.hangUp()")
    callee.wait("ended remote")


def test_a_call_with_a_phone_of_another_kind(pages: Pages) -> None:
    pages.serve()
    page = pages.registered("101", CALLER)
    (desk,) = pages.office.phones("102")
    page.run("phone.call('102')")
    _ = desk.wait("CALL_INCOMING")
    _ = desk.accept()
    page.wait("connection connected")
    assert page.hears(tones.SECOND_AGENT_HZ) >= CLEAN
    page.run("phone.hangUp()")
    _ = desk.wait_closed()
    assert pages.pbx.record()["verdict"] == "answered"


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_is_transferred(pages: Pages, who: str) -> None:
    """Blind: who stays talks with the third one, and who transferred is out of it."""
    pages.serve()
    caller, callee = connect(pages)
    stays, leaves = (callee, caller) if who == "caller" else (caller, callee)
    third = pages.registered("901", tones.SECOND_AGENT_HZ)
    leaves.run("phone.transfer('901')")
    leaves.wait("transfer taken")
    third.wait("ringing")
    third.run("phone.answer()")
    third.wait("confirmed")
    leaves.wait("ended")
    assert stays.hears(tones.SECOND_AGENT_HZ) >= CLEAN
    assert third.hears(CALLEE if stays is callee else CALLER) >= CLEAN
    third.run("phone.hangUp()")
    stays.wait("ended remote")


def test_is_transferred_attended(pages: Pages) -> None:
    """The one who transfers asks the third one first (REFER with Replaces, RFC 3891)."""
    pages.serve()
    caller, callee = connect(pages)
    third = pages.registered("901", tones.SECOND_AGENT_HZ)
    callee.run("phone.consult('901')")
    third.wait("ringing")
    third.run("phone.answer()")
    third.wait("confirmed")
    callee.wait("confirmed")
    talked = len(callee.events)
    callee.run("phone.connect()")
    callee.wait("transfer taken")
    _ = eventually(lambda: sum("ended" in e for e in callee.events[talked:]) == 2, "both ended")
    assert caller.hears(tones.SECOND_AGENT_HZ) >= CLEAN
    assert third.hears(CALLER) >= CLEAN
    caller.run("phone.hangUp()")
    third.wait("ended remote")


def test_the_browser_and_the_desk_phone_of_a_person_ring_together(pages: Pages) -> None:
    """Each gets an offer that it can do; whichever answers, is heard."""
    pages.serve()
    caller, page = pages.registered("101", CALLER), pages.registered("102", CALLEE)
    (desk,) = pages.office.phones("102")
    caller.run("phone.call('102')")
    page.wait("ringing")
    _ = desk.wait("CALL_INCOMING")
    _ = desk.accept()
    page.wait("failed remote")
    assert caller.hears(tones.SECOND_AGENT_HZ) >= CLEAN
    caller.run("phone.hangUp()")
    _ = desk.wait_closed()
    caller.run("phone.call('102')")
    page.wait("ringing")
    page.run("phone.answer()")
    page.wait("connection connected")
    talk(caller, page)
    caller.run("phone.hangUp()")
    page.wait("ended remote")


def test_waits_in_a_queue_and_presses_keys(pages: Pages) -> None:
    """It hears the welcome and the music, then the agent; its keys are those of RFC 4733."""
    pages.serve()
    caller = pages.registered("101", CALLER)
    caller.run("phone.call('500')")
    caller.wait("connection connected")
    assert hears_music(caller)
    agent = pages.registered("901", CALLEE)
    agent.wait("ringing")
    agent.run("phone.answer()")
    agent.wait("connection connected")
    talk(caller, agent)
    third = pages.registered("102", tones.SECOND_AGENT_HZ)
    for key in "##102#":
        agent.run(f"phone.digit('{key}')")
    third.wait("ringing", 10.0)
    third.run("phone.answer()")
    third.wait("connection connected")
    assert caller.hears(tones.SECOND_AGENT_HZ) >= CLEAN
    caller.run("phone.hangUp()")
    third.wait("ended remote")


def test_its_network_is_looked_for_again(pages: Pages) -> None:
    """ICE restarts within the call: the same keys, other passwords (RFC 8445 §9). The second one
    of a page begins where the first one ended: with our old password, if it was quick."""
    pages.serve()
    caller, callee = connect(pages)
    for phone in (caller, callee, caller, callee):
        assert phone.run("phone.restartIce()")
        _ = phone.listen(0.5)
        talk(caller, callee)
        assert phone.run("phone.transport()")["dtls"] == "connected"
    caller.run("phone.hangUp()")
    callee.wait("ended remote")


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_is_reloaded_in_the_middle_of_a_call(pages: Pages, who: str) -> None:
    """The page is gone without a BYE, but its sound says goodbye; the next page is as new."""
    pages.serve()
    caller, callee = connect(pages)
    gone, left = (caller, callee) if who == "caller" else (callee, caller)
    gone.reload()
    left.wait("ended remote", GOODBYE_SECONDS_MAX)
    record = pages.pbx.record()
    assert (record["verdict"], record["hangup"]) == ("answered", "system")
    gone.start()
    gone.wait("registered")
    pages.wait_registrations(2)
    left.run(f"phone.call('{101 if who == 'caller' else 102}')")
    gone.wait("ringing")
    gone.run("phone.answer()")
    for phone in (gone, left):
        phone.wait("connection connected")
    talk(caller, callee)
    gone.run("phone.hangUp()")
    left.wait("ended remote")


def test_crashes_in_the_middle_of_a_call(pages: Pages) -> None:
    """Nothing says goodbye: the call ends when consent has not been given for too long."""
    pages.serve(media={"silence_timeout": "0s"})
    caller, callee = connect(pages)
    callee.crash()
    pages.wait_registrations(1)
    caller.wait("ended remote", CONSENT_SECONDS + GOODBYE_SECONDS_MAX)
    record = pages.pbx.record()
    assert (record["verdict"], record["hangup"]) == ("answered", "system")
    assert record["talk_seconds"] > CONSENT_SECONDS - CHECK_SECONDS


def test_many_calls_all_connect_while_strangers_interfere(pages: Pages) -> None:
    """Each call is one out and one in, answered after 0 to 300 ms. A ClientHello of a stranger
    arrives at every port all the time: with it a server might begin a handshake with him."""
    pages.serve(overload={"longest_delay": "0s"})  # However busy this machine is.
    caller, callee = pages.registered("101", CALLER), pages.registered("102", CALLEE)
    callee.run("phone.answerAfter = [0, 50, 100, 150, 200, 250, 300]")
    with Sprayer(pages.pbx.media_ports) as sprayer:
        for done in range(0, CALLS, AT_ONCE):
            wanted = min(CALLS, done + AT_ONCE)
            for _ in range(wanted - done):
                caller.run("phone.call('102')")
            for phone in (caller, callee):
                phone.wait_setups(wanted)
            caller.run("phone.hangUpAll()")
            pages.pbx.wait_idle()
    assert sprayer.sent > 10 * CALLS
    assert sprayer.answers == 0
    for phone in (caller, callee):
        setups = phone.run("phone.setups")
        assert len(setups) == CALLS
        assert max(setups) < SETUP_MS_MAX, sorted(setups)[-5:]
    records = pages.pbx.wait_records(CALLS, 10.0)
    assert {(r["verdict"], r["hangup"]) for r in records} == {("answered", "caller")}
