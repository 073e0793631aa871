"""What people set on their phones: forwards, do-not-disturb, how many calls at a time.

It lies on top of the configuration, which says what holds until somebody changes it; a reload
undoes nothing. Every change is an event that the store keeps, and `load` brings back. With an
extension go the changes of its user: the next one to sit there has none of them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from pbx.events import Event, PhoneSettingChanged
from pbx.phone_plan import USUAL, PhonesPlan, Preferences

if TYPE_CHECKING:
    from pbx.plan import Plan
    from sip.events import RequestDone

CALLS_MAX: Final = 100  # Of one extension; a phone has 16 lines at most.
_NUMBER: Final = re.compile(r"[0-9*#+][0-9*#]{0,31}")

Value = str | bool | int


class Setting(StrEnum):
    """The names are those of the fields of `Preferences`."""

    FORWARD_ALWAYS = "forward_always"
    FORWARD_BUSY = "forward_busy"
    FORWARD_NO_ANSWER = "forward_no_answer"
    FORWARD_UNREACHABLE = "forward_unreachable"
    DO_NOT_DISTURB = "do_not_disturb"
    CALLS_MAX = "calls_max"
    HIDE_NUMBER = "hide_number"
    INTERCOM = "intercom"


_BY_NAME: Final = {setting.value: setting for setting in Setting}
FORWARDS: Final = frozenset(
    {
        Setting.FORWARD_ALWAYS,
        Setting.FORWARD_BUSY,
        Setting.FORWARD_NO_ANSWER,
        Setting.FORWARD_UNREACHABLE,
    }
)


@dataclass(frozen=True, slots=True)
class PhoneSet:
    """Somebody wants this of an extension; None: what the configuration says."""

    extension: str
    setting: Setting
    value: Value | None


class PhoneSettings:
    """The part of the exchange that knows what every extension prefers now."""

    next_deadline: float | None = None

    def __init__(self, plan: PhonesPlan, epoch: float) -> None:
        self._plan = plan
        self._epoch = epoch  # Unix seconds at `now` zero.
        self._changed: dict[str, dict[Setting, Value]] = {}
        self._now: dict[str, Preferences] = {}  # Of the extensions that changed something.

    def of(self, extension: str) -> Preferences:
        found = self._now.get(extension)
        return self._plan.preferences.get(extension, USUAL) if found is None else found

    def load(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """What the store kept: extension, setting, value. What makes no sense is left out."""
        for extension, name, text in rows:
            setting = _BY_NAME.get(name)
            value = None if setting is None else decode(setting, text)
            if setting is not None and value is not None:
                self._changed.setdefault(extension, {})[setting] = value
        self._combine()

    def change(self, change: PhoneSet, now: float) -> list[Event]:
        """The change must be one that `is_possible`."""
        extension, setting, value = change.extension, change.setting, change.value
        changed = self._changed.setdefault(extension, {})
        before = changed.get(setting)
        if value is None:
            _ = changed.pop(setting, None)
        else:
            changed[setting] = value
        self._combine_one(extension)
        same = type(before) is type(value) and before == value
        return [] if same else [self._event(extension, setting, value, now)]

    def configure(self, plan: "Plan", now: float) -> list[Event]:
        self._plan = plan.phones
        events: list[Event] = []
        for extension in sorted(self._changed.keys() - plan.extensions.keys()):
            gone = self._changed.pop(extension)
            events += [self._event(extension, setting, None, now) for setting in gone]
        self._combine()
        return events

    def quiet(self) -> set[str]:
        """The extensions that want no calls."""
        quiet = {name for name, usual in self._plan.preferences.items() if usual.do_not_disturb}
        for extension, preferences in self._now.items():
            (quiet.add if preferences.do_not_disturb else quiet.discard)(extension)
        return quiet

    def on_time(self, now: float) -> list[Event]:
        return []

    def on_done(self, event: "RequestDone", now: float) -> list[Event]:
        return []

    def _event(
        self, extension: str, setting: Setting, value: Value | None, now: float
    ) -> PhoneSettingChanged:
        text = None if value is None else encode(value)
        return PhoneSettingChanged(extension, setting.value, text, now + self._epoch)

    def _combine(self) -> None:
        self._now.clear()
        for extension in list(self._changed):
            self._combine_one(extension)

    def _combine_one(self, extension: str) -> None:
        changed = self._changed[extension]
        if changed:
            usual = self._plan.preferences.get(extension, USUAL)
            fields = {setting.value: value for setting, value in changed.items()}
            self._now[extension] = replace(usual, **fields)  # type: ignore[arg-type]
        else:
            del self._changed[extension]
            _ = self._now.pop(extension, None)


def is_possible(change: PhoneSet, extensions: Iterable[str]) -> bool:
    """Whether the value is of the right kind; where a forward leads is not looked at."""
    value = change.value
    if value is None:
        return change.extension in extensions
    if change.setting in FORWARDS:
        fits = isinstance(value, str) and (value == "" or is_number(value, extensions))
        return fits and value != change.extension and change.extension in extensions
    if change.setting is Setting.CALLS_MAX:
        fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= CALLS_MAX
    else:
        fits = isinstance(value, bool)
    return fits and change.extension in extensions


def is_number(text: str, extensions: Iterable[str]) -> bool:
    """Something that can be dialled: digits, or an extension that has a name."""
    return _NUMBER.fullmatch(text) is not None or text in extensions


def encode(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def decode(setting: Setting, text: str) -> Value | None:
    """What `encode` wrote; None if it was not for this setting."""
    if setting in FORWARDS:
        return text
    if setting is Setting.CALLS_MAX:
        digits = text.isascii() and text.isdigit() and len(text) <= 3
        return int(text) if digits and int(text) <= CALLS_MAX else None
    return {"true": True, "false": False}.get(text)
