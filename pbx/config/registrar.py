"""How long phones stay registered, how many an extension may have, and how we see that one is gone.

Part of the settings of SIP.
"""

from typing import Annotated, Final

from pydantic import Field

from pbx.config.settings import Settings
from pbx.config.values import Seconds, Whole
from pbx.registrar_plan import RegistrarPlan
from sip.registration import RegistrarLimits

EXPIRES_LEAST: Final = 10  # A phone that registers more often is a load, not a phone.
EXPIRES_MOST: Final = 86_400
QUALIFY_LEAST: Final = 5.0  # As long as we wait for the answer.
CONTACTS_MOST: Final = 100  # All of them ring: that many INVITEs for each call.

_Expires = Annotated[Whole, Field(ge=EXPIRES_LEAST, le=EXPIRES_MOST)]


class RegistrarSettings(Settings):
    min_expires: _Expires = Field(
        default=60, description="Seconds; a phone that wants less is told so"
    )
    max_expires: _Expires = Field(
        default=3600, description="Seconds; a phone that wants more gets this"
    )
    default_expires: _Expires = Field(
        default=3600, description="Seconds, for a phone that does not say"
    )
    contacts_max: Annotated[Whole, Field(ge=1, le=CONTACTS_MOST)] = Field(
        default=10, description="Devices that may be registered for one extension at a time"
    )
    qualify_interval: Seconds = Field(
        default=60.0,
        description="How often each phone is asked whether it is still there; 0s: never",
    )


def registrar_plan(settings: RegistrarSettings, private: frozenset[str]) -> RegistrarPlan:
    least, most = settings.min_expires, settings.max_expires
    limits = RegistrarLimits(
        min_expires=least,
        max_expires=most,
        default_expires=min(max(settings.default_expires, least), most),
        contacts_max=settings.contacts_max,
    )
    return RegistrarPlan(limits, settings.qualify_interval, private)
