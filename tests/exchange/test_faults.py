"""A bug of ours: it ends the call it concerns, with a record, and nothing else notices."""

from pbx.calls.call import Call
from pbx.calls.commands import Command
from pbx.flow.block import Block
from pbx.history.records import Verdict
from tests.exchange.office import Office


class Buggy(Block):
    name = "buggy"

    def on_digit(self, call: Call, digit: str, now: float) -> list[Command]:
        raise ZeroDivisionError(digit)


def test_only_the_call_it_happens_in_ends() -> None:
    office = Office()
    office.exchange.strict = False
    office.dial("101")
    office.dial("102")
    office.dial("103")
    office.run_for(1.0)
    office.answer("901")
    office.answer("902")
    office.run_for(1.0)
    by_caller = {call.caller: call for call in office.exchange.calls.values()}
    by_caller["101"].block = Buggy()
    office.press("101", "5")
    office.run_for(1.0)
    assert office.state("101") == "idle"
    assert (office.state("102"), office.state("103")) == ("talking", "talking")
    (record,) = office.records
    assert (record.caller, record.verdict, record.cause) == ("101", Verdict.ANSWERED, "failed")
    (fault,) = office.exchange.faults
    assert "ZeroDivisionError: 5" in fault
    assert "test_faults.py" in fault
    # The agent of the call that broke is rung for the one that waits.
    assert office.ringing == ["901"]
    office.exchange.faults.clear()
    office.hang_up("102")
    office.hang_up("103")
    office.close()
