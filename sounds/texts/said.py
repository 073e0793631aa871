"""One prompt in all languages."""

from typing import NamedTuple


class Said(NamedTuple):
    en: str
    uk: str
    ru: str
    pl: str
