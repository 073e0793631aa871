"""Stories about codecs: who is offered what, and when the answer waits for the other side."""

import re

from pbx.codec_plan import CodecPlan, PeerCodecs, ordered
from tests.exchange.office import Office
from tests.exchange.trunk import HERE, SDP, Trunk

ALL = ("G722", "PCMU", "PCMA")
WIDE = SDP.format(types="9 0").replace("\n", "\r\n").encode()


def office(**peers: PeerCodecs) -> Office:
    found = Office(trusted=(HERE[0],))
    found.exchange.legs.codecs = ALL
    found.exchange.legs.codec_plan = CodecPlan({name[1:]: peer for name, peer in peers.items()})
    return found


def types_in(body: bytes) -> list[str]:
    (line,) = re.findall(rb"m=audio \d+ RTP/AVP ([\d ]+)", body)
    return [number for number in line.decode().split() if number != "101"]


def test_the_order() -> None:
    assert ordered(ALL, ("PCMA",)) == ("PCMA", "PCMU", "G722")
    assert ordered(ALL, ("opus",)) == ALL
    assert ordered(("opus", *ALL), ("G722", "PCMU")) == ("G722", "opus", "PCMU", "PCMA")
    assert ordered(("PCMA",), ("PCMU",)) == ("PCMA",)
    assert ordered(ALL, ()) == ALL


def test_the_answer_waits_for_the_choice_of_who_is_called() -> None:
    """The phone knows the two laws alone, so the caller gets one of them, too."""
    found = office()
    trunk = Trunk(found)
    trunk.invite("102", WIDE)
    found.run_for(1.0)
    assert trunk.statuses() == [100, 180]
    found.answer("102")
    found.run_for(1.0)
    assert types_in(trunk.answer(200).body) == ["0"]
    trunk.ack()
    trunk.bye()
    found.run_for(1.0)
    found.close()


def test_who_is_answered_first_has_the_best_and_its_agents_are_offered_it_first() -> None:
    found = office()
    trunk = Trunk(found)
    trunk.invite("500", WIDE)
    found.run_for(1.0)
    assert types_in(trunk.answer(200).body) == ["9"]
    trunk.ack()
    found.answer("901")
    found.run_for(1.0)
    assert found.of("901").remote is not None
    trunk.bye()
    found.run_for(1.0)
    found.close()


def test_what_an_extension_may_use() -> None:
    """Another law is near enough: nothing is decoded between the two."""
    found = office(e102=PeerCodecs(("PCMA",)))
    trunk = Trunk(found)
    trunk.invite("102", WIDE)
    found.run_for(1.0)
    found.answer("102")
    found.run_for(1.0)
    remote = found.of("102").remote
    assert remote is not None
    assert remote.codec == "PCMA"
    assert types_in(trunk.answer(200).body) == ["0"]
    trunk.ack()
    trunk.bye()
    found.run_for(1.0)
    found.close()


def test_a_key_by_info_goes_on_to_the_other_side() -> None:
    """Once: no telephone-event of it comes as well."""
    found = office()
    trunk = Trunk(found)
    trunk.invite("102", WIDE)
    found.run_for(1.0)
    found.answer("102")
    found.run_for(1.0)
    _ = trunk.answer(200)
    trunk.ack()
    for digit in (b"7", b"#"):
        trunk.info(b"Signal=" + digit + b"\r\nDuration=160\r\n")
        found.run_for(0.5)
    assert [line.pressed for line in found.workers[0].lines.values()] in (["7#", ""], ["", "7#"])
    remote = found.of("102").remote
    assert remote is not None
    (line,) = [line for line in found.workers[0].lines.values() if line.pressed]
    assert line.port == remote.address[1]
    trunk.bye()
    found.run_for(1.0)
    found.close()
