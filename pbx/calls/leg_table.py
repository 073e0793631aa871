"""All legs, and the small steps that everything done with them is made of."""

from collections.abc import Sequence

from media.errors import MediaError
from media.negotiation import Remote, offered_codecs
from media.protocol import Connect, Echo, Part, Stop, Watch
from pbx.calls.call_ids import CallIds
from pbx.calls.causes import Cause
from pbx.calls.leg import (
    Leg,
    LegEnded,
    LegEvent,
    LegState,
    cause_of,
    learn_from,
    reason_of,
    status_of,
    trunk_cause_of,
)
from pbx.calls.lines import Line, Lines
from pbx.calls.media_pool import MediaPool, ToWorker
from pbx.codec_plan import NO_CODECS, ordered
from pbx.encryption import NO_ENCRYPTION_PLAN
from sip import events as sip
from sip.endpoint import Endpoint
from sip.flow import Flow
from sip.tokens import Tokens

Output = sip.Output | ToWorker | LegEvent


class LegTable:
    def __init__(self, endpoint: Endpoint, media: MediaPool, tokens: Tokens) -> None:
        """`tokens`: for keys, and told to nobody else."""
        self._endpoint = endpoint
        self._tokens = tokens
        self._media = media
        self._legs: dict[str, Leg] = {}
        self.call_ids = CallIds()
        self._by_media: dict[str, str] = {}  # Media session → the leg that talks through it.
        self._offers: dict[str, dict[str, tuple[bytes, int]]] = {}
        """Media session → our host and the codecs → SDP offer and its session id."""
        self.lines = Lines()
        self.heap: list[tuple[float, str]] = []  # When to see whether a leg was heard of.
        self._sdp_ids = 0
        self.codecs: tuple[str, ...] = ("PCMU", "PCMA")
        self.codec_plan = NO_CODECS
        self.media_host = ""
        self.silence_seconds = 30.0
        self.encryption = NO_ENCRYPTION_PLAN
        self.fingerprints: tuple[str, ...] = ()  # Of our certificates for DTLS; (): no DTLS.

    def __len__(self) -> int:
        return len(self._legs)

    def __contains__(self, leg: str) -> bool:
        return leg in self._legs

    def __getitem__(self, leg: str) -> Leg:
        return self._legs[leg]

    def all(self) -> list[Leg]:
        return list(self._legs.values())

    def preferred(self, leg_id: str) -> tuple[str, ...]:
        """Our codecs, those first that this leg speaks or offered: so that nothing need be
        converted."""
        leg = self._legs[leg_id]
        if leg.remote is not None:
            first = [leg.remote.codec]
        elif leg.offer:
            theirs = self._offered(leg.offer)
            first = [codec for codec in self.allowed(leg) if codec in theirs][:1]
        else:
            first = []
        return (*first, *(codec for codec in self.codecs if codec not in first))

    def allowed(self, leg: Leg) -> tuple[str, ...]:
        """The codecs that this peer may use, the one that it should use first."""
        own = [codec for codec in leg.codecs.codecs if codec in self.codecs]
        return tuple(own) or self.codecs

    def fitting(self, leg: Leg, wanted: Sequence[str]) -> tuple[str, ...]:
        """The same, with what the call would like best first."""
        return ordered(self.allowed(leg), tuple(wanted))

    def _fail(self, leg: Leg, cause: Cause, now: float) -> list[Output]:
        """End it from our side and say why; what SIP reports later about it is of no interest."""
        was = leg.state
        self._become(leg, LegState.ENDED)
        del self._legs[leg.id]
        if self._by_media.get(leg.media) == leg.id:
            del self._by_media[leg.media]
        status = status_of(cause) if was is not LegState.UP else 0
        ended = self._endpoint.hangup(leg.id, now, status=status, reason=reason_of(cause))
        return [*ended, LegEnded(leg.id, cause, by_peer=False)]

    def _connect(self, leg: Leg, remote: Remote) -> list[Output]:
        first, leg.remote, leg.connected = not leg.connected, remote, True
        worker = self._media.worker(leg.media)
        address, rtcp, learn = remote.address, remote.rtcp, learn_from(remote, leg.flow)
        if remote.dtls is not None and remote.dtls.peer_ufrag:
            # Where it is will be found out; this is nowhere (RFC 863).
            address, rtcp, learn = (leg.flow.remote[0], 9), ("", 0), ""
        outputs: list[Output] = [
            ToWorker(
                worker,
                Connect(
                    session=leg.media,
                    address=address,
                    rtcp=rtcp,
                    learn_from=learn,
                    codec=remote.codec,
                    payload_type=remote.payload_type,
                    dtmf_payload_type=remote.dtmf_payload_type,
                    sending=remote.sends,
                    receiving=remote.receives,
                    srtp=remote.srtp,
                    dtls=remote.dtls,
                    ptime=remote.ptime,
                    inband_dtmf=leg.codecs.inband_dtmf and remote.dtmf_payload_type is None,
                    fmtp=remote.fmtp,
                ),
            )
        ]
        if first and self.silence_seconds > 0:
            outputs.append(
                ToWorker(worker, Watch(session=leg.media, silence_seconds=self.silence_seconds))
            )
        return outputs

    def _command(self, leg_id: str, kind: type[Part] | type[Stop] | type[Echo]) -> list[Output]:
        leg = self._legs.get(leg_id)
        if leg is None or not self._media.is_open(leg.media):
            return []
        return [ToWorker(self._media.worker(leg.media), kind(leg.media))]

    def _offered(self, offer: bytes) -> list[str]:
        try:
            return offered_codecs(offer)
        except MediaError:
            return []  # The answer will refuse it.

    def _host(self, flow: Flow) -> str:
        ours, told = flow.local[0], self.media_host
        # An address of the other family would be of no use to the peer.
        return told if told and (":" in told) is (":" in ours) else ours

    def _new_sdp_id(self) -> int:
        self._sdp_ids += 1
        return self._sdp_ids

    def forget_media(self, media: str) -> None:
        """The call closed this media session."""
        _ = self._by_media.pop(media, None)
        _ = self._offers.pop(media, None)

    def _cause(self, leg: Leg, event: sip.SessionEnded, was_up: bool) -> Cause:
        if event.by is sip.EndedBy.LOCAL:
            return leg.why
        if was_up:
            return Cause.NORMAL if event.by is not sip.EndedBy.TIMEOUT else Cause.UNREACHABLE
        if event.by is sip.EndedBy.REMOTE:
            return trunk_cause_of(event.status) if leg.trunk else cause_of(event.status)
        heard = leg.heard_of and not leg.trunk
        return Cause.NO_ANSWER if heard else Cause.UNREACHABLE

    def _become(self, leg: Leg, state: LegState) -> None:
        leg.become(state)
        if state is LegState.UP:
            self.lines.up(leg.extension, leg.id)
        elif state is LegState.ENDED:
            self.lines.end(leg.extension, leg.id)
        elif state is LegState.RINGING:
            self.lines.rings(leg.extension)

    def _add(self, leg: Leg, remote: tuple[str, str]) -> None:
        self._legs[leg.id] = leg
        line = Line(leg.id, leg.call, leg.state is LegState.OFFERED, False, *remote)
        self.lines.begin(leg.extension, line)
