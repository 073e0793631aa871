"""Conference rooms: PINs, moderators, who hears whom, and hanging up in every order."""

from itertools import permutations

import pytest

from tests.exchange.rooms import RoomsOffice

SAYS = 4.0  # Longer than any prompt.


def meeting(*users: str) -> RoomsOffice:
    office = RoomsOffice()
    for user in users:
        office.go(user, "800")
    office.run_for(SAYS)
    return office


def test_one_after_the_other() -> None:
    office = RoomsOffice()
    office.go("101", "800")
    assert office.hears("101") == "alone"
    office.run_for(SAYS)
    assert office.hears("101") == "hold"
    office.dial("102", "800")
    office.run_for(0.2)
    assert office.all_hear("101", "102") == ["beep", "101"]
    office.run_for(SAYS)
    assert office.all_hear("101", "102") == ["102", "101"]
    office.go("103", "800")
    office.run_for(SAYS)
    assert office.all_hear("101", "102", "103") == ["102 103", "101 103", "101 102"]
    assert office.conferred() == [("101", "joined", 1), ("102", "joined", 2), ("103", "joined", 3)]
    office.close()


@pytest.mark.parametrize("order", [*permutations(("101", "102", "103"))])
def test_hanging_up_in_every_order(order: tuple[str, ...]) -> None:
    office = meeting("101", "102", "103")
    first, second, last = order
    office.leave(first)
    office.run_for(SAYS)
    assert office.all_hear(second, last) == [last, second]
    office.leave(second)
    office.run_for(SAYS)
    assert office.hears(last) == "hold"
    office.leave(last)
    assert [what for _, what, _ in office.conferred()[3:]] == ["left", "left", "left"]
    assert [r.verdict.value for r in office.records] == ["served"] * 3
    office.close()


def test_a_pin_and_a_moderator() -> None:
    office = RoomsOffice()
    office.go("101", "801")
    assert office.hears("101") == "pin"
    office.keys("101", "1111#")
    assert office.hears("101") == "wrong-pin"
    office.keys("101", "1234#")
    assert office.hears("101") == "wait-moderator"
    office.go("102", "801")
    office.keys("102", "1234#")
    office.run_for(SAYS)
    assert office.all_hear("101", "102") == ["hold", "hold"]
    office.go("103", "801")
    office.keys("103", "9876#")
    office.run_for(SAYS)
    assert office.all_hear("101", "102", "103") == ["102 103", "101 103", "101 102"]
    office.leave("103")
    office.run_for(SAYS)
    assert office.all_hear("101", "102") == ["hold", "hold"]
    office.close()


def test_a_pin_that_nobody_knows() -> None:
    office = RoomsOffice()
    office.go("101", "801")
    for _ in range(3):
        office.keys("101", "77#")
    office.run_for(10.0)
    assert office.state("101") == "idle"
    assert office.record.verdict.value == "rejected"
    office.close()


def test_a_pin_that_is_not_typed() -> None:
    office = RoomsOffice()
    office.go("101", "801")
    office.run_for(120.0)
    assert office.state("101") == "idle"
    office.close()


def test_there_is_no_place() -> None:
    office = RoomsOffice()
    for user in ("101", "102", "103"):
        office.go(user, "802")
    assert office.hears("103") == "full"
    office.run_for(10.0)
    assert office.states("101", "102", "103") == ["talking", "talking", "idle"]
    office.close()


def test_mute_count_lock_and_sending_out() -> None:
    office = RoomsOffice()
    office.go("103", "801")
    office.keys("103", "9876#")
    for user in ("101", "102"):
        office.go(user, "801")
        office.keys(user, "1234#")
    office.run_for(SAYS)
    office.keys("101", "*6")
    assert office.hears("101") == "muted"
    office.run_for(SAYS)
    assert office.all_hear("101", "102", "103") == ["102 103", "103", "102"]
    office.keys("101", "*6")
    office.run_for(SAYS)
    assert office.hears("102") == "101 103"
    office.keys("102", "*8")
    assert office.hears("102") == "members"
    office.keys("102", "*4*5")  # No moderator.
    office.keys("103", "*4")
    assert office.hears("103") == "is-locked"
    office.go("104", "801")
    office.keys("104", "1234#")
    assert office.hears("104") == "locked"
    office.keys("103", "*5")
    assert office.hears("102") == "removed"
    office.run_for(10.0)
    assert office.states("101", "102", "103", "104") == ["talking", "idle", "talking", "idle"]
    assert [what for _, what, _ in office.conferred()[3:]] == [
        *("muted", "unmuted", "locked", "refused", "removed"),
    ]
    office.close()


def test_the_number_is_announced() -> None:
    office = RoomsOffice()
    office.go("101", "802")
    office.run_for(SAYS)
    office.go("102", "802")
    assert office.hears("101") == "extension"
    office.close()


def test_who_holds_is_not_heard() -> None:
    office = meeting("101", "102", "103")
    office.hold("101", held=True)
    office.run_for(1.0)
    assert office.all_hear("102", "103") == ["103", "102"]
    office.hold("101", held=False)
    office.run_for(1.0)
    assert office.hears("101") == "102 103"
    office.close()


