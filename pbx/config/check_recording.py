"""What the settings of recordings mean together with the others."""

from collections.abc import Collection, Iterator, Mapping

from pbx.config.errors import did_you_mean
from pbx.config.explain import Fault
from pbx.config.model import Config


def recording(config: Config, sounds: Collection[str]) -> Iterator[Fault]:
    settings = config.recording
    known: Mapping[str, tuple[str, Collection[str]]] = {
        "queues": ("queue", config.queues),
        "extensions": ("extension", config.extensions),
        "trunks": ("trunk", config.trunks),
        "routes": ("route", config.outgoing.routes),
    }
    for part, (noun, names) in known.items():
        for name in getattr(settings, part):
            if name not in names:
                what = f'there is no {noun} "{name}"'
                hint = did_you_mean(name, names)
                yield Fault(("recording", part, name), what, hint, at_key=True)
    notice = settings.notice
    if sounds and notice is not None and notice not in sounds:
        hint = did_you_mean(notice, sounds)
        yield Fault(("recording", "notice"), f'there is no sound "{notice}"', hint)
    if settings.s3 is not None and bool(settings.s3.access_key) != bool(settings.s3.secret_key):
        what = "an access key needs a secret key, and the other way round"
        yield Fault(("recording", "s3"), what)
