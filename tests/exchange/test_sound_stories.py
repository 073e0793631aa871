"""Stories in which the sound matters: offers, hold, silence, lost workers, no ports."""

from dataclasses import replace

from media import protocol as media
from media.negotiation import read_answer
from pbx.history.records import Hangup, Verdict
from pbx.plan import SignIn
from tests.exchange.office import SALES, Office
from tests.exchange.trunk import G729, HERE, PLAIN, Trunk

TRUSTED = (HERE[0],)
ONE = {"901": SignIn.REGISTER}


def talking(office: Office, caller: str = "101", agent: str = "901") -> None:
    office.dial(caller)
    office.run_for(1.0)
    office.answer(agent)
    office.run_for(1.0)
    assert office.state(caller) == office.state(agent) == "talking"


def heard_by(office: Office, user: str) -> str:
    """What the line of this phone does: joined, plays something, nothing."""
    remote = office.of(user).remote
    assert remote is not None
    for worker in office.workers:
        for line in worker.lines.values():
            if line.port == remote.address[1]:
                return "joined" if line.joined else line.files[0] if line.play else "nothing"
    return "closed"


def test_a_late_offer_is_connected_by_the_ack() -> None:
    office = Office(trusted=TRUSTED)
    trunk = Trunk(office)
    trunk.invite("500", b"")
    office.run_for(1.0)
    assert trunk.statuses() == [100, 200]
    offer = trunk.answer(200).body
    (near,) = [n for n in office.workers[0].lines if ".far" not in n]
    assert office.workers[0].lines[near].address is None
    trunk.ack(PLAIN)
    office.run_for(0.5)
    assert office.workers[0].lines[near].address == ("10.9.0.1", 4000)
    assert read_answer(offer, PLAIN).codec == "PCMU"
    office.answer("901")
    office.run_for(1.0)
    assert heard_by(office, "901") == "joined"
    trunk.bye()
    office.run_for(1.0)
    assert (office.record.verdict, office.record.caller) == (Verdict.ANSWERED, "0501234567")
    office.close()


def test_a_late_offer_to_an_extension_is_joined_before_the_ack_comes() -> None:
    office = Office(trusted=TRUSTED)
    trunk = Trunk(office)
    trunk.invite("102", b"")
    office.run_for(1.0)
    office.answer("102")
    office.run_for(1.0)
    _ = trunk.answer(200)
    trunk.ack(PLAIN)
    office.run_for(1.0)
    assert heard_by(office, "102") == "joined"
    trunk.bye()
    office.run_for(1.0)
    assert office.record.verdict is Verdict.ANSWERED
    office.close()


def test_a_late_offer_whose_answer_suits_nobody_ends_the_call() -> None:
    office = Office(trusted=TRUSTED)
    trunk = Trunk(office)
    trunk.invite("500", b"")
    office.run_for(1.0)
    _ = trunk.answer(200)
    trunk.ack(G729)
    office.run_for(1.0)
    assert (office.record.verdict, office.record.cause) == (Verdict.FAILED, "not acceptable")
    assert office.ringing == []
    office.close()


def test_no_ack_ends_the_call_after_half_a_minute() -> None:
    office = Office(trusted=TRUSTED, silence_seconds=0.0)
    trunk = Trunk(office)
    trunk.invite("500", PLAIN)
    office.run_for(40.0)
    record = office.record
    assert (record.verdict, record.hangup, record.cause) == (
        Verdict.FAILED,
        Hangup.SYSTEM,
        "unreachable",
    )
    assert record.ended_at - record.started_at == 32.0
    office.close()


def test_no_common_codec_is_488() -> None:
    office = Office(trusted=TRUSTED)
    call = Trunk(office)
    call.invite("500", G729)
    office.run_for(1.0)
    assert call.statuses() == [100, 488]
    assert (office.record.verdict, office.record.cause) == (Verdict.FAILED, "not acceptable")
    assert office.ringing == []
    _ = call.answer(488)
    call.ack()
    office.close()


def test_hold_gives_music_to_the_other_side_and_resume_ends_it() -> None:
    for holder, waits in (("901", "101"), ("101", "901")):
        office = Office(agents=ONE)
        talking(office)
        office.hold(holder, True)
        office.run_for(1.0)
        assert heard_by(office, waits) == "/sounds/music/hold.wav"
        office.hold(holder, False)
        office.run_for(1.0)
        assert heard_by(office, waits) == heard_by(office, holder) == "joined"
        office.close()


