"""Times of registrations that do not fit each other."""

from collections.abc import Iterator

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
    if 0 < sip.qualify_interval < QUALIFY_LEAST:
        what = f"{in_words(sip.qualify_interval)} is too often: at least {in_words(QUALIFY_LEAST)}"
        yield Fault(("sip", "qualify_interval"), what, "0s: never")
