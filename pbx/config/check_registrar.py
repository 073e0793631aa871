"""Times of registrations that do not fit each other, and phones that are asked too often."""

from collections.abc import Iterator

from pbx.config.document import Place
from pbx.config.explain import Fault
from pbx.config.model import Config
from pbx.config.registrar import QUALIFY_LEAST
from pbx.config.values import in_words


def registrar(config: Config) -> Iterator[Fault]:
    sip = config.sip
    if sip.min_expires > sip.max_expires:
        what = f"{sip.min_expires} is more than max_expires, {sip.max_expires}"
        yield Fault(("sip", "min_expires"), what)
    elif "default_expires" in sip.model_fields_set and not (
        sip.min_expires <= sip.default_expires <= sip.max_expires
    ):
        what = f"{sip.default_expires} is not from {sip.min_expires} to {sip.max_expires}"
        yield Fault(("sip", "default_expires"), what, "these are min_expires and max_expires")
    yield from _interval(("sip", "qualify_interval"), sip.qualify_interval)
    for id_, extension in config.extensions.items():
        place: Place = ("extensions", id_, "qualify_interval")
        if extension.qualify_interval and extension.contact is None:
            what = "it has no fixed contact: phones that register are asked as often as `sip` says"
            yield Fault(place, what)
        else:
            yield from _interval(place, extension.qualify_interval)


def _interval(place: Place, seconds: float) -> Iterator[Fault]:
    if 0 < seconds < QUALIFY_LEAST:
        what = f"{in_words(seconds)} is too often: at least {in_words(QUALIFY_LEAST)}"
        yield Fault(place, what, "0s: never")
