"""Hours and days as the running exchange is told of them, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pbx import journal as files
from pbx.config import Config
from pbx.diary import Diary
from pbx.distribution.inputs import CallJoined, Configured, Input, Period, PeriodBegan
from pbx.exchange import Exchange
from pbx.history.replay import Began, Replay, Step
from pbx.local_time import LocalTime
from pbx.planning import make_plan
from sip.endpoint import EndpointConfig
from sip.registration import RegistrarLimits
from tests.virtual_loop import run

KYIV = LocalTime("Europe/Kyiv")
HOUR, DAY = PeriodBegan(Period.HOUR), PeriodBegan(Period.DAY)


class Company:
    """An exchange with a diary, and a wall clock that can be put wrong."""

    def __init__(self, start: str, **storage: object) -> None:
        loop = asyncio.get_running_loop()
        self.loop = loop
        self.offset = KYIV.unix_of(start[:10], start[11:]) - loop.time()
        self.config = Config.model_validate(
            {
                "timezone": "Europe/Kyiv",
                "storage": storage,
                "extensions": {"901": "Anna"},
                "agents": {"901": "Anna"},
                "queues": {"sales": {"members": [901], "max_wait": "0s"}},
            }
        )
        self.exchange = Exchange(
            make_plan(self.config, {}),
            secret=b"secret",
            seed=1,
            epoch=self.offset,
            workers=1,
            ports=(20_000, 20_099),
            sip_config=EndpointConfig(),
            registrar=RegistrarLimits(),
        )
        self.alarms: list[object] = []
        self.told: list[Input] = []
        self.diary = Diary(
            self.config,
            self.exchange,
            loop,
            self.alarms.append,
            lambda _: self.note(),
            lambda: loop.time() + self.offset,
        )
        self.diary.start()
        _ = self.exchange.configure(self.exchange.plan, loop.time())
        self.note()

    def note(self) -> None:
        self.told += [told.event for told in self.exchange.inputs]
        self.diary.note()
        assert self.exchange.inputs == []

    def tell(self, event: Input) -> None:
        _ = self.exchange._tell(event, self.loop.time())
        self.note()

    def close(self) -> None:
        self.diary.stop()
        assert self.diary.close() == 0

    @property
    def periods(self) -> list[Input]:
        return [event for event in self.told if isinstance(event, PeriodBegan)]


def live(start: str, story: Callable[[Company], Awaitable[None]], **storage: object) -> Company:
    async def main() -> Company:
        company = Company(start, **storage)
        try:
            await story(company)
        finally:
            company.close()
        return company

    return run(main())


def hours(count: float) -> Callable[[Company], Awaitable[None]]:
    return lambda company: asyncio.sleep(count * 3600)


def replayed(directory: Path, day: str) -> list[Step | Began]:
    replay = Replay()
    steps = list(replay.run(files.lines(files.path_of(directory, day))))
    assert (replay.differing, replay.problems) == (0, [])
    return steps


@pytest.mark.parametrize(
    ("start", "count", "began"),
    [
        ("2026-11-21 22:30", 3, [HOUR, DAY, HOUR, HOUR]),
        ("2026-03-29 00:30", 4, [HOUR, HOUR, HOUR, HOUR]),
        # The night of 25 hours, and of 23.
        ("2026-10-25 00:00", 25, [*[HOUR] * 24, DAY, HOUR]),
        ("2026-03-29 00:00", 23, [*[HOUR] * 22, DAY, HOUR]),
    ],
)
def test_periods(tmp_path: Path, start: str, count: float, began: list[Input]) -> None:
    company = live(start, hours(count + 0.01), journal=str(tmp_path))
    assert company.periods == began
    assert company.alarms == []


def test_each_day_has_a_file_that_is_replayed_alone(tmp_path: Path) -> None:
    async def story(company: Company) -> None:
        company.tell(CallJoined("c1", "sales"))
        await asyncio.sleep(3600)
        company.tell(CallJoined("c2", "sales"))

    company = live("2026-11-21 23:30", story, path=str(tmp_path / "pbx.sqlite"))
    assert files.days(tmp_path / "journal") == ["2026-11-21", "2026-11-22"]
    first, second = (replayed(tmp_path / "journal", day) for day in ("2026-11-21", "2026-11-22"))
    assert first[0] == Began(KYIV.unix_of("2026-11-21", "23:30"), True, "0.1.0")
    assert isinstance(first[1], Step)
    assert isinstance(first[1].event, Configured)
    midnight = KYIV.unix_of("2026-11-22", "00:00")
    assert isinstance(second[0], Began)
    assert (second[0].at, second[0].fresh) == (midnight, False)
    assert [(s.at, s.event) for s in second if isinstance(s, Step)] == [
        (midnight, DAY),
        (midnight, HOUR),
        (midnight + 1800, CallJoined("c2", "sales")),
    ]
    assert company.diary.midnight() == midnight


def test_no_journal_but_periods(tmp_path: Path) -> None:
    company = live("2026-11-21 23:30", hours(1), journal="", path=str(tmp_path / "pbx.sqlite"))
    assert company.diary.journal is None
    assert company.periods == [DAY, HOUR]
    assert list(tmp_path.iterdir()) == []


def test_a_clock_that_is_put_right(tmp_path: Path) -> None:
    """A machine without a battery begins in 1970; the network knows better a minute later."""

    async def story(company: Company) -> None:
        await asyncio.sleep(90.0)
        company.offset += KYIV.unix_of("2026-11-21", "10:00") - KYIV.unix_of("1970-01-02", "10:00")
        await asyncio.sleep(120.0)
        company.tell(CallJoined("c1", "sales"))

    company = live("1970-01-02 10:00", story, journal=str(tmp_path))
    assert company.periods == [DAY, HOUR]
    assert files.days(tmp_path) == ["1970-01-02", "2026-11-21"]
    last = replayed(tmp_path, "2026-11-21")[-1]
    assert isinstance(last, Step)
    assert (KYIV.time_of_day(last.at), last.event) == ("10:03:30", CallJoined("c1", "sales"))


def test_a_clock_that_is_a_little_wrong(tmp_path: Path) -> None:
    async def story(company: Company) -> None:
        await asyncio.sleep(90.0)
        company.offset += 7.0
        await asyncio.sleep(120.0)
        company.tell(CallJoined("c1", "sales"))

    live("2026-11-21 10:00", story, journal=str(tmp_path))
    last = replayed(tmp_path, "2026-11-21")[-1]
    assert KYIV.time_of_day(last.at) == "10:03:37"


def test_another_time_zone(tmp_path: Path) -> None:
    async def story(company: Company) -> None:
        company.diary.reload(company.config)
        assert company.diary.local.zone == "Europe/Kyiv"
        company.diary.reload(company.config.model_copy(update={"timezone": "UTC"}))
        await asyncio.sleep(2.5 * 3600)
        assert company.periods == [HOUR, HOUR, HOUR]
        await asyncio.sleep(3600)

    company = live("2026-11-21 22:40", story, journal=str(tmp_path))
    assert company.periods == [HOUR, HOUR, HOUR, DAY, HOUR]


def test_lost_inputs_are_followed_by_a_new_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(company: Company) -> None:
        assert company.diary.journal is not None
        monkeypatch.setattr(files, "SPOOL_MAX", 0)
        company.tell(CallJoined("c1", "sales"))
        monkeypatch.undo()
        company.diary.journal.flush(5.0)
        for call in ("c2", "c3"):
            company.tell(CallJoined(call, "sales"))
        # c2 is in the state that the segment begins with, not among its inputs.
        assert company.diary.journal.lost == 2
        company.diary.journal.lost = 0

    live("2026-11-21 10:00", story, journal=str(tmp_path))
    steps = replayed(tmp_path, "2026-11-21")
    assert [step.fresh for step in steps if isinstance(step, Began)] == [True, False]
    last = steps[-1]
    assert isinstance(last, Step)
    assert last.event == CallJoined("c3", "sales")
