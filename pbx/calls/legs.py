"""All legs: carries out what calls want on SIP sessions and media sessions, and reports back in
neutral events."""

import heapq
from collections.abc import Sequence
from typing import Final

from media.errors import MediaError
from media.negotiation import Remote, make_answer, make_offer, offered_codecs, read_answer
from media.protocol import Connect, Digit, Echo, Join, Part, Play, Silent, Stop, Watch
from pbx.calls.causes import Cause
from pbx.calls.leg import (
    Leg,
    LegAnswered,
    LegDigit,
    LegEnded,
    LegEvent,
    LegHeld,
    LegRinging,
    LegState,
    cause_of,
    learn_from,
    reason_of,
    status_of,
)
from pbx.calls.media_pool import MediaPool, NoPorts, ToWorker
from sip import events as sip
from sip.endpoint import Endpoint
from sip.flow import Flow
from sip.headers import NameAddr

NO_REPLY_SECONDS: Final = 4.0
"""A device that has not even sent 100 by then is taken for unplugged: the INVITE went out four
times."""

DTMF_INFO: Final = "application/dtmf-relay"

Output = sip.Output | ToWorker | LegEvent


class Legs:
    def __init__(self, endpoint: Endpoint, media: MediaPool) -> None:
        self._endpoint = endpoint
        self._media = media
        self._legs: dict[str, Leg] = {}
        self._by_media: dict[str, str] = {}  # Media session → the leg that talks through it.
        self._offers: dict[str, dict[str, tuple[bytes, int]]] = {}
        """Media session → our host → SDP offer and its session id."""
        self._deadlines: list[tuple[float, str]] = []
        self._sdp_ids = 0
        self.codecs: tuple[str, ...] = ("PCMU", "PCMA")
        self.media_host = ""
        self.silence_seconds = 30.0

    def __len__(self) -> int:
        return len(self._legs)

    def __contains__(self, leg: str) -> bool:
        return leg in self._legs

    def __getitem__(self, leg: str) -> Leg:
        return self._legs[leg]

    def all(self) -> list[Leg]:
        return list(self._legs.values())

    # --- what calls want

    def accept(self, leg_id: str, call: str, offer: bytes, flow: Flow, now: float) -> Leg:
        """A new INVITE from outside; nothing is sent yet."""
        leg = Leg(leg_id, call, LegState.OFFERED, flow, offer=offer, heard_of=True, started=now)
        self._legs[leg_id] = leg
        return leg

    def preferred(self, leg_id: str) -> tuple[str, ...]:
        """Our codecs, those first that this leg speaks or offered: so that nothing need be
        converted."""
        leg = self._legs[leg_id]
        if leg.remote is not None:
            first = [leg.remote.codec]
        elif leg.offer:
            theirs = self._offered(leg.offer)
            first = [codec for codec in self.codecs if codec in theirs][:1]
        else:
            first = []
        return (*first, *(codec for codec in self.codecs if codec not in first))

    def dial(
        self,
        leg_id: str,
        call: str,
        *,
        uri: str,
        flow: Flow,
        from_: NameAddr,
        to: NameAddr,
        media: str,
        codecs: Sequence[str],
        now: float,
    ) -> list[Output]:
        host = self._host(flow)
        offers = self._offers.setdefault(media, {})
        shared = offers.get(host)
        if shared is None:
            sdp_id, address = self._new_sdp_id(), (host, self._media.port(media))
            shared = make_offer(address, codecs, session_id=sdp_id, version=1), sdp_id
            offers[host] = shared
        offer, sdp_id = shared
        leg = Leg(leg_id, call, LegState.DIALLING, flow, media, offer, sdp_id, 1, started=now)
        self._legs[leg_id] = leg
        heapq.heappush(self._deadlines, (now + NO_REPLY_SECONDS, leg_id))
        return [
            *self._endpoint.invite(
                leg_id, uri=uri, flow=flow, from_=from_, to=to, body=offer, now=now
            )
        ]

    def ring(self, leg_id: str, now: float) -> list[Output]:
        leg = self._legs[leg_id]
        if leg.state is not LegState.OFFERED:
            return []
        leg.become(LegState.RINGING)
        leg.ringing_since = now
        return [*self._endpoint.ring(leg_id, now)]

    def answer(
        self, leg_id: str, codecs: Sequence[str], worker: int | None, now: float
    ) -> list[Output]:
        """Answer a leg that called us. Its media session has the id of the leg."""
        leg = self._legs[leg_id]
        if leg.state not in (LegState.OFFERED, LegState.RINGING):
            return []
        try:
            chosen = self._media.pick_worker() if worker is None else worker
            opened = self._media.open(leg_id, chosen)
        except NoPorts:
            return self._fail(leg, Cause.CONGESTION, now)
        leg.media, leg.sdp_id, leg.sdp_version = leg_id, self._new_sdp_id(), 1
        address = (self._host(leg.flow), self._media.port(leg_id))
        remote: Remote | None = None
        if leg.offer:
            try:
                body, remote = make_answer(
                    leg.offer, address, codecs, session_id=leg.sdp_id, version=1
                )
            except MediaError:
                return [opened, *self._fail(leg, Cause.NOT_ACCEPTABLE, now)]
        else:  # Late offer (RFC 3261 §13.2.1): ours goes in the 200, theirs comes in the ACK.
            body = make_offer(address, codecs, session_id=leg.sdp_id, version=1)
            leg.offer, leg.awaits_answer = body, True
        leg.become(LegState.UP)
        self._by_media[leg.media] = leg_id
        outputs: list[Output] = [opened]
        if remote is not None:
            outputs += self._connect(leg, remote)
        return [*outputs, *self._endpoint.answer(leg_id, body, now)]

    def hangup(self, leg_id: str, cause: Cause, now: float) -> list[Output]:
        leg = self._legs.get(leg_id)
        if leg is None or leg.state is LegState.ENDED:
            return []
        leg.why = cause
        return [
            *self._endpoint.hangup(leg_id, now, status=status_of(cause), reason=reason_of(cause))
        ]

    def join(self, a: str, b: str) -> list[Output]:
        """Two legs that are up hear each other."""
        worker = self._media.worker(self._legs[a].media)
        return [ToWorker(worker, Join(a=self._legs[a].media, b=self._legs[b].media))]

    def part(self, leg_id: str) -> list[Output]:
        return self._command(leg_id, Part)

    def play(
        self, leg_id: str, play: int, files: Sequence[str], *, repeat: bool, resume: bool
    ) -> list[Output]:
        media = self._legs[leg_id].media
        command = Play(session=media, play=play, files=tuple(files), repeat=repeat, resume=resume)
        return [ToWorker(self._media.worker(media), command)]

    def stop(self, leg_id: str) -> list[Output]:
        return self._command(leg_id, Stop)

    def echo(self, leg_id: str) -> list[Output]:
        return self._command(leg_id, Echo)

    def forget_media(self, media: str) -> None:
        """The call closed this media session."""
        _ = self._by_media.pop(media, None)
        _ = self._offers.pop(media, None)

    # --- what SIP and the workers report

    def on_progress(self, event: sip.SessionProgress, now: float) -> list[Output]:
        leg = self._legs.get(event.session)
        if leg is None:
            return []
        leg.heard_of = True
        if event.status == 100 or leg.state is not LegState.DIALLING:
            return []
        leg.become(LegState.RINGING)
        leg.ringing_since = now
        return [LegRinging(leg.id)]

    def on_answered(self, event: sip.SessionAnswered, now: float) -> list[Output]:
        leg = self._legs.get(event.session)
        if leg is None:
            return []
        try:
            remote = read_answer(leg.offer, event.body)
        except MediaError:
            return self._fail(leg, Cause.NOT_ACCEPTABLE, now)
        leg.become(LegState.UP)
        leg.remote = remote
        return [LegAnswered(leg.id)]

    def take_over(self, leg_id: str) -> list[Output]:
        """This leg won its attempt: the shared media session is its own from now on."""
        leg = self._legs[leg_id]
        assert leg.remote is not None, leg
        self._by_media[leg.media] = leg_id
        return self._connect(leg, leg.remote)

    def on_late_answer(self, session: str, body: bytes, now: float) -> list[Output]:
        """The ACK of our 200, or of our answer to an empty re-INVITE, may bring the SDP answer."""
        leg = self._legs.get(session)
        if leg is None or not body or not leg.awaits_answer:
            return []
        leg.awaits_answer = False
        try:
            remote = read_answer(leg.offer, body)
        except MediaError:
            return self._fail(leg, Cause.NOT_ACCEPTABLE, now)
        return self._connect(leg, remote)

    def on_offered(self, event: sip.SessionOffered, now: float) -> list[Output]:
        """The peer changes its session: hold, resume, another address (RFC 3264 §8)."""
        leg = self._legs.get(event.session)
        if leg is None or leg.state is not LegState.UP:
            return [*self._endpoint.reject_offer(event.session, 488, now)]
        leg.sdp_version += 1
        address = (self._host(leg.flow), self._media.port(leg.media))
        codecs = self.preferred(leg.id)
        if not event.body:
            leg.offer = make_offer(
                address,
                codecs,
                session_id=leg.sdp_id,
                version=leg.sdp_version,
                previous=leg.offer,
            )
            leg.awaits_answer = True
            return [*self._endpoint.accept_offer(leg.id, leg.offer, now)]
        try:
            body, remote = make_answer(
                event.body, address, codecs, session_id=leg.sdp_id, version=leg.sdp_version
            )
        except MediaError:
            return [*self._endpoint.reject_offer(leg.id, 488, now)]
        outputs: list[Output] = [*self._endpoint.accept_offer(leg.id, body, now)]
        outputs += self._connect(leg, remote)
        if remote.held is not leg.held:
            leg.held = remote.held
            outputs.append(LegHeld(leg.id, leg.held))
        return outputs

    def on_ended(self, event: sip.SessionEnded, now: float) -> list[Output]:
        leg = self._legs.pop(event.session, None)
        if leg is None or leg.state is LegState.ENDED:
            return []
        was_up = leg.state is LegState.UP
        leg.become(LegState.ENDED)
        if self._by_media.get(leg.media) == leg.id:
            del self._by_media[leg.media]
        return [LegEnded(leg.id, self._cause(leg, event, was_up), event.by is sip.EndedBy.REMOTE)]

    def on_request(self, event: sip.InDialogRequest, now: float) -> list[Output]:
        leg = self._legs.get(event.session)
        request = event.request
        if request.method == "INFO" and leg is not None:
            kind = (request.get("Content-Type") or "").partition(";")[0].strip().lower()
            outputs: list[Output] = [*self._endpoint.respond(event.transaction, 200, now)]
            if kind == DTMF_INFO:
                outputs += [LegDigit(leg.id, digit) for digit in _info_digit(request.body)]
            return outputs
        status = 200 if request.method in ("OPTIONS", "NOTIFY") else 501
        return [*self._endpoint.respond(event.transaction, status, now)]

    def on_media(self, event: Digit | Silent, now: float) -> list[Output]:
        leg_id = self._by_media.get(event.session)
        if leg_id is None:
            return []
        if isinstance(event, Digit):
            return [LegDigit(leg_id, event.digit)]
        return self.hangup(leg_id, Cause.SILENT, now)

    def on_media_lost(self, media: str, now: float) -> list[Output]:
        """Its worker is gone or could not open it."""
        leg_id = self._by_media.get(media)
        return [] if leg_id is None else self.hangup(leg_id, Cause.FAILED, now)

    @property
    def next_deadline(self) -> float | None:
        while self._deadlines:
            at, leg_id = self._deadlines[0]
            leg = self._legs.get(leg_id)
            if leg is not None and leg.state is LegState.DIALLING and not leg.heard_of:
                return at
            _ = heapq.heappop(self._deadlines)
        return None

    def on_time(self, now: float) -> list[Output]:
        outputs: list[Output] = []
        while (at := self.next_deadline) is not None and at <= now:
            leg = self._legs[heapq.heappop(self._deadlines)[1]]
            leg.heard_of = self._endpoint.heard(leg.id)
            if not leg.heard_of:
                outputs += self._fail(leg, Cause.UNREACHABLE, now)
        return outputs

    # --- inside

    def _fail(self, leg: Leg, cause: Cause, now: float) -> list[Output]:
        """End it from our side and say why; what SIP reports later about it is of no interest."""
        was = leg.state
        leg.become(LegState.ENDED)
        del self._legs[leg.id]
        if self._by_media.get(leg.media) == leg.id:
            del self._by_media[leg.media]
        status = status_of(cause) if was is not LegState.UP else 0
        ended = self._endpoint.hangup(leg.id, now, status=status, reason=reason_of(cause))
        return [*ended, LegEnded(leg.id, cause, by_peer=False)]

    def _connect(self, leg: Leg, remote: Remote) -> list[Output]:
        first, leg.remote, leg.connected = not leg.connected, remote, True
        worker = self._media.worker(leg.media)
        outputs: list[Output] = [
            ToWorker(
                worker,
                Connect(
                    session=leg.media,
                    address=remote.address,
                    rtcp=remote.rtcp,
                    learn_from=learn_from(remote, leg.flow),
                    codec=remote.codec,
                    payload_type=remote.payload_type,
                    dtmf_payload_type=remote.dtmf_payload_type,
                    sending=remote.sends,
                    receiving=remote.receives,
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

    def _cause(self, leg: Leg, event: sip.SessionEnded, was_up: bool) -> Cause:
        if event.by is sip.EndedBy.LOCAL:
            return leg.why
        if was_up:
            return Cause.NORMAL if event.by is not sip.EndedBy.TIMEOUT else Cause.UNREACHABLE
        if event.by is sip.EndedBy.REMOTE:
            return cause_of(event.status)
        return Cause.NO_ANSWER if leg.heard_of else Cause.UNREACHABLE

    def _offered(self, offer: bytes) -> list[str]:
        try:
            return offered_codecs(offer)
        except MediaError:
            return []  # The answer will refuse it.

    def _host(self, flow: Flow) -> str:
        return self.media_host or flow.local[0]

    def _new_sdp_id(self) -> int:
        self._sdp_ids += 1
        return self._sdp_ids


def _info_digit(body: bytes) -> list[str]:
    """`Signal=5` of application/dtmf-relay; an unreadable body is no digit."""
    for line in body[:512].decode("ascii", "replace").splitlines():
        name, _, value = line.partition("=")
        if name.strip().lower() == "signal" and value.strip() in set("0123456789*#ABCD"):
            return [value.strip()]
    return []
