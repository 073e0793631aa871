"""The way to keys with a browser: ICE says who the peer is, DTLS makes the keys (RFC 5764, 8827).

No sockets and no clock here: datagrams and time go in, things to do come out. `media/securing.py`
puts this between a line and its sockets.
"""

from typing import Final, NamedTuple

from media import dtls, stun
from media.dtls import Association, Certificate, DtlsState
from media.fingerprint import Fingerprint
from media.ice import Chosen, Credentials, IceLite, Lost, Reply
from media.protocol import Dtls
from media.srtp import Keys
from media.stun import Address

_NOWHERE: Final[Address] = ("", 0)


class Send(NamedTuple):
    """A datagram, as it is."""

    data: bytes
    address: Address


class Follow(NamedTuple):
    """Sound goes there from now on."""

    address: Address


class Keyed(NamedTuple):
    """Sound is encrypted with these from now on."""

    keys: Keys


class Gone(NamedTuple):
    """No sound will come any more. `error` "": the peer has left, or stopped answering."""

    error: str


Output = Send | Follow | Keyed | Gone


class DtlsSrtp:
    """One peer, from its description to keys, and whatever it changes later."""

    __slots__ = ("_association", "_declared", "_learn_from", "_way", "ice", "keyed", "stray")

    def __init__(self) -> None:
        self.ice: IceLite | None = None  # None: a peer that does none.
        self.keyed = False
        self.stray = 0  # Records of those who are not the peer, as far as we know.
        self._association: Association | None = None
        self._declared = _NOWHERE
        self._learn_from = ""
        self._way = _NOWHERE  # Where its last record came from.

    def __repr__(self) -> str:
        return f"<DtlsSrtp {self.ice!r} {self._association!r}>"

    # What the description says.

    def connect(
        self,
        peer: Dtls,
        certificate: Certificate,
        address: Address,
        learn_from: str,
        now: float,
    ) -> list[Output]:
        """First, and after every re-INVITE. `address`: of a peer that does no ICE; `learn_from`:
        the IP address that it comes from behind its NAT, or ""."""
        self._declared, self._learn_from = address, learn_from
        theirs = Fingerprint(peer.fingerprint_hash, peer.fingerprint)
        old = self._association
        self._connect_ice(peer, same_peer=old is not None and old.theirs == theirs)
        same = old is not None and (old.theirs, old.active) == (theirs, peer.active)
        if old is None or not same or old.ours.fingerprint != certificate.fingerprint:
            # What was agreed goes on until the new keys are there (RFC 8842 §5.5).
            self._association = Association(certificate, theirs, active=peer.active)
            self._way = _NOWHERE
        return self._start(now)

    def _connect_ice(self, peer: Dtls, *, same_peer: bool) -> None:
        if not peer.peer_ufrag:
            self.ice = None
            return
        ours = Credentials(peer.ice_ufrag, peer.ice_pwd)
        if self.ice is None:
            self.ice = IceLite(ours)
        else:
            self.ice.restart(ours, same_peer=same_peer)

    def _start(self, now: float) -> list[Output]:
        if self._association is None or self.place is None:
            return []
        return self._carry_out(self._association.start(now))

    # Where the peer is.

    @property
    def place(self) -> Address | None:
        """Where its next record goes to."""
        if self.ice is None:
            return self._way if self._way[1] else self._declared
        if self.ice.chosen is None and self._way[1] and self.ice.is_peer(self._way):
            return self._way
        return self.ice.place

    @property
    def sound_goes_to(self) -> Address | None:
        """None: nowhere yet, or nowhere any more."""
        if not self.keyed:
            return None
        return self.place if self.ice is None else self.ice.chosen

    def is_peer(self, source: Address) -> bool:
        """May this be the peer? Others cannot make the handshake begin or fail."""
        if self.ice is not None:
            return self.ice.is_peer(source)
        if self._learn_from:
            known = self._way[1]
            return source == self._way if known else source[0] == self._learn_from
        return source == self._declared

    # What comes.

    def on_datagram(self, data: bytes, source: Address, now: float) -> list[Output]:
        """STUN or DTLS (RFC 7983 §7); all else is nothing."""
        if stun.is_stun(data):
            return [] if self.ice is None else self._on_check(self.ice, data, source, now)
        if self._association is None or not dtls.is_dtls(data):
            return []
        if not self.is_peer(source):
            self.stray += 1
            return []
        outputs: list[Output] = []
        if self.ice is None and self._way != source:
            outputs.append(Follow(source))
        self._way = source
        return [*outputs, *self._carry_out(self._association.on_datagram(data, now))]

    def _on_check(self, ice: IceLite, data: bytes, source: Address, now: float) -> list[Output]:
        outputs: list[Output] = []
        for output in ice.on_datagram(data, source, now):
            match output:
                case Reply(answer, address):
                    outputs.append(Send(answer, address))
                case Chosen(address):
                    outputs.append(Follow(address))
                case Lost():
                    outputs.append(Gone(""))
        return [*outputs, *self._start(now)]

    # Time.

    @property
    def shaking(self) -> bool:
        """Is a handshake under way, which looks at the time often?"""
        return self._association is not None and self._association.state is DtlsState.SHAKING

    @property
    def next_deadline(self) -> float | None:
        handshake = None if self._association is None else self._association.next_deadline
        consent = None if self.ice is None else self.ice.next_deadline
        due = [at for at in (handshake, consent) if at is not None]
        return min(due, default=None)

    def on_time(self, now: float) -> list[Output]:
        outputs: list[Output] = []
        if self._association is not None:
            outputs += self._carry_out(self._association.on_time(now))
        if self.ice is not None and self.ice.on_time(now):
            outputs.append(Gone(""))
        return outputs

    def close(self) -> list[Output]:
        """Say goodbye."""
        return [] if self._association is None else self._carry_out(self._association.close())

    def _carry_out(self, outputs: list[dtls.Output]) -> list[Output]:
        done: list[Output] = []
        for output in outputs:
            match output:
                case dtls.Transmit(data):
                    if self.place is not None:
                        done.append(Send(data, self.place))
                case dtls.Ready(keys):
                    self.keyed = True
                    done.append(Keyed(keys))
                case dtls.Ended(error):
                    done.append(Gone(error))
        return done