def test_a_caller_is_transferred_into_a_room() -> None:
    office = meeting("103")
    office.talk("101", "102")
    office.transfer("102", "800")
    office.run_for(SAYS)
    assert office.states("101", "102", "103") == ["talking", "idle", "talking"]
    assert office.all_hear("101", "103") == ["103", "101"]
    office.close()


def test_somebody_takes_the_place_of_a_member() -> None:
    """An attended transfer into the room."""
    office = meeting("103")
    second = office.another_phone("102")
    office.talk("101", "102")
    office.phone(second, second.dial("800", office.now))
    office.run_for(SAYS)
    office.transfer_attended("102")
    office.run_for(SAYS)
    assert office.states("101", "102", "103") == ["talking", "idle", "talking"]
    assert office.all_hear("101", "103") == ["103", "101"]
    office.close()


# --- three, by keys


def three(*, active: str = "103") -> RoomsOffice:
    """102 talks to 101, has put them on hold, and talks to 103 by another line."""
    office = RoomsOffice()
    office.talk("101", "102")
    office.hold("102", held=True)
    second = office.another_phone("102")
    office.phone(second, second.dial(active, office.now))
    office.run_for(1.0)
    office.answer(active)
    office.run_for(1.0)
    assert office.hears("101") == "hold"
    for digit in "*3":
        office.phone(second, second.press(digit, office.now))
        office.run_for(0.25)
    office.run_for(1.0)
    return office


def test_two_calls_become_one() -> None:
    office = three()
    assert [office.hears("101"), office.hears("102", 1), office.hears("103")] == [
        *("102 103", "101 103", "101 102"),
    ]
    assert office.state("102") == "idle"  # The line that was on hold.
    office.close()


@pytest.mark.parametrize("first", ["101", "102", "103"])
def test_one_of_three_leaves(first: str) -> None:
    office = three()
    office.leave(first)
    one, other = (user for user in ("101", "102", "103") if user != first)
    assert office.hears(one, int(one == "102")) == other
    assert office.hears(other, int(other == "102")) == one
    office.leave(one)
    assert office.of(other, int(other == "102")).state.value == "idle"
    assert len(office.records) == 2
    office.close()


def test_three_after_asking_first() -> None:
    """With one line only: `*2103#`, then `*3`."""
    office = RoomsOffice()
    office.served()
    office.keys("901", "*2103#")
    office.answer("103")
    office.run_for(1.0)
    assert office.hears("101") == "hold"
    office.keys("901", "*3")
    assert office.all_hear("101", "901", "103") == ["103 901", "101 103", "101 901"]
    assert office.agents["901"] == "talking"
    office.leave("101")
    assert office.all_hear("901", "103") == ["103", "901"]
    assert office.agents["901"] == "occupied"
    office.leave("901")
    assert office.state("103") == "idle"
    assert office.agents["901"] == "ready"
    office.close()


def test_the_call_of_a_queue_stays_what_it_is() -> None:
    """Its agent adds somebody whom he had on hold to it, on another line."""
    office = RoomsOffice()
    second = office.another_phone("901")
    office.served()
    office.phone(second, second.dial("103", office.now))
    office.run_for(1.0)
    office.answer("103")
    office.run_for(0.5)
    office.phone(second, second.hold(True, office.now))
    office.run_for(0.5)
    office.keys("901", "*3")
    assert office.all_hear("101", "901", "103") == ["103 901", "101 103", "101 901"]
    assert office.state("901", 1) == "idle"
    assert office.agents["901"] == "talking"
    office.leave("103")
    assert office.all_hear("101", "901") == ["901", "101"]
    office.close()


def test_four() -> None:
    office = three()
    office.hold("102", held=False)
    second = office.of("102", 1)
    office.phone(second, second.hold(True, office.now))
    office.phone(office.of("102"), office.of("102").dial("104", office.now))
    office.run_for(1.0)
    office.answer("104")
    office.run_for(1.0)
    office.keys("102", "*3")
    office.run_for(1.0)
    assert office.all_hear("101", "102", "103", "104") == [
        *("102 103 104", "101 103 104", "101 102 104", "101 102 103"),
    ]
    office.leave("102")
    assert office.all_hear("101", "103", "104") == ["103 104", "101 104", "101 103"]
    office.close()


def test_the_keys_without_another_call() -> None:
    office = RoomsOffice()
    office.talk("101", "102")
    office.keys("102", "*3")
    assert office.all_hear("101", "102") == ["102", "101"]
    office.close()


def test_somebody_listens_to_three() -> None:
    office = RoomsOffice()
    office.served()
    office.go("104", "*221901")
    office.keys("901", "*2103#")
    office.answer("103")
    office.run_for(1.0)
    office.keys("901", "*3")
    office.run_for(1.0)
    assert office.all_hear("101", "901", "103", "104") == [
        *("103 901", "101 103", "101 901", "101 103 901"),
    ]
    office.close()
