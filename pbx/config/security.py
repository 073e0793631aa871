"""Settings against abuse and overload. The defaults suit a PBX that is open to the internet."""

from typing import Annotated, Final

from pydantic import Field

from pbx.config.settings import Settings
from pbx.config.values import Network, Seconds, Sound, Whole
from pbx.overload import LONGEST_DELAY, OverloadPlan
from pbx.security_plan import SecurityPlan
from sip.guard import SCANNERS, GuardConfig

ALLOW_MAX: Final = 1_000
CountMax = Annotated[Whole, Field(ge=1, le=100_000)]


class SecuritySettings(Settings):
    """Who is not listened to."""

    enabled: bool = Field(default=True, description="false: no bans and no limits for strangers")
    allow: tuple[Network, ...] = Field(
        default=(),
        max_length=ALLOW_MAX,
        description="Addresses and networks that are never banned or limited; they still need"
        " their passwords",
    )
    ban_after: CountMax = Field(
        default=10, description="So many wrong passwords of an address within ban_window ban it"
    )
    scan_after: CountMax = Field(
        default=50,
        description="So many requests without a password, and nothing else, within ban_window",
    )
    ban_window: Annotated[Seconds, Field(gt=0)] = 600.0
    ban_time: Annotated[Seconds, Field(gt=0)] = Field(
        default=600.0, description="Of the first ban; each further one is twice as long"
    )
    ban_time_max: Annotated[Seconds, Field(gt=0)] = Field(
        default=86_400.0, description="The longest ban"
    )
    stranger_rate: Annotated[Whole, Field(ge=1, le=100_000)] = Field(
        default=20, description="Messages a second from an address where nobody has signed in"
    )
    stranger_burst: CountMax = Field(default=100, description="So many of them at once")
    scanners: bool = Field(
        default=True, description="Ban programs that call themselves sipvicious, sipcli, …"
    )


class OverloadSettings(Settings):
    """How many new calls are taken. Calls in progress are never touched."""

    calls_per_second: Annotated[Whole, Field(ge=0, le=100_000)] = Field(
        default=0, description="More new calls are refused; 0: no limit"
    )
    excuse: Sound | None = Field(
        default=None, description="A sound for those callers, instead of a refusal"
    )
    longest_delay: Seconds = Field(
        default=LONGEST_DELAY,
        description="When messages wait for so long, as many new calls are refused as it takes;"
        " 0s: never",
    )


def security_plan(security: SecuritySettings, overload: OverloadSettings) -> SecurityPlan:
    return SecurityPlan(
        enabled=security.enabled,
        guard=GuardConfig(
            allow=security.allow,
            wrong_max=security.ban_after,
            unanswered_max=security.scan_after,
            window=security.ban_window,
            ban_seconds=security.ban_time,
            ban_seconds_max=security.ban_time_max,
            rate=float(security.stranger_rate),
            burst=float(security.stranger_burst),
            scanners=SCANNERS if security.scanners else (),
        ),
        overload=OverloadPlan(
            calls_per_second=float(overload.calls_per_second),
            longest_delay=overload.longest_delay,
            excuse=overload.excuse or "",
        ),
    )
