"""Any history of a session that rings reliably, is timed and is asked for passwords."""

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from sip.errors import LocalError, RemoteError
from sip.session import Reply, SessionOutput, State
from sip.session_client import ClientSession, first_branch
from sip.session_reinvite import Offering
from sip.session_server import ServerSession
from sip.timers import TimerConfig
from tests.sip.sample import UDP, answer_to, make_request
from tests.sip.test_session import STEP, History, respond_to

if TYPE_CHECKING:
    from sip.message import Request, Response

ABLE = [
    ("Require", "100rel"),
    ("Supported", "timer"),
    ("Session-Expires", "90"),
    ("Allow", "INVITE, UPDATE, PRACK"),
]
INVITE = make_request("INVITE", branch=first_branch("a"), headers=ABLE, body=b"offer")
LATE = make_request("INVITE", branch=first_branch("a"), headers=ABLE)

MORE = st.sampled_from(
    [
        *("183 reliable", "180 reliable", "200 timed", "401", "422", "500 later"),
        *("ring early", "PRACK", "PRACK offer", "UPDATE timed"),
    ]
)


def client(*, late: bool) -> ClientSession:
    session = ClientSession("call", LATE if late else INVITE, UDP, TimerConfig())
    session.use_timer(90, 90)
    _ = session.start()
    return session


def server(*, late: bool) -> ServerSession:
    session = ServerSession("tx", LATE if late else INVITE, "b", UDP, TimerConfig())
    session.use_timer(90, 90)
    return session


class AbleHistory(History):
    def __init__(self, session: ClientSession | ServerSession) -> None:
        super().__init__(session)
        self.rang: Response | None = None  # Our last reliable one.
        self.number = 0  # The peer's.

    def check(self, before: tuple[State, Offering, bool], outputs: list[SessionOutput]) -> None:
        super().check(before, outputs)
        for output in outputs:
            if isinstance(output, Reply) and "RSeq" in output.response.first:
                self.rang = output.response

    def outputs(self, step: str) -> list[SessionOutput]:
        session = self.session
        match step.split():
            case ["401"]:
                return self.challenged()
            case ["422"]:
                return self.respond(422, [("Min-SE", "120")])
            case ["500", "later"]:
                return self.respond(500, [("Retry-After", "1")])
            case ["200", "timed"]:
                return self.respond(200, [("Session-Expires", "90;refresher=uac"), ABLE[-1]])
            case [status, "reliable"]:
                self.number += 1
                headers = [("Require", "100rel"), ("RSeq", str(self.number)), ABLE[-1]]
                return self.respond(int(status), headers, b"e" if status == "183" else b"")
            case ["ring", "early"]:
                if not isinstance(session, ServerSession) or session.over:
                    return []
                return self.rings(session)
            case ["PRACK", *offer]:
                number = "0" if self.rang is None else self.rang.first["RSeq"]
                rack = [("RAck", f"{number} 1 INVITE")]
                return self.peer_asks("PRACK", rack, b"p" if offer else b"")
            case ["UPDATE", "timed"]:
                return self.peer_asks("UPDATE", ABLE[1:3], b"")
            case _:
                return super().outputs(step)

    def rings(self, session: ServerSession) -> list[SessionOutput]:
        try:
            return session.ring(183, b"e", [], self.now)
        except LocalError:
            return []

    def challenged(self) -> list[SessionOutput]:
        """What the endpoint does for those who have a password."""
        if not self.open:
            return []
        renewed = self.session.resend(self.open[-1])
        if renewed is None:
            return self.respond(401, [])
        self.open[-1] = renewed
        return []

    def respond(
        self, status: int, headers: list[tuple[str, str]], body: bytes = b""
    ) -> list[SessionOutput]:
        if not self.open:
            return []
        tag = "b" if isinstance(self.session, ClientSession) else "a"
        response = answer_to(self.open[-1], status, to_tag=tag, headers=headers, body=body)
        return respond_to(self.session, response, self.now)

    def peer_asks(
        self, method: str, headers: list[tuple[str, str]], body: bytes
    ) -> list[SessionOutput]:
        session = self.session
        self.cseq += 1
        ours, theirs = ("a", "b") if isinstance(session, ClientSession) else ("b", "a")
        request: Request = make_request(
            method,
            branch=f"z9hG4bK-{self.cseq}",
            cseq=self.cseq,
            to_tag=ours,
            from_tag=theirs,
            headers=headers,
            body=body,
        )
        if not session.belongs(request):
            return []
        try:
            return session.on_request(f"tx{self.cseq}", request, UDP, self.now)
        except RemoteError:
            return []


@settings(max_examples=600, deadline=None)
@given(st.booleans(), st.booleans(), st.lists(STEP | MORE, max_size=40))
def test_any_history_is_legal(calls: bool, late: bool, steps: list[str]) -> None:
    """Whatever peer and user do: no crash, one end, and after hanging up time ends the rest."""
    session = client(late=late) if calls else server(late=late)
    history = AbleHistory(session)
    for step in steps:
        history.step(step)
    history.step("hangup")
    assert session.over
    for _ in range(60):
        history.step("time")
        while history.open:
            history.step("timeout")
    assert session.gone, session
    assert session.next_deadline is None


def test_nothing_of_the_living_runs_after_the_end() -> None:
    for calls in (False, True):
        session = client(late=False) if calls else server(late=False)
        history = AbleHistory(session)
        steps = ["183 reliable", "200 timed"] if calls else ["ring early", "PRACK", "answer", "ACK"]
        for step in [*steps, "BYE"]:
            history.step(step)
        assert session.over
        assert session.next_deadline in (None, 32.0)  # RFC 6026: more 2xx may come.
