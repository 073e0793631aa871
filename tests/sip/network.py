"""Two endpoints on a virtual network that loses, repeats and reorders datagrams by a seed.

`Party` is a transaction user with a policy: it records the events, answers what must be
answered, and does what the story scheduled.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random

from sip.auth import Gate
from sip.endpoint import Endpoint, EndpointConfig
from sip.events import (
    Event,
    InDialogRequest,
    InviteReceived,
    Output,
    RequestReceived,
    Send,
    SessionEnded,
    SessionOffered,
)
from sip.flow import Flow
from sip.headers import NameAddr
from sip.tokens import Tokens
from tests.sip.sample import ALICE, BOB

OFFER = b"v=0 offer"
ANSWER = b"v=0 answer"
ALICE_NAME = NameAddr.parse("Alice <sip:alice@192.0.2.1>")
BOB_NAME = NameAddr.parse("<sip:bob@192.0.2.2>")

STORY_SECONDS_MAX = 400.0  # No timer of ours runs longer.


@dataclass(frozen=True)
class Weather:
    """Chances for each datagram, and the longest delay in seconds."""

    loss: float = 0.0
    repeat: float = 0.0
    delay: float = 0.01


class Party:
    def __init__(self, name: str, flow: Flow, gate: Gate | None = None) -> None:
        self.name = name
        self.flow = flow
        self.endpoint = Endpoint(EndpointConfig(), Tokens(name.encode()), gate)
        self.events: list[Event] = []
        self.incoming: list[str] = []  # Sessions that were offered to us.
        self.alive: set[str] = set()
        self.ended: list[SessionEnded] = []
        self.react: Callable[[Event, float], list[Output]] = self.answer_requests

    def see(self, event: Event) -> None:
        """The rules that hold for every story."""
        match event:
            case InviteReceived():
                assert event.session not in self.alive
                self.alive.add(event.session)
                self.incoming.append(event.session)
            case SessionEnded():
                assert event.session in self.alive, f"{event} reported twice"
                self.alive.remove(event.session)
                self.ended.append(event)
            case _:
                session = getattr(event, "session", None)
                assert session is None or session in self.alive, f"{event} after the end"
        self.events.append(event)

    def answer_requests(self, event: Event, now: float) -> list[Output]:
        match event:
            case RequestReceived() | InDialogRequest():
                return self.endpoint.respond(event.transaction, 200, now)
            case SessionOffered():
                return self.endpoint.accept_offer(event.session, ANSWER, now)
            case _:
                return []

    def call(self, session: str, now: float) -> list[Output]:
        self.alive.add(session)
        return self.endpoint.invite(
            session,
            uri="sip:bob@192.0.2.2",
            flow=self.flow,
            from_=ALICE_NAME,
            to=BOB_NAME,
            body=OFFER,
            now=now,
        )


@dataclass
class Network:
    seed: int
    weather: Weather = field(default_factory=Weather)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.alice = Party("alice", Flow("udp", ALICE, BOB))
        self.bob = Party("bob", Flow("udp", BOB, ALICE))
        self.history: list[tuple[float, str, object]] = []
        self.on_step: Callable[[], None] = lambda: None
        self.passes: Callable[[bytes], bool] = lambda data: True
        self.copies: Callable[[bytes], int] = lambda data: 1
        self.forks: Callable[[bytes], list[bytes]] = lambda data: []
        self._due: list[tuple[float, int, Party, bytes | Callable[[float], list[Output]]]] = []
        self._number = 0

    @property
    def log(self) -> list[str]:
        """Everything sent and reported, with its time, for people and for comparison."""
        return [f"{at:.3f} {who} {what!r}" for at, who, what in self.history]

    def other(self, party: Party) -> Party:
        return self.bob if party is self.alice else self.alice

    def at(self, when: float, party: Party, command: Callable[[float], list[Output]]) -> None:
        self._push(when, party, command)

    def run(self, until: float = STORY_SECONDS_MAX) -> None:
        """Deliver datagrams, commands and deadlines in the order of time."""
        while (nearest := self._nearest()) is not None and nearest <= until:
            if nearest > self.now:
                self.now = nearest
            self._step()
            self.on_step()

    def check_over(self) -> None:
        """Nothing is left of anything, and every session ended once on each side."""
        for party in (self.alice, self.bob):
            assert party.alive == set(), (self.seed, party.name, party.alive)
            assert not any(party.endpoint.leftovers().values()), party.endpoint.leftovers()
            assert party.endpoint.sessions == 0
            assert party.endpoint.next_deadline is None

    def _nearest(self) -> float | None:
        """When something happens next."""
        nearest = self._due[0][0] if self._due else None
        for party in (self.alice, self.bob):
            deadline = party.endpoint.next_deadline
            if deadline is not None and (nearest is None or deadline < nearest):
                nearest = deadline
        return nearest

    def _step(self) -> None:
        if self._due and self._due[0][0] <= self.now:
            _, _, party, what = heappop(self._due)
            if isinstance(what, bytes):
                self.carry_out(party, party.endpoint.on_datagram(what, party.flow, self.now))
            else:
                self.carry_out(party, what(self.now))
            return
        for party in (self.alice, self.bob):
            deadline = party.endpoint.next_deadline
            if deadline is not None and deadline <= self.now:
                self.carry_out(party, party.endpoint.on_time(self.now))

    def carry_out(self, party: Party, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Send):
                assert output.flow == party.flow
                self._transmit(self.other(party), output.data)
            else:
                self.history.append((self.now, party.name, output))
                party.see(output)
                self.carry_out(party, party.react(output, self.now))

    def _transmit(self, to: Party, data: bytes) -> None:
        self.history.append((self.now, f"to {to.name}", data))
        copies = self.copies(data) + (self.random.random() < self.weather.repeat)
        for copy in [data, *self.forks(data)] * copies if self.passes(data) else []:
            if self.random.random() >= self.weather.loss:
                self._push(self.now + self.random.uniform(0.001, self.weather.delay), to, copy)

    def _push(
        self, when: float, party: Party, what: bytes | Callable[[float], list[Output]]
    ) -> None:
        self._number += 1
        heappush(self._due, (when, self._number, party, what))
