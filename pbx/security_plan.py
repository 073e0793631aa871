"""Whom we listen to and how many calls we take, as plain values."""

from dataclasses import dataclass, field

from pbx.overload import OverloadPlan
from sip.guard import GuardConfig


@dataclass(frozen=True, slots=True)
class SecurityPlan:
    enabled: bool = True
    guard: GuardConfig = field(default_factory=GuardConfig)  # But for whom the plan trusts.
    overload: OverloadPlan = field(default_factory=OverloadPlan)
