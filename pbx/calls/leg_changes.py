"""What changes within a leg that is up: hold, other addresses, early sound, transfers asked for."""

from typing import Final

from media.errors import MediaError
from media.negotiation import make_answer, read_answer
from pbx.calls.causes import Cause
from pbx.calls.leg import (
    Leg,
    LegDigit,
    LegHeld,
    LegState,
    LegTransfer,
    reason_of,
    status_of,
)
from pbx.calls.leg_security import LegSecurity
from pbx.calls.leg_table import Output
from sip import events as sip
from sip.building import contact_of
from sip.errors import ParseError
from sip.message import REASON_PHRASES, Response
from sip.replaces import refer_target

DTMF_INFO: Final = "application/dtmf-relay"


class LegChanges(LegSecurity):
    def hangup(self, leg_id: str, cause: Cause, now: float) -> list[Output]:
        leg = self._legs.get(leg_id)
        if leg is None or leg.state is LegState.ENDED:
            return []
        leg.why = cause
        return [
            *self._endpoint.hangup(leg_id, now, status=status_of(cause), reason=reason_of(cause))
        ]

    def on_late_answer(self, session: str, body: bytes, now: float) -> list[Output]:
        """The ACK of our 200, or of our answer to an empty re-INVITE, may bring the SDP answer."""
        leg = self._legs.get(session)
        if leg is None or not body or not leg.awaits_answer or not self._media.is_open(leg.media):
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
        if leg is None or leg.state is not LegState.UP or not self._media.is_open(leg.media):
            return [*self._endpoint.reject_offer(event.session, 488, now)]
        leg.sdp_version += 1
        address = (self._host(leg.flow), self._media.port(leg.media))
        codecs = self.fitting(leg, self.preferred(leg.id))
        if not event.body:
            leg.offer = self._offer_again(leg, codecs)
            leg.awaits_answer = True
            return [*self._endpoint.accept_offer(leg.id, leg.offer, now)]
        try:
            body, remote = make_answer(
                event.body,
                address,
                codecs,
                session_id=leg.sdp_id,
                version=leg.sdp_version,
                terms=self._terms(leg, event.body),
            )
        except MediaError:
            return [*self._endpoint.reject_offer(leg.id, 488, now)]
        outputs: list[Output] = [*self._endpoint.accept_offer(leg.id, body, now)]
        outputs += self._connect(leg, remote)
        if remote.held is not leg.held:
            leg.held = remote.held
            outputs.append(LegHeld(leg.id, leg.held))
        return outputs

    def on_request(self, event: sip.InDialogRequest, now: float) -> list[Output]:
        leg = self._legs.get(event.session)
        request = event.request
        if request.method == "REFER" and leg is not None:
            return self._on_refer(leg, event, now)
        if request.method == "INFO" and leg is not None:
            kind = (request.get("Content-Type") or "").partition(";")[0].strip().lower()
            outputs: list[Output] = [*self._endpoint.respond(event.transaction, 200, now)]
            if kind == DTMF_INFO:
                digits = _info_digit(request.body)
                outputs += [LegDigit(leg.id, digit, signalled=True) for digit in digits]
            return outputs
        status = 200 if request.method in ("OPTIONS", "NOTIFY") else 501
        return [*self._endpoint.respond(event.transaction, status, now)]

    # --- transfer

    def _on_refer(self, leg: Leg, event: sip.InDialogRequest, now: float) -> list[Output]:
        """RFC 3515 §2.4.2, RFC 5589 §6, §7."""
        if leg.transferring or leg.state is not LegState.UP:
            return [*self._endpoint.respond(event.transaction, 491, now)]
        try:
            target = refer_target(event.request)
        except ParseError:
            return [*self._endpoint.respond(event.transaction, 400, now)]
        replaced = ""
        if target.replaces is not None:
            wanted = target.replaces
            found = self._endpoint.find_dialog(wanted.call_id, wanted.to_tag, wanted.from_tag)
            if found is None or found not in self._legs:
                return [*self._endpoint.respond(event.transaction, 481, now)]
            replaced = found
        leg.transferring = True
        return [
            *self._endpoint.respond(event.transaction, 202, now),
            *self._notify(leg, "SIP/2.0 100 Trying", "active;expires=180", now),
            LegTransfer(leg.id, target.uri.user_unescaped, replaced),
        ]

    def transferred(self, leg_id: str, now: float) -> list[Output]:
        """The other side talks to whom it was transferred to: this leg may go."""
        leg = self._legs.get(leg_id)
        if leg is None or leg.state is not LegState.UP:
            return []
        if not leg.transferring:
            return self.hangup(leg_id, Cause.NORMAL, now)
        return self._notify(leg, "SIP/2.0 200 OK", "terminated;reason=noresource", now)

    def transfer_failed(self, leg_id: str, cause: Cause, now: float) -> list[Output]:
        leg = self._legs.get(leg_id)
        if leg is None or not leg.transferring or leg.state is not LegState.UP:
            return []
        leg.transferring = False
        status = status_of(cause)
        line = f"SIP/2.0 {status} {REASON_PHRASES.get(status, cause.value)}"
        return self._notify(leg, line, "terminated;reason=noresource", now)

    def on_told(self, leg_id: str, response: Response | None, now: float) -> list[Output]:
        """A NOTIFY of ours is answered. After the last one of a good transfer the phone should hang
        up; it need not, so we do."""
        leg = self._legs.get(leg_id)
        if leg is None or leg.call or leg.state is not LegState.UP:
            return []
        return self.hangup(leg_id, Cause.NORMAL, now)

    def _notify(self, leg: Leg, line: str, state: str, now: float) -> list[Output]:
        return [
            *self._endpoint.request_in_dialog(
                leg.id,
                "NOTIFY",
                now,
                (
                    ("Event", "refer"),
                    ("Subscription-State", state),
                    ("Contact", contact_of(leg.flow)),
                    ("Content-Type", "message/sipfrag;version=2.0"),
                ),
                f"{line}\r\n".encode(),
                f"refer:{leg.id}",
            )
        ]

    # --- another worker, another call

    def move(self, leg_id: str, worker: int, now: float) -> list[Output]:
        """Its sound goes through this worker from now on: a new session, a re-INVITE."""
        leg = self._legs[leg_id]
        leg.moves += 1
        name = f"{leg_id}+{leg.moves}"
        opened = self._media.open(name, worker)
        if self._by_media.get(leg.media) == leg_id:
            del self._by_media[leg.media]
        leg.media, leg.connected, leg.secrets = name, False, None
        self._by_media[name] = leg_id
        return [opened, *self._tell_port(leg, now)]

    def _tell_port(self, leg: Leg, now: float) -> list[Output]:
        leg.displaced = False
        leg.sdp_version += 1
        leg.offer = self._offer_again(leg, self.fitting(leg, self.preferred(leg.id)))
        leg.awaits_answer = True
        return [*self._endpoint.offer(leg.id, leg.offer, now)]

    def _tell_if_displaced(self, leg: Leg, now: float) -> list[Output]:
        return self._tell_port(leg, now) if leg.displaced else []

    def promise(self, leg_id: str, media: str) -> None:
        """The media session that a phone that rings was told of is no more: this one is its own,
        and it will be told when it has answered."""
        leg = self._legs[leg_id]
        leg.media, leg.secrets, leg.displaced = media, None, True

    def on_offer_rejected(self, event: sip.OfferRejected, now: float) -> list[Output]:
        """A phone that will not follow its sound to another port hears nothing any more."""
        leg = self._legs.get(event.session)
        if leg is None or leg.connected or not leg.awaits_answer:
            return []
        if event.status == 491:  # Its own offer came between, and was refused: ours again.
            return self._tell_port(leg, now)
        leg.awaits_answer = False
        return self.hangup(leg.id, Cause.FAILED, now)

    def give(self, leg_id: str, call: str, remote: str, remote_name: str) -> None:
        """It belongs to another call, or to none ("")."""
        leg = self._legs[leg_id]
        leg.call = call
        if call:
            self.call_ids.note(call, self._endpoint.call_id(leg_id))
        self.lines.moved(leg.extension, leg_id, call, remote, remote_name)


def _info_digit(body: bytes) -> list[str]:
    """`Signal=5` of application/dtmf-relay; an unreadable body is no digit."""
    for line in body[:512].decode("ascii", "replace").splitlines():
        name, _, value = line.partition("=")
        if name.strip().lower() == "signal" and value.strip() in set("0123456789*#ABCD"):
            return [value.strip()]
    return []
