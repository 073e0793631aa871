"""Provisional responses that are sure to arrive: RFC 3262.

     we are called                          we call
     18x with RSeq, again until ---->       each in its order: PRACK
          PRACK <---------------------------------------+
     200 ------------------------------>

`Ringing` is the callee's side; the caller's is a number for each early dialog.
"""

import re
from typing import Final, NamedTuple
from zlib import crc32

from sip.errors import ParseError
from sip.message import Message, Request, Response
from sip.text import TOKEN

RELIABLE: Final = "100rel"
NUMBER_MAX: Final = 2**31 - 1  # RFC 3262 §3: of the first RSeq; RFC 3262 §7.1 allows 2**32 - 1.
WAITING_MAX: Final = 8  # 18x that wait for the PRACK of the one before.

_RACK: Final = re.compile(rf"([0-9]{{1,10}})[ \t]+([0-9]{{1,10}})[ \t]+({TOKEN})")


class RAck(NamedTuple):
    """RFC 3262 §7.2: which response a PRACK acknowledges."""

    number: int
    cseq: int
    method: str

    @classmethod
    def parse(cls, value: str) -> "RAck":
        match = _RACK.fullmatch(value.strip(" \t"))
        if match is None or int(match[1]) >= 1 << 32 or int(match[2]) >= 1 << 31:
            raise ParseError(f"bad RAck {value[:64]!r}")
        return cls(int(match[1]), int(match[2]), match[3])

    def __str__(self) -> str:
        return f"{self.number} {self.cseq} {self.method}"


def names_reliable(message: Message, header: str) -> bool:
    """Whether 100rel is in its Require or Supported."""
    if header not in message.first:
        return False
    return any(tag.lower() == RELIABLE for tag in message.values(header))


def reliable_number(response: Response) -> int | None:
    """The RSeq of a response that must be acknowledged; None for any other."""
    if "RSeq" not in response.first or not names_reliable(response, "Require"):
        return None
    digits = response.first["RSeq"].strip(" \t")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 10:
        return None
    return int(digits)


class Ringing:
    """Our 18x to one INVITE, one under way at a time."""

    __slots__ = (
        *("agreed", "answer", "interval", "invite_cseq", "number", "offers", "sent"),
        "waiting",
    )

    def __init__(self, invite: Request, local_tag: str) -> None:
        self.invite_cseq = invite.cseq.number
        self.offers = not invite.body  # What we describe is an offer; PRACK has the answer.
        self.number = 1 + crc32(local_tag.encode()) % 0x7FFF_0000  # §3: begins anywhere.
        self.sent: Response | None = None  # Goes out again until its PRACK comes.
        self.interval = 0.0
        self.waiting: list[Response] = []
        # The 2xx that waits: it may not overtake a description (§3). Body and headers.
        self.answer: tuple[bytes, tuple[tuple[str, str], ...]] | None = None
        self.agreed = False  # A description has arrived, so the 2xx has none (§5).

    def take_next(self) -> Response | None:
        """Number the next one that waits, and call it sent."""
        if self.sent is not None or not self.waiting:
            return None
        self.sent = self.waiting.pop(0)
        self.number += 1
        self.sent.add("Require", RELIABLE)
        self.sent.add("RSeq", str(self.number))
        return self.sent

    def acknowledge(self, prack: Request) -> Response | None:
        """The response that this PRACK is for; None: none, or not any more (§3: 481)."""
        if self.sent is None:
            return None
        rack = RAck.parse(prack.first.get("RAck", ""))
        if rack != RAck(self.number, self.invite_cseq, "INVITE"):
            return None
        done, self.sent = self.sent, None
        return done
