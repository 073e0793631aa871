"""All legs: carries out what calls want on SIP sessions and media sessions, and reports back in
neutral events."""

import heapq
from collections.abc import Sequence
from typing import Final

from media.errors import MediaError
from media.negotiation import make_answer, read_answer
from media.protocol import Digit, Echo, Join, Part, Play, SendDigits, Silent, Stop
from media.sdp_security import Security
from pbx.calls.causes import Cause
from pbx.calls.leg import (
    Invitation,
    Leg,
    LegAnswered,
    LegDigit,
    LegEarly,
    LegEnded,
    LegRinging,
    LegState,
)
from pbx.calls.leg_changes import LegChanges
from pbx.calls.leg_security import REFUSED_MEDIA
from pbx.calls.leg_table import Output
from pbx.calls.media_pool import NoPorts, ToWorker
from pbx.encryption import Policy
from sip import events as sip
from sip.flow import Flow
from sip.headers import NameAddr
from sip.login import Login

NO_REPLY_SECONDS: Final = 4
"""A device that has not even sent 100 by then is taken for unplugged: the INVITE went out four
times. They are counted one by one, for a machine that stood still for a while heard nobody."""

AUTO_ANSWER: Final = (
    # Each phone knows another one: RFC 5373 is not among them.
    ("Call-Info", "<sip:intercom>;answer-after=0"),
    ("Alert-Info", "<http://intercom>;info=alert-autoanswer;delay=0"),
)


