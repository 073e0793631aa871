"""What the states and timers of the machines are."""

from enum import Enum


class Named(Enum):
    """An Enum whose members are cheap keys of dicts and sets.

    Before Python 3.12 Enum hashes the name, in Python; here each member is hashed as the one
    object that it is.
    """

    __hash__ = object.__hash__