def test_without_hold_music_the_other_side_hears_nothing() -> None:
    office = Office(agents=ONE)
    plan = office.exchange.plan
    sounds = {name: path for name, path in plan.sounds.items() if name != "music/hold"}
    office.configure(replace(plan, sounds=sounds))
    talking(office)
    office.hold("901", True)
    office.run_for(1.0)
    assert heard_by(office, "901") == heard_by(office, "101") == "nothing"
    office.hold("901", False)
    office.run_for(1.0)
    assert heard_by(office, "901") == "joined"
    office.close()


def test_both_hold_and_one_comes_back() -> None:
    office = Office(agents=ONE)
    talking(office)
    office.hold("901", True)
    office.run_for(1.0)
    office.hold("101", True)
    office.run_for(1.0)
    office.hold("901", False)
    office.run_for(1.0)
    assert heard_by(office, "901") == "/sounds/music/hold.wav"
    office.hold("101", False)
    office.run_for(1.0)
    assert heard_by(office, "901") == heard_by(office, "101") == "joined"
    office.close()


def test_a_caller_who_holds_the_queue_still_holds_the_agent() -> None:
    office = Office(agents=ONE)
    office.dial("101")
    office.run_for(1.0)
    office.hold("101", True)
    office.run_for(1.0)
    office.answer("901")
    office.run_for(1.0)
    assert heard_by(office, "901") == "/sounds/music/hold.wav"
    office.hold("101", False)
    office.run_for(1.0)
    assert heard_by(office, "901") == "joined"
    office.close()


def test_both_hold_at_the_same_moment() -> None:
    office = Office(agents=ONE)
    talking(office)
    office.hold("901", True)
    office.hold("101", True)
    office.run_for(5.0)
    office.hold("901", False)
    office.hold("101", False)
    office.run_for(5.0)
    assert heard_by(office, "901") == heard_by(office, "101") == "joined"
    office.close()


def test_a_held_phone_may_be_silent() -> None:
    office = Office(agents=ONE)
    talking(office)
    office.hold("901", True)
    office.run_for(300.0)
    assert office.state("101") == office.state("901") == "talking"
    office.close()


def test_silence_of_the_agent_ends_the_call() -> None:
    office = Office(agents=ONE)
    talking(office)
    office.mute(office.of("901"))
    quiet_since = office.now
    office.run_for(31.0)
    record = office.record
    assert (record.verdict, record.hangup, record.cause) == (
        Verdict.ANSWERED,
        Hangup.SYSTEM,
        "silent",
    )
    assert office.exchange.epoch + quiet_since + 30.0 == record.ended_at
    assert office.state("101") == office.state("901") == "idle"
    assert office.agents == {"901": "ready"}
    office.close()


def test_silence_of_a_waiting_caller_ends_the_call() -> None:
    office = Office(agents={"901": SignIn.CODE})
    office.dial("101")
    office.run_for(1.0)
    office.unplug(office.of("101"))
    office.run_for(31.0)
    record = office.record
    assert (record.verdict, record.hangup, record.cause) == (
        Verdict.FAILED,
        Hangup.SYSTEM,
        "silent",
    )
    office.close()


def test_a_port_that_cannot_be_opened_ends_the_call() -> None:
    for failures in (1, 2):
        office = Office(agents=ONE)
        office.workers[0].fails_to_open = failures
        office.dial("101")
        office.run_for(1.0)
        assert (office.record.verdict, office.record.cause) == (Verdict.FAILED, "failed")
        assert office.ringing == []
        assert office.left() == ["system"]
        office.close()


def test_all_ports_are_taken() -> None:
    office = Office(ports=(20_000, 20_003))  # Two sessions: one call.
    talking(office)
    office.dial("102")
    office.dial("103", "902")
    office.run_for(1.0)
    assert office.got("102")[-1] == office.got("103")[-1] == "503"
    assert {record.verdict for record in office.records} == {Verdict.FAILED}
    office.hang_up("101")
    office.run_for(30.0)
    talking(office, "102", "901" if office.agents["901"] == "ready" else "902")
    office.close()


def test_the_only_port_left_is_enough_for_a_prompt() -> None:
    office = Office(ports=(20_000, 20_001))
    office.dial("101", "600")
    office.run_for(1.0)
    assert office.state("101") == "talking"
    office.dial("102", "600")
    office.run_for(1.0)
    assert office.got("102")[-1] == "503"
    office.close()


def test_a_digit_of_the_media_worker_is_a_key() -> None:
    office = Office(replace(SALES))
    office.dial("101")
    office.run_for(1.0)
    (call,) = office.exchange.calls.values()
    office.media_event(0, media.Digit(call.caller_leg, "5", 100))
    office.run_for(1.0)
    assert office.ringing == ["901"]
    office.close()
