"""Whose conversations are recorded, and how long they are kept."""

import re
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from pbx.config.settings import Settings
from pbx.config.values import Id, LongTime, Seconds, Sound, Text, expected, is_number
from pbx.recording.plan import Mode, Policy, RecordingPlan

RULES_MAX: Final = 50_000  # As many as extensions.
_PERCENT: Final = re.compile(r"(\d{1,3})\s*%")
_SIZE: Final = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*([kMGT]?)B?")
_FACTORS: Final = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_POLICY_EXPECTED: Final = "always, never, on_demand, or a share such as 20%"


def _policy(value: object) -> str:
    """`on` and `off` of YAML mean always and never."""
    text = {True: "always", False: "never"}.get(value, value) if isinstance(value, bool) else value
    if not isinstance(text, str):
        raise expected(_POLICY_EXPECTED)
    match = _PERCENT.fullmatch(text.strip())
    if match is not None and int(match[1]) <= 100:
        return f"{int(match[1])}%"
    if text not in ("always", "never", "on_demand"):
        raise expected(_POLICY_EXPECTED)
    return text


def _size(value: object) -> int:
    if is_number(value):
        size = float(str(value))
    else:
        match = _SIZE.fullmatch(str(value).strip())
        if isinstance(value, bool) or match is None:
            raise expected("a size such as 500 MB, 20 GB, or a number of bytes")
        size = float(match[1]) * _FACTORS[match[2]]
    if not 0 <= size <= 1e18:
        raise expected("a size from 0 to 10^18 bytes")
    return int(size)


def _matching(pattern: str, what: str) -> BeforeValidator:
    compiled = re.compile(pattern)

    def check(value: object) -> object:
        if not isinstance(value, str) or compiled.fullmatch(value) is None:
            raise expected(what)
        return value

    return BeforeValidator(check, json_schema_input_type=str)


# As Amazon names them.
Bucket = Annotated[
    str, _matching(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of a bucket: lower case")
]
Prefix = Annotated[str, _matching(r"[A-Za-z0-9_./-]{0,200}", "letters, digits, _ . / and -")]
Endpoint = Annotated[
    str, _matching(r"(https?://\S{1,200})?", "a URL such as https://s3.example.com")
]
Region = Annotated[str, _matching(r"[a-z0-9-]{1,32}", "a region such as eu-central-1")]
RecordingPolicy = Annotated[str, BeforeValidator(_policy, json_schema_input_type=str | bool)]
Size = Annotated[int, BeforeValidator(_size, json_schema_input_type=int | str)]


class S3Settings(Settings):
    """Where finished recordings are copied to: Amazon S3, or anything that speaks as it does."""

    bucket: Bucket
    prefix: Prefix = Field(
        default="", description="Before the name of each object, such as recordings/"
    )
    endpoint: Endpoint = Field(default="", description="URL of the server; default: Amazon's")
    region: Region = "us-east-1"
    access_key: str = Field(default="", repr=False, description="Better `!secret NAME`")
    secret_key: str = Field(default="", repr=False, description="Better `!secret NAME`")
    delete_here: bool = Field(default=False, description="What was copied is deleted on this disk")


class RecordingSettings(Settings):
    """Of several entries that concern a call the strictest counts: never, always, a share, then
    on_demand."""

    calls: RecordingPolicy = Field(
        default="never",
        description="Of calls that no entry below concerns: always | never | on_demand | 20%",
    )
    queues: dict[Id, RecordingPolicy] = Field(
        default_factory=dict[str, str], max_length=RULES_MAX, description="By queue, as calls"
    )
    extensions: dict[Id, RecordingPolicy] = Field(
        default_factory=dict[str, str],
        max_length=RULES_MAX,
        description="By extension, calling or called",
    )
    trunks: dict[Id, RecordingPolicy] = Field(
        default_factory=dict[str, str],
        max_length=RULES_MAX,
        description="By trunk, incoming or outgoing",
    )
    routes: dict[Id, RecordingPolicy] = Field(
        default_factory=dict[str, str], max_length=RULES_MAX, description="By route of calls out"
    )
    notice: Sound | None = Field(
        default=None,
        description="A sound that tells whoever is outside before they talk, such as"
        " recording-notice",
    )
    path: Path | None = Field(
        default=None, description="Directory; default: `recordings` beside the SQLite file"
    )
    format: Literal["wav", "flac", "opus"] = Field(
        default="flac",
        description="As they are kept: wav 115 MB an hour, flac a half, opus a tenth",
    )
    pause: Seconds = Field(
        default=120.0, description="A pause, for card data, ends by itself after this; 0s: never"
    )
    longest: Annotated[Seconds, Field(ge=1.0, le=86_400.0)] = Field(
        default=14_400.0, description="Of one conversation"
    )
    whisper: bool = Field(default=False, description="Also what supervisors say to the agent alone")
    keep: LongTime = Field(default=0.0, description="So long, such as 90d; 0s: for ever")
    keep_size: Size = Field(
        default=0, description="All together, such as 200 GB: the oldest go first; 0: no limit"
    )
    free_space: Size = Field(
        default=1_000_000_000, description="An alarm, when the disk has less than this left"
    )
    s3: S3Settings | None = None
    company: Text = Field(default="", description="Written into FLAC and Opus files as the artist")

    def directory(self, database: Path) -> Path:
        return (self.path or database.parent / "recordings").absolute()


def policy_of(text: str) -> Policy:
    if text.endswith("%"):
        return Policy(Mode.SOME, int(text[:-1]))
    return Policy(Mode(text))


def recording_plan(
    settings: RecordingSettings, database: Path, record_keys: str, pause_keys: str
) -> RecordingPlan:
    def each(policies: dict[str, str]) -> dict[str, Policy]:
        return {name: policy_of(text) for name, text in policies.items()}

    return RecordingPlan(
        root=str(settings.directory(database)),
        calls=policy_of(settings.calls),
        queues=each(settings.queues),
        extensions=each(settings.extensions),
        trunks=each(settings.trunks),
        routes=each(settings.routes),
        notice=settings.notice or "",
        record_keys=record_keys,
        pause_keys=pause_keys,
        pause_seconds=settings.pause,
        seconds_max=settings.longest,
        whisper=settings.whisper,
    )
