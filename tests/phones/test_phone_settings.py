"""What people change on their phones, on top of the configuration."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.events import PhoneSettingChanged
from pbx.phone_plan import USUAL, PhonesPlan, Preferences
from pbx.phone_settings import (
    CALLS_MAX,
    FORWARDS,
    PhoneSet,
    PhoneSettings,
    Setting,
    Value,
    decode,
    encode,
    is_possible,
)
from pbx.snapshot import freeze, thaw
from tests.sim.plans import make_plan

EPOCH = 1000.0
PLAN = make_plan(callers=["101", "102", "103", "anna"], agents={})
AWAY = replace(PLAN, phones=PhonesPlan({"101": Preferences(forward_always="102", calls_max=2)}))


def settings_of(plan: PhonesPlan = AWAY.phones) -> PhoneSettings:
    return PhoneSettings(plan, EPOCH)


def test_the_configuration_holds_until_somebody_changes_it() -> None:
    settings = settings_of()
    assert settings.of("101") == Preferences(forward_always="102", calls_max=2)
    assert settings.of("102") == USUAL
    changed = settings.change(PhoneSet("101", Setting.FORWARD_ALWAYS, ""), 5.0)
    assert changed == [PhoneSettingChanged("101", "forward_always", "", 1005.0)]
    assert settings.of("101") == Preferences(calls_max=2)


def test_what_the_configuration_says_can_be_had_again() -> None:
    settings = settings_of()
    _ = settings.change(PhoneSet("101", Setting.FORWARD_ALWAYS, "103"), 5.0)
    told = settings.change(PhoneSet("101", Setting.FORWARD_ALWAYS, None), 6.0)
    assert told == [PhoneSettingChanged("101", "forward_always", None, 1006.0)]
    assert settings.of("101") == AWAY.phones.preferences["101"]


def test_nothing_is_told_of_what_is_so_already() -> None:
    settings = settings_of()
    busy = PhoneSet("102", Setting.DO_NOT_DISTURB, True)
    assert len(settings.change(busy, 5.0)) == 1
    assert settings.change(busy, 6.0) == []
    assert settings.change(PhoneSet("103", Setting.INTERCOM, None), 6.0) == []


def test_a_reload_undoes_nothing() -> None:
    settings = settings_of()
    _ = settings.change(PhoneSet("101", Setting.FORWARD_ALWAYS, "103"), 5.0)
    other = PhonesPlan({"101": Preferences(forward_always="102", hide_number=True)})
    assert settings.configure(replace(PLAN, phones=other), 6.0) == []
    assert settings.of("101") == Preferences(forward_always="103", hide_number=True)


def test_with_an_extension_go_its_changes() -> None:
    settings = settings_of()
    _ = settings.change(PhoneSet("103", Setting.FORWARD_BUSY, "102"), 5.0)
    smaller = make_plan(callers=["101", "102"], agents={})
    assert settings.configure(smaller, 7.0) == [
        PhoneSettingChanged("103", "forward_busy", None, 1007.0)
    ]
    assert settings.configure(PLAN, 8.0) == []
    assert settings.of("103") == USUAL


def test_who_wants_no_calls() -> None:
    settings = settings_of(PhonesPlan({"101": Preferences(do_not_disturb=True)}))
    assert settings.quiet() == {"101"}
    _ = settings.change(PhoneSet("102", Setting.DO_NOT_DISTURB, True), 5.0)
    assert settings.quiet() == {"101", "102"}
    _ = settings.change(PhoneSet("101", Setting.DO_NOT_DISTURB, False), 5.0)
    assert settings.quiet() == {"102"}


@pytest.mark.parametrize(
    "row",
    [
        ("101", "no_such_setting", "1"),
        ("101", "do_not_disturb", "perhaps"),
        ("101", "calls_max", "many"),
        ("101", "calls_max", "999"),
        ("101", "calls_max", "²"),
    ],
)
def test_rows_that_make_no_sense_are_left_out(row: tuple[str, str, str]) -> None:
    settings = settings_of()
    settings.load([row, ("101", "do_not_disturb", "true")])
    assert settings.of("101") == replace(AWAY.phones.preferences["101"], do_not_disturb=True)


@pytest.mark.parametrize(
    ("change", "possible"),
    [
        (PhoneSet("101", Setting.FORWARD_ALWAYS, "102"), True),
        (PhoneSet("101", Setting.FORWARD_ALWAYS, "+380441234567"), True),
        (PhoneSet("101", Setting.FORWARD_ALWAYS, "anna"), True),
        (PhoneSet("101", Setting.FORWARD_ALWAYS, ""), True),
        (PhoneSet("101", Setting.FORWARD_ALWAYS, "101"), False),
        (PhoneSet("101", Setting.FORWARD_ALWAYS, "nobody"), False),
        (PhoneSet("101", Setting.FORWARD_ALWAYS, "1\r\n2"), False),
        (PhoneSet("101", Setting.FORWARD_ALWAYS, "1" * 33), False),
        (PhoneSet("101", Setting.FORWARD_ALWAYS, True), False),
        (PhoneSet("199", Setting.FORWARD_ALWAYS, "102"), False),
        (PhoneSet("199", Setting.DO_NOT_DISTURB, True), False),
        (PhoneSet("199", Setting.DO_NOT_DISTURB, None), False),
        (PhoneSet("101", Setting.DO_NOT_DISTURB, None), True),
        (PhoneSet("101", Setting.DO_NOT_DISTURB, "true"), False),
        (PhoneSet("101", Setting.CALLS_MAX, 2), True),
        (PhoneSet("101", Setting.CALLS_MAX, True), False),
        (PhoneSet("101", Setting.CALLS_MAX, -1), False),
        (PhoneSet("101", Setting.CALLS_MAX, CALLS_MAX + 1), False),
    ],
)
def test_what_is_possible(change: PhoneSet, possible: bool) -> None:
    assert is_possible(change, PLAN.extensions) is possible


def values_of(setting: Setting) -> st.SearchStrategy[Value]:
    if setting in FORWARDS:
        return st.sampled_from(["", "102", "103", "+380441234567", "anna"])
    if setting is Setting.CALLS_MAX:
        return st.integers(0, CALLS_MAX)
    return st.booleans()


@st.composite
def changes(draw: st.DrawFn) -> PhoneSet:
    setting = draw(st.sampled_from(Setting))
    value = draw(st.none() | values_of(setting))
    return PhoneSet(draw(st.sampled_from(["101", "102", "103"])), setting, value)


@given(st.lists(changes(), max_size=30))
def test_what_the_store_keeps_brings_everything_back(done: list[PhoneSet]) -> None:
    """The rows that the events leave, loaded anew, are the same settings; so is a snapshot."""
    settings = settings_of()
    rows: dict[tuple[str, str], str] = {}
    for change in done:
        for event in settings.change(change, 0.0):
            assert isinstance(event, PhoneSettingChanged)
            key = (event.extension, event.setting)
            if event.value is None:
                del rows[key]
            else:
                rows[key] = event.value
    again = settings_of()
    again.load((*key, value) for key, value in rows.items())
    thawed = thaw(json.loads(json.dumps(freeze(settings))))
    for extension in ("101", "102", "103"):
        wanted = AWAY.phones.preferences.get(extension, USUAL)
        for change in done:
            if change.extension == extension:
                usual = AWAY.phones.preferences.get(extension, USUAL)
                usual_value = getattr(usual, change.setting)
                value = usual_value if change.value is None else change.value
                wanted = replace(wanted, **{change.setting.value: value})  # type: ignore[arg-type]
        assert settings.of(extension) == wanted
        assert again.of(extension) == wanted
        assert thawed.of(extension) == wanted


@given(st.sampled_from(Setting).flatmap(lambda s: st.tuples(st.just(s), values_of(s))))
def test_a_value_is_read_as_it_was_written(pair: tuple[Setting, Value]) -> None:
    setting, value = pair
    assert decode(setting, encode(value)) == value
