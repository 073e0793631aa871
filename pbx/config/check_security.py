"""What the settings against abuse and overload mean together."""

from collections.abc import Collection, Iterator

from pbx.config.errors import did_you_mean
from pbx.config.explain import Fault
from pbx.config.model import Config


def security(config: Config, sounds: Collection[str] = ()) -> Iterator[Fault]:
    settings, overload = config.security, config.overload
    if settings.ban_time > settings.ban_time_max:
        yield Fault(("security", "ban_time"), "longer than the longest ban, ban_time_max")
    for place, network in enumerate(settings.allow):
        if network.endswith("/0"):
            what = "this allows the whole world; to switch the guard off: `enabled: false`"
            yield Fault(("security", "allow", place), what)
    excuse = overload.excuse
    if excuse is not None:
        place_of_excuse = ("overload", "excuse")
        if not overload.calls_per_second:
            yield Fault(place_of_excuse, "nobody hears it: `calls_per_second` has no limit")
        elif sounds and excuse not in sounds:
            hint = did_you_mean(excuse, sounds)
            yield Fault(place_of_excuse, f'there is no sound "{excuse}"', hint)
