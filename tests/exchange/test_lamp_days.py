"""Whatever people and the network do: when it is quiet for a while, lamps show how it is."""

import xml.etree.ElementTree as ET
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.demo.phone import PhoneState
from pbx.dialog_info import DialogState
from tests.exchange.lamp_phone import NS, Lamp, LampPhone, plug_in
from tests.exchange.office import Office
from tests.sim.world import Network

ROUGH = Network(loss=0.1, duplication=0.1, delay=(0.001, 0.2), straggle=0.05)
QUIET = 40.0  # Longer than any retransmission.
PEOPLE = ("101", "102", "103")


def shown(lamp: Lamp) -> dict[str, str]:
    """What a phone that reads document after document shows (RFC 4235 §4.3): state by dialog."""
    found: dict[str, str] = {}
    documents = sorted(lamp.notifies, key=lambda notify: notify.cseq.number)
    for version, notify in enumerate(n for n in documents if n.body):
        root = ET.fromstring(notify.body)
        assert root.get("version") == str(version), "a change was lost"
        if root.get("state") == "full":
            found.clear()
        for dialog in root.findall("d:dialog", NS):
            state = dialog.findtext("d:state", "", NS)
            found[dialog.get("id") or ""] = state
            if state == DialogState.TERMINATED.value:
                del found[dialog.get("id") or ""]
    return found


def true_state(office: Office, extension: str) -> dict[str, str]:
    lines = office.exchange.legs.lines.of(extension)
    ringing = {True: DialogState.PROCEEDING, False: DialogState.EARLY}
    return {
        line.leg: (DialogState.CONFIRMED if line.up else ringing[line.initiator]).value
        for line in lines
    }


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_lamps_are_right_in_the_end(seed: int, restarts: bool) -> None:
    rng = Random(seed)
    office = Office(callers=3, agents={}, seed=seed % 1000)
    office.network = ROUGH
    watchers = [plug_in(office, "101"), plug_in(office, "103")]
    lamps: list[tuple[str, LampPhone, Lamp]] = []
    for phone in watchers:
        for target in PEOPLE:
            lamp, outputs = phone.watch(office.now, target, "dialog", expires=600, accept="")
            office.phone(phone, outputs)
            lamps.append((target, phone, lamp))
    office.run_for(QUIET)
    lamps = [one for one in lamps if one[2].granted]  # Some SUBSCRIBEs were lost.
    if restarts:
        office.restart_rng, office.restart_inputs = rng, 20
    for _ in range(rng.randrange(5, 40)):
        _do_something(office, rng)
        if rng.random() < 0.2:
            _, phone, lamp = rng.choice(lamps or [("", watchers[0], Lamp("", "", "", ""))])
            if lamp.granted:
                office.phone(phone, phone.again(lamp, 600))
        office.run_for(rng.choice([0.01, 0.05, 0.2, 1.0, 5.0]))
    office.network = Network(delay=(0.001, 0.01))
    office.run_for(QUIET)
    for target, _, lamp in lamps:
        assert shown(lamp) == true_state(office, target), (seed, target)
    for user in PEOPLE:
        office.hang_up(user)
    office.run_for(QUIET)
    for target, _, lamp in lamps:
        assert shown(lamp) == true_state(office, target) == {}, (seed, target)
    office.restart_rng = None
    office.run_for(700.0)
    assert office.exchange.endpoint.subscriptions == 0
    assert len(office.exchange.lamps) == 0
    assert office.exchange.legs.lines.watched == set()


def _do_something(office: Office, rng: Random) -> None:
    user = rng.choice(PEOPLE)
    match office.of(user).state:
        case PhoneState.IDLE:
            office.dial(user, rng.choice([other for other in PEOPLE if other != user]))
        case PhoneState.RINGING if rng.random() < 0.5:
            office.answer(user)
        case PhoneState.RINGING:
            office.reject(user)
        case _:
            office.hang_up(user)
