"""Where a browser is: ICE, the part of a server that everybody can reach ("lite", RFC 8445 §2.5).

Who proves by the password out of our description that he got it, is the peer, and where he sends
from is where he can be reached. He makes the checks and chooses (§7.3, §8.2); we answer. What comes
from anywhere else must not begin a handshake: a ClientHello of a stranger would take the place of
the peer's.

    WAITING --a check passes--> FOUND --USE-CANDIDATE--> CHOSEN
       ^                                                   |
       +------------------- 30 s no check -----------------+   (RFC 7675: consent is gone)
"""

import hmac
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from media import stun
from media.errors import ParseError
from media.stun import Address, Attribute, Class, Message

CONSENT_SECONDS: Final = 30.0  # RFC 7675 §5.1. Browsers check every 2.5 s.
# Hosts, IPv6, VPNs and a network that changes: a browser has a dozen. The oldest makes room.
PLACES_MAX: Final = 32
# Answers that say no, in a second: a stranger shall not have us send to somebody else.
REFUSALS_PER_SECOND: Final = 10
# `PRIORITY` is not needed by who makes no checks; but whoever sends it expects it understood.
_KNOWN: Final = frozenset(
    {
        Attribute.USERNAME,
        Attribute.MESSAGE_INTEGRITY,
        Attribute.MESSAGE_INTEGRITY_SHA256,
        Attribute.PRIORITY,
        Attribute.USE_CANDIDATE,
    }
)


class IceState(Enum):
    WAITING = "waiting"  # Nobody has passed a check.
    FOUND = "found"  # Somebody has: the handshake may begin.
    CHOSEN = "chosen"  # Sound goes to the place that the peer wants.


TRANSITIONS: Final[dict[IceState, frozenset[IceState]]] = {
    IceState.WAITING: frozenset({IceState.FOUND, IceState.CHOSEN}),
    IceState.FOUND: frozenset({IceState.WAITING, IceState.CHOSEN}),
    IceState.CHOSEN: frozenset({IceState.WAITING}),
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of one side (RFC 8445 §5.3)."""

    ufrag: str
    pwd: str

    def __repr__(self) -> str:
        return f"Credentials({self.ufrag})"


class Reply(NamedTuple):
    """Send this there."""

    data: bytes
    address: Address


class Chosen(NamedTuple):
    """Sound goes there from now on."""

    address: Address


class Lost(NamedTuple):
    """The peer has not agreed for too long that we send to it: nothing more may go there."""


Output = Reply | Chosen | Lost


class IceLite:
    def __init__(self, ours: Credentials) -> None:
        self.state = IceState.WAITING
        self.ours = ours
        self.chosen: Address | None = None
        self.refused = 0  # Checks of those who do not know the password, or are broken.
        self._places: dict[Address, float] = {}  # Where checks passed from, and the last time.
        self._refusals = (0, 0)  # A second, and how many answers said no in it.

    def __repr__(self) -> str:
        return f"<IceLite {self.state.name} {self.chosen}>"

    def restart(self, ours: Credentials) -> None:
        """Another password (RFC 8445 §9): checks must pass anew. Until one does, sound goes where
        it went, and may come from there."""
        if ours == self.ours:
            return
        self.ours = ours
        if self.chosen is not None:
            self._places = {self.chosen: self._places[self.chosen]}
        elif self.state is IceState.FOUND:
            self._forget()

    def is_peer(self, address: Address) -> bool:
        """Has a check from there passed?"""
        return address in self._places

    @property
    def place(self) -> Address | None:
        """Where to send a handshake: the one chosen, else the last one that passed a check."""
        if self.chosen is not None:
            return self.chosen
        return next(reversed(self._places), None)

    def on_datagram(self, data: bytes, source: Address, now: float) -> list[Output]:
        """STUN from anywhere. Answers to questions that we never ask are nothing."""
        try:
            message = stun.parse(data)
        except ParseError:
            self.refused += 1
            return []
        if message.kind is not Class.REQUEST or message.method != stun.BINDING:
            return []
        refusal = self._refusal(message)
        if refusal is not None:
            self.refused += 1
            return self._refuse(message, refusal, source, now)
        return self._accept(message, source, now)

    def _refusal(self, message: Message) -> tuple[int, str] | None:
        """What is wrong with it, as status and reason."""
        name = message.attribute(Attribute.USERNAME)
        if name is None or not message.signature:
            return 400, "Bad Request"  # RFC 8489 §9.1.3
        # The first half is ours (RFC 8445 §7.3); the other one is the peer's own business.
        wanted = self.ours.ufrag.encode()
        if not hmac.compare_digest(name.partition(b":")[0], wanted) or b":" not in name:
            return 401, "Unauthenticated"
        if not message.is_signed_with(self.ours.pwd.encode()):
            return 401, "Unauthenticated"
        if message.not_understood(_KNOWN):
            return 420, "Unknown Attribute"
        if message.attribute(Attribute.ICE_CONTROLLED) is not None:
            # We make no checks, so it is always the other one who is in control (§6.1.1), whatever
            # the tie-breakers say.
            return 487, "Role Conflict"
        return None

    def _refuse(
        self, message: Message, refusal: tuple[int, str], source: Address, now: float
    ) -> list[Output]:
        status, reason = refusal
        second, count = int(now), 0
        if self._refusals[0] == second:
            count = self._refusals[1]
        if count >= REFUSALS_PER_SECOND:
            return []
        self._refusals = second, count + 1
        attributes = [(int(Attribute.ERROR_CODE), stun.error_code(status, reason))]
        if status == 420:
            unknown = b"".join(kind.to_bytes(2) for kind in message.not_understood(_KNOWN))
            attributes.append((Attribute.UNKNOWN_ATTRIBUTES, unknown))
        # Who proved to know the password gets a proof as well (RFC 8489 §9.1.4).
        key = self.ours.pwd.encode() if status in (420, 487) else None
        answer = stun.build(Class.ERROR, message.transaction, tuple(attributes), key=key)
        return [Reply(answer, source)]

    def _accept(self, message: Message, source: Address, now: float) -> list[Output]:
        mapped = stun.xor_address(source, message.transaction)
        answer = stun.build(
            Class.SUCCESS,
            message.transaction,
            ((Attribute.XOR_MAPPED_ADDRESS, mapped),),
            key=self.ours.pwd.encode(),
        )
        self._note(source, now)
        outputs: list[Output] = [Reply(answer, source)]
        if message.attribute(Attribute.USE_CANDIDATE) is not None and source != self.chosen:
            self.chosen = source
            if self.state is not IceState.CHOSEN:
                self._become(IceState.CHOSEN)
            outputs.append(Chosen(source))
        elif self.state is IceState.WAITING:
            self._become(IceState.FOUND)
        return outputs

    def _note(self, source: Address, now: float) -> None:
        _ = self._places.pop(source, None)
        self._places[source] = now
        if len(self._places) > PLACES_MAX:
            oldest = next(place for place in self._places if place != self.chosen)
            del self._places[oldest]

    @property
    def next_deadline(self) -> float | None:
        """When consent is gone, unless a check comes."""
        return None if self.chosen is None else self._places[self.chosen] + CONSENT_SECONDS

    def on_time(self, now: float) -> list[Output]:
        due = self.next_deadline
        if due is None or now < due:
            return []
        self._forget()
        return [Lost()]

    def _forget(self) -> None:
        self.chosen = None
        self._places = {}
        self._become(IceState.WAITING)

    def _become(self, state: IceState) -> None:
        assert state in TRANSITIONS[self.state], (self, state)
        self.state = state
