"""Settings of codecs: of the exchange, and of those who need others."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from pbx.codec_plan import CodecPlan, PeerCodecs
from pbx.config.values import expected

Codec = Literal["PCMU", "PCMA", "G722", "opus"]
CODECS_MAX: Final = 4  # There are no more.
# Wide band where both sides can; Opus last, because it costs ten times as much to mix or record.
DEFAULT: Final[tuple[Codec, ...]] = ("G722", "PCMU", "PCMA", "opus")


def _each_once(codecs: tuple[Codec, ...]) -> tuple[Codec, ...]:
    if len(set(codecs)) < len(codecs):
        raise expected("each codec once")
    return codecs


Codecs = Annotated[tuple[Codec, ...], Field(max_length=CODECS_MAX), AfterValidator(_each_once)]

InbandDtmf = Annotated[
    bool,
    Field(
        description="Keys as tones, in both directions, if telephone-events are not agreed:"
        " for gateways that know nothing else"
    ),
]


def codec_plan(
    extensions: dict[str, tuple[tuple[str, ...], bool]],
    trunks: dict[str, tuple[tuple[str, ...], bool]],
) -> CodecPlan:
    """By name: its codecs, and whether its keys are tones."""
    return CodecPlan(_peers(extensions), _peers(trunks))


def _peers(settings: dict[str, tuple[tuple[str, ...], bool]]) -> dict[str, PeerCodecs]:
    return {
        name: PeerCodecs(codecs, inband)
        for name, (codecs, inband) in settings.items()
        if codecs or inband
    }