class Legs(LegChanges):
    # --- what calls want

    def accept(
        self,
        leg_id: str,
        call: str,
        offer: bytes,
        flow: Flow,
        now: float,
        *,
        extension: str = "",
        called: str = "",
        trunk: str = "",
        policy: Policy = Policy.ALLOWED,
    ) -> Leg:
        """A new INVITE to us; nothing is sent yet. `extension`: whose device it is."""
        leg = Leg(leg_id, call, LegState.OFFERED, flow, offer=offer, heard_of=True, started=now)
        leg.extension, leg.policy = extension, policy
        leg.codecs = self.codec_plan.of(extension, trunk)
        self._add(leg, (called, ""))
        self.call_ids.note(call, self._endpoint.call_id(leg_id))
        return leg

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
        extension: str = "",
        headers: Sequence[tuple[str, str]] = (),
        auto_answer: bool = False,
        login: Login | None = None,
        trunk: str = "",
        policy: Policy = Policy.ALLOWED,
    ) -> list[Output]:
        leg = Leg(leg_id, call, LegState.DIALLING, flow, media, sdp_version=1, started=now)
        leg.extension, leg.trunk, leg.policy = extension, bool(trunk), policy
        leg.codecs = self.codec_plan.of(extension, trunk)
        self._add(leg, (from_.uri.user or "", from_.display))
        security = self._choose_security(leg)
        if security is None:
            return self._fail(leg, Cause.NOT_ACCEPTABLE, now)
        if auto_answer:
            headers = (*headers, *AUTO_ANSWER)
        leg.offer = self._first_offer(leg, security, self.fitting(leg, codecs))
        if security is Security.SDES and policy is Policy.ALLOWED:
            leg.plainly = Invitation(uri, from_, to, tuple(headers), login)
        self._await_reply(leg, now, NO_REPLY_SECONDS)
        outputs = self._endpoint.invite(
            leg_id,
            uri=uri,
            flow=flow,
            from_=from_,
            to=to,
            body=leg.offer,
            now=now,
            headers=headers,
            login=login,
        )
        self.call_ids.note(call, self._endpoint.call_id(leg_id))
        return [*outputs]

    def dial_again(
        self,
        leg_id: str,
        *,
        uri: str,
        flow: Flow,
        from_: NameAddr,
        to: NameAddr,
        now: float,
        headers: Sequence[tuple[str, str]],
        login: Login | None,
    ) -> list[Output]:
        """The same leg and offer to another place: a redirection (RFC 3261 §8.1.3.4)."""
        leg = self._legs[leg_id]
        leg.heard_of = False
        self._await_reply(leg, now, NO_REPLY_SECONDS)
        return [
            *self._endpoint.invite(
                leg_id,
                uri=uri,
                flow=flow,
                from_=from_,
                to=to,
                body=leg.offer,
                now=now,
                headers=headers,
                login=login,
            )
        ]

    def ring(self, leg_id: str, now: float) -> list[Output]:
        leg = self._legs[leg_id]
        if leg.state is LegState.OFFERED:
            self._become(leg, LegState.RINGING)
        if leg.state is not LegState.RINGING or leg.ringing_since is not None:
            return []
        leg.ringing_since = now
        return [*self._endpoint.ring(leg_id, now)]

    def early(self, leg_id: str, codecs: Sequence[str], worker: int, now: float) -> list[Output]:
        """Let a caller hear what the called side sends before it answers (RFC 3960)."""
        leg = self._legs[leg_id]
        if leg.state not in (LegState.OFFERED, LegState.RINGING) or leg.answer or not leg.offer:
            return []
        opened = self._open(leg, codecs, worker, now)
        if not leg.answer:
            return opened
        if leg.state is LegState.OFFERED:
            self._become(leg, LegState.RINGING)
        return [*opened, *self._endpoint.ring(leg_id, now, status=183, body=leg.answer)]

    def answer(
        self, leg_id: str, codecs: Sequence[str], worker: int | None, now: float
    ) -> list[Output]:
        """Answer a leg that called us. Its media session has the id of the leg."""
        leg = self._legs[leg_id]
        if leg.state not in (LegState.OFFERED, LegState.RINGING):
            return []
        outputs: list[Output] = []
        if not leg.answer:
            try:
                chosen = self._media.pick_worker() if worker is None else worker
            except NoPorts:
                return self._fail(leg, Cause.CONGESTION, now)
            outputs = self._open(leg, codecs, chosen, now)
            if not leg.answer:
                return outputs
        self._become(leg, LegState.UP)
        return [*outputs, *self._endpoint.answer(leg_id, leg.answer, now)]

    def _open(self, leg: Leg, codecs: Sequence[str], worker: int, now: float) -> list[Output]:
        """A media session of its own, and our answer to its offer. Without one it has failed."""
        try:
            opened = self._media.open(leg.id, worker)
        except NoPorts:
            return self._fail(leg, Cause.CONGESTION, now)
        leg.media, leg.sdp_id, leg.sdp_version = leg.id, self._new_sdp_id(), 1
        address = (self._host(leg.flow), self._media.port(leg.id))
        codecs = self.fitting(leg, codecs)
        self._by_media[leg.media] = leg.id
        if not leg.offer:  # Late offer (RFC 3261 §13.2.1): ours goes in the 200, theirs in the ACK.
            leg.offer = leg.answer = self._offer_again(leg, codecs)
            leg.awaits_answer = True
            return [opened]
        try:
            body, remote = make_answer(
                leg.offer,
                address,
                codecs,
                session_id=leg.sdp_id,
                version=1,
                terms=self._terms(leg, leg.offer),
            )
        except MediaError:
            closed = self._media.close(leg.id)
            return [opened, *closed, *self._fail(leg, Cause.NOT_ACCEPTABLE, now)]
        leg.answer = body
        return [opened, *self._connect(leg, remote)]

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

    def press(self, leg_id: str, digits: str) -> list[Output]:
        """Keys for its peer, in the form that it understands."""
        leg = self._legs.get(leg_id)
        if leg is None or not self._media.is_open(leg.media):
            return []
        command = SendDigits(session=leg.media, digits=digits)
        return [ToWorker(self._media.worker(leg.media), command)]

    def echo(self, leg_id: str) -> list[Output]:
        return self._command(leg_id, Echo)

    # --- what SIP and the workers report

    def on_progress(self, event: sip.SessionProgress, now: float) -> list[Output]:
        leg = self._legs.get(event.session)
        if leg is None:
            return []
        leg.heard_of = True
        # 183 without SDP says nothing to anybody; 182 and others are not ringing either.
        rings = event.status == 180
        if leg.state not in (LegState.DIALLING, LegState.RINGING) or not (rings or event.body):
            return []
        outputs: list[Output] = []
        if leg.state is LegState.DIALLING:
            self._become(leg, LegState.RINGING)
        if rings and leg.ringing_since is None:
            leg.ringing_since = now
            outputs.append(LegRinging(leg.id))
        if event.body and leg.remote is None:
            outputs += self._on_early(leg, event.body)
        return outputs

    def _on_early(self, leg: Leg, body: bytes) -> list[Output]:
        try:
            leg.remote = read_answer(leg.offer, body)
        except MediaError:
            return []  # The final answer will show whether it is any good.
        return [LegEarly(leg.id)]

    def on_answered(self, event: sip.SessionAnswered, now: float) -> list[Output]:
        leg = self._legs.get(event.session)
        if leg is None:
            return []
        if event.body or leg.remote is None:
            # A 200 after a reliable 183 with the answer may come without one (RFC 6337 §2.2).
            try:
                leg.remote = read_answer(leg.offer, event.body)
            except MediaError:
                return self._fail(leg, Cause.NOT_ACCEPTABLE, now)
        self._become(leg, LegState.UP)
        return [LegAnswered(leg.id)]

    def take_over(self, leg_id: str, now: float) -> list[Output]:
        """This leg won its attempt, or sends early sound: the shared media session is its own."""
        leg = self._legs[leg_id]
        self._by_media[leg.media] = leg_id
        if leg.remote is None or not self._media.is_open(leg.media):
            return []
        return [*self._connect(leg, leg.remote), *self._tell_if_displaced(leg, now)]

    def invite_plainly(self, event: sip.SessionEnded, now: float) -> list[Output] | None:
        """It cannot encrypt, and need not: once more without. None: it ended for another reason."""
        leg = self._legs.get(event.session)
        if leg is None or leg.plainly is None or event.status not in REFUSED_MEDIA:
            return None
        if not self._media.is_open(leg.media):
            return None
        again, leg.plainly = leg.plainly, None
        codecs = tuple(self._offered(leg.offer))
        leg.offer = self._first_offer(leg, Security.NONE, codecs)
        return self.dial_again(
            leg.id,
            uri=again.uri,
            flow=leg.flow,
            from_=again.from_,
            to=again.to,
            now=now,
            headers=again.headers,
            login=again.login,
        )

    def on_ended(self, event: sip.SessionEnded, now: float) -> list[Output]:
        leg = self._legs.pop(event.session, None)
        if leg is None or leg.state is LegState.ENDED:
            return []
        was_up = leg.state is LegState.UP
        self._become(leg, LegState.ENDED)
        if self._by_media.get(leg.media) == leg.id:
            del self._by_media[leg.media]
        return [LegEnded(leg.id, self._cause(leg, event, was_up), event.by is sip.EndedBy.REMOTE)]

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
        while self.heap:
            at, leg_id = self.heap[0]
            leg = self._legs.get(leg_id)
            if leg is not None and leg.look_at == at and leg.state is LegState.DIALLING:
                return at
            _ = heapq.heappop(self.heap)
        return None

    def on_time(self, now: float) -> list[Output]:
        outputs: list[Output] = []
        while (at := self.next_deadline) is not None and at <= now:
            leg = self._legs[heapq.heappop(self.heap)[1]]
            leg.heard_of = leg.heard_of or self._endpoint.heard(leg.id)
            if leg.heard_of:
                continue
            if leg.looks_left:
                self._await_reply(leg, now, leg.looks_left)
            else:
                outputs += self._fail(leg, Cause.UNREACHABLE, now)
        return outputs

    def _await_reply(self, leg: Leg, now: float, seconds: int) -> None:
        leg.look_at, leg.looks_left = now + 1.0, seconds - 1
        heapq.heappush(self.heap, (leg.look_at, leg.id))
