"""Days on which everything happens to the core that can: read, learnt from and lived again."""

import pytest

from pbx.distribution.core import Distribution
from pbx.distribution.errors import ConfigError
from pbx.distribution.inputs import LeaveReason
from pbx.simulation.errors import SimulationError
from pbx.simulation.ledger import Ledger
from pbx.simulation.ranges import members_of
from pbx.simulation.recorded import learn
from pbx.simulation.recorder import Recorder
from pbx.simulation.run import live
from tests.distribution.days import Kind, run_core_day

STEPS = 300


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("from_the_middle", [False, True])
def test_a_wild_day(seed: int, from_the_middle: bool) -> None:
    wild = run_core_day(seed, STEPS, list(Kind)[seed % len(Kind)])
    core = Distribution(wild.given, wild.seed)
    before = len(wild.journal) // 2 if from_the_middle else 0
    for at, event in wild.journal[:before]:
        _ = core.apply(event, at)
    start = wild.journal[before - 1][0] if before else 0.0
    recorder = Recorder(core, start)
    for at, event in wild.journal[before:]:
        try:
            effects = core.apply(event, at)
        except ConfigError:
            effects = []
        recorder.input(at, event, effects)
        agrees(recorder.ledger, core)
    recorder.finish()
    try:
        day = learn(recorder)
    except SimulationError:
        assert not recorder.callers
        return
    for one in (day.same(seed), day.like_it(seed)):
        again = live(one, seed, day.phones)
        assert {visit.call for visit in again.visits} >= {
            caller.call for caller in one.callers if caller.at < one.end
        }
        assert members_of(one.config, None)


def agrees(ledger: Ledger, core: Distribution) -> None:
    """Who waits by the ledger waits by the core, and where; so it is with agents' states."""
    waiting = {
        call.id: call.queue for call in core.world.calls.values() if call.state.value != "talking"
    }
    assert {call: visit.queue for call, visit in ledger.open.items()} == waiting
    for name, agent in core.world.agents.items():
        if name in ledger.agents:
            assert ledger.agents[name].code == agent.state.code
    answered = sum(visit.reason is LeaveReason.ANSWERED for visit in ledger.visits)
    assert sum(agent.answered for agent in ledger.agents.values()) == answered
