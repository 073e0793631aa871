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
# Ours of now, and those of before: a browser may use one of two restarts ago, see `restart`.
PASSWORDS_MAX: Final = 4
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
        self._restarts = 0
        self._ours = {0: ours}  # By the number of restarts before; the newest last.
        self._chosen_by = 0  # Whose password the choice was made with.
        self.chosen: Address | None = None
        self.refused = 0  # Checks of those who do not know the password, or are broken.
        self._places: dict[Address, float] = {}  # Where checks passed from, and the last time.
        self._refusals = (0, 0)  # A second, and how many answers said no in it.

    def __repr__(self) -> str:
        return f"<IceLite {self.state.name} {self.chosen}>"

    @property
    def ours(self) -> Credentials:
        return self._ours[self._restarts]

    def restart(self, ours: Credentials, *, same_peer: bool = True) -> None:
        """Another password (RFC 8445 §9). Until a check with it names a place, sound goes where it
        went, and may come from there.

        The passwords before go on: browsers pair their new ports with our old description before
        they have the answer, and who has chosen such a pair (or a pair from before) keeps it, with
        its password, for good. Another peer cannot know them, so who does is not the peer.
        """
        if ours == self.ours:
            return
        if not same_peer:
            self._forget_others()
        self._restarts += 1
        self._ours[self._restarts] = ours
        if len(self._ours) > PASSWORDS_MAX:
            del self._ours[next(iter(self._ours))]

    def _forget_others(self) -> None:
        self._ours.clear()
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
        made_with = self._password_of(message)
        refusal = self._refusal(message, made_with)
        if refusal is not None:
            self.refused += 1
            return self._refuse(message, refusal, made_with, source, now)
        assert made_with is not None
        return self._accept(message, made_with, source, now)

    def _password_of(self, message: Message) -> int | None:
        """Which one it was signed with, by the number of restarts before."""
        # The first half is ours (RFC 8445 §7.3); the other one is the peer's own business.
        name, colon, _ = (message.attribute(Attribute.USERNAME) or b"").partition(b":")
        for number, ours in self._ours.items():
            named = bool(colon) and hmac.compare_digest(name, ours.ufrag.encode())
            if named and message.is_signed_with(ours.pwd.encode()):
                return number
        return None

    def _refusal(self, message: Message, made_with: int | None) -> tuple[int, str] | None:
        """What is wrong with it, as status and reason."""
        if message.attribute(Attribute.USERNAME) is None or not message.signature:
            return 400, "Bad Request"  # RFC 8489 §9.1.3
        if made_with is None:
            return 401, "Unauthenticated"
        if message.not_understood(_KNOWN):
            return 420, "Unknown Attribute"
        if message.attribute(Attribute.ICE_CONTROLLED) is not None:
            # We make no checks, so it is always the other one who is in control (§6.1.1), whatever
            # the tie-breakers say.
            return 487, "Role Conflict"
        return None

    def _refuse(
        self,
        message: Message,
        refusal: tuple[int, str],
        made_with: int | None,
        source: Address,
        now: float,
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
        key = None if made_with is None else self._key(made_with)
        answer = stun.build(Class.ERROR, message.transaction, tuple(attributes), key=key)
        return [Reply(answer, source)]

    def _key(self, made_with: int) -> bytes:
        """Answers are signed as the question was (RFC 8489 §9.1.4)."""
        return self._ours[made_with].pwd.encode()

    def _accept(
        self, message: Message, made_with: int, source: Address, now: float
    ) -> list[Output]:
        mapped = stun.xor_address(source, message.transaction)
        answer = stun.build(
            Class.SUCCESS,
            message.transaction,
            ((Attribute.XOR_MAPPED_ADDRESS, mapped),),
            key=self._key(made_with),
        )
        self._note(source, now)
        outputs: list[Output] = [Reply(answer, source)]
        if message.attribute(Attribute.USE_CANDIDATE) is not None:
            outputs += self._choose(source, made_with)
        elif self.state is IceState.WAITING:
            self._become(IceState.FOUND)
        return outputs

    def _choose(self, source: Address, made_with: int) -> list[Output]:
        """A choice of before a restart does not undo one of after it."""
        if self.chosen is not None and made_with < self._chosen_by:
            return []
        self._chosen_by = made_with
        if source == self.chosen:
            return []
        self.chosen = source
        if self.state is not IceState.CHOSEN:
            self._become(IceState.CHOSEN)
        return [Chosen(source)]

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
