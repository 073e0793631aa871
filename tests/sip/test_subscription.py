"""The notifier's side of RFC 6665: the machine alone, and at an endpoint."""

from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sip.brakes import REFUSALS_MAX, SOURCES_MAX, Brakes
from sip.endpoint import Endpoint, EndpointConfig
from sip.errors import LocalError, RemoteError
from sip.events import (
    EndedBy,
    Notified,
    Output,
    Send,
    Subscribed,
    SubscriptionEnded,
    SubscriptionRefreshed,
)
from sip.message import Request, Response
from sip.parser import parse
from sip.session import Reply, Start
from sip.subscription import (
    ANSWER_SECONDS,
    GONE,
    State,
    Subscription,
    SubscriptionOutput,
    expires_of,
)
from sip.tokens import Tokens
from tests.sip.plain import rebuild
from tests.sip.sample import TCP, UDP, answer_to, make_request

CONTACT = ("Contact", "<sip:alice@192.0.2.1:5060>")
TAG = "0123456789abcdef"
TYPE = "application/dialog-info+xml"


def subscribe(
    expires: str | None = "300",
    *,
    event: str = "dialog",
    cseq: int = 1,
    to_tag: str = "",
    contact: bool = True,
    branch: str = "",
) -> Request:
    headers = [("Event", event)] if event else []
    if contact:
        headers.append(CONTACT)
    if expires is not None:
        headers.append(("Expires", expires))
    return make_request(
        "SUBSCRIBE", branch=branch or f"z9hG4bK-s{cseq}", cseq=cseq, to_tag=to_tag, headers=headers
    )


def offered(expires: str | None = "300", now: float = 0.0) -> Subscription:
    return Subscription(">t1", subscribe(expires), TAG, UDP, now)


def active(expires: str | None = "300", now: float = 0.0) -> Subscription:
    subscription = offered(expires, now)
    _ = subscription.accept(3600, now)
    return subscription


def told(outputs: list[SubscriptionOutput]) -> list[str]:
    """Statuses, NOTIFYs and events, in short."""
    words: list[str] = []
    for output in outputs:
        match output:
            case Reply():
                words.append(f"{output.response.status} {output.response.get('Expires')}")
            case Start():
                words.append(str(output.request.get("Subscription-State")))
            case _:
                words.append(type(output).__name__)
    return words


def answer(
    subscription: Subscription, outputs: list[SubscriptionOutput], status: int = 200
) -> list[SubscriptionOutput]:
    (notify,) = [output.request for output in outputs if isinstance(output, Start)]
    return subscription.on_response(notify.branch, Response(status), 1.0)


def test_accepted_and_notified() -> None:
    subscription = offered()
    assert told(subscription.accept(3600, 0.0, [("Allow-Events", "dialog")])) == ["200 300"]
    assert (subscription.state, subscription.next_deadline) == (State.ACTIVE, 300.0)
    outputs = subscription.notify(b"<x/>", TYPE, 100.0)
    (start,) = outputs
    assert isinstance(start, Start)
    notify = start.request
    assert (notify.method, notify.uri, notify.body) == (
        "NOTIFY",
        "sip:alice@192.0.2.1:5060",
        b"<x/>",
    )
    assert [notify.get(name) for name in ("Event", "Subscription-State", "Content-Type")] == [
        "dialog",
        "active;expires=200",
        TYPE,
    ]
    assert [notify.get(name) for name in ("From", "To", "CSeq", "Contact")] == [
        f"<sip:bob@192.0.2.2>;tag={TAG}",
        "<sip:alice@192.0.2.1>;tag=a",
        "1 NOTIFY",
        "<sip:192.0.2.1:5060>",
    ]
    assert told(answer(subscription, outputs)) == ["Notified"]


@pytest.mark.parametrize(
    ("asked", "granted"),
    [(None, 900), ("901", 900), ("60", 60), ("x", 900), ("9" * 99, 900)],
)
def test_never_longer_than_asked_for_nor_than_allowed(asked: str | None, granted: int) -> None:
    subscription = offered(asked)
    assert told(subscription.accept(900, 0.0)) == [f"200 {granted}"]
    assert subscription.next_deadline == granted


def test_a_mere_question() -> None:
    """RFC 6665 §4.4.3"""
    subscription = offered("0")
    assert told(subscription.accept(3600, 0.0)) == ["200 0"]
    outputs = subscription.notify(b"<x/>", TYPE, 0.0)
    assert told(outputs) == ["terminated;reason=timeout"]
    assert told(answer(subscription, outputs)) == ["SubscriptionEnded"]
    assert subscription.gone


def test_refused() -> None:
    subscription = offered()
    (reply,) = subscription.reject(404)
    assert isinstance(reply, Reply)
    assert (reply.transaction, reply.response.status, reply.response.to_tag) == (">t1", 404, TAG)
    assert subscription.gone
    assert subscription.accept(60, 0.0) == subscription.notify(b"", "", 0.0) == []


def test_never_answered_by_its_user() -> None:
    subscription = offered()
    assert subscription.next_deadline == ANSWER_SECONDS
    with pytest.raises(LocalError):
        _ = subscription.notify(b"", "", 1.0)
    assert told(subscription.on_time(ANSWER_SECONDS)) == ["500 None"]
    assert subscription.gone


def test_prolonged() -> None:
    subscription = active()
    again = subscribe("600", cseq=2, to_tag=TAG)
    subscription.check(again)
    outputs = subscription.on_subscribe(">t2", again, TCP, 200.0)
    assert told(outputs) == ["200 600", "SubscriptionRefreshed"]
    assert (subscription.next_deadline, subscription.flow) == (800.0, TCP)


def test_unsubscribed() -> None:
    subscription = active()
    outputs = subscription.on_subscribe(">t2", subscribe("0", cseq=2, to_tag=TAG), UDP, 5.0)
    assert told(outputs) == ["200 0", "SubscriptionRefreshed"]
    outputs = subscription.notify(b"<x/>", TYPE, 5.0)
    assert told(outputs) == ["terminated;reason=timeout"]
    with pytest.raises(RemoteError) as refused:
        subscription.check(subscribe("300", cseq=3, to_tag=TAG))
    assert refused.value.status == 481
    assert told(answer(subscription, outputs)) == ["SubscriptionEnded"]


def test_expired() -> None:
    subscription = active()
    outputs = subscription.on_time(300.0)
    assert told(outputs) == ["terminated;reason=timeout"]
    assert isinstance(outputs[0], Start)
    assert outputs[0].request.get("Content-Type") is None
    assert subscription.next_deadline is None
    assert told(answer(subscription, outputs, 500)) == ["SubscriptionEnded"]


def test_ended_by_us() -> None:
    subscription = active()
    outputs = subscription.notify(b"", "", 1.0, "terminated", "noresource")
    assert told(outputs) == ["terminated;reason=noresource"]
    assert subscription.notify(b"", "", 1.0) == []
    assert told(answer(subscription, outputs)) == ["SubscriptionEnded"]


def test_one_notify_at_a_time() -> None:
    subscription = active()
    first = subscription.notify(b"1", TYPE, 0.0)
    assert subscription.notify(b"2", TYPE, 0.0) == []
    assert subscription.notify(b"3", TYPE, 0.0) == []
    assert subscription.notifying
    second = answer(subscription, first)
    (start,) = second
    assert isinstance(start, Start)
    assert (start.request.body, start.request.cseq.number) == (b"3", 2)
    assert told(answer(subscription, second)) == ["Notified"]
    assert not subscription.notifying


def test_the_last_word_stays_the_last() -> None:
    subscription = active()
    first = subscription.notify(b"1", TYPE, 0.0)
    _ = subscription.notify(b"", "", 0.0, "terminated", "rejected")
    _ = subscription.notify(b"2", TYPE, 0.0)
    assert told(answer(subscription, first)) == ["terminated;reason=rejected"]


@pytest.mark.parametrize("status", sorted(GONE))
def test_the_subscriber_is_gone(status: int) -> None:
    subscription = active()
    assert told(answer(subscription, subscription.notify(b"", "", 0.0), status)) == [
        "SubscriptionEnded"
    ]


@pytest.mark.parametrize("status", [400, 401, 403, 491, 500, 503])
def test_the_subscriber_only_has_a_bad_day(status: int) -> None:
    subscription = active()
    assert told(answer(subscription, subscription.notify(b"", "", 0.0), status)) == ["Notified"]
    assert subscription.state is State.ACTIVE


def test_the_subscriber_is_silent() -> None:
    subscription = active()
    (start,) = subscription.notify(b"", "", 0.0)
    assert isinstance(start, Start)
    outputs = subscription.on_failure(start.request.branch, EndedBy.TIMEOUT, 32.0)
    assert told(outputs) == ["SubscriptionEnded"]
    assert subscription.next_deadline is None


def test_what_cannot_be_served_in_the_dialog() -> None:
    subscription = active()
    bad = {
        405: make_request("INFO", cseq=2, to_tag=TAG),
        403: subscribe(event="dialog;id=2", cseq=2, to_tag=TAG),
        500: subscribe(cseq=0, to_tag=TAG),
    }
    for status, request in bad.items():
        with pytest.raises(RemoteError) as refused:
            subscription.check(request)
        assert refused.value.status == status
    with pytest.raises(RemoteError):
        _ = Subscription(">t1", subscribe(contact=False), TAG, UDP, 0.0)


def test_the_id_of_the_event_comes_back() -> None:
    subscription = Subscription(">t1", subscribe(event="dialog;id=7"), TAG, UDP, 0.0)
    _ = subscription.accept(60, 0.0)
    (start,) = subscription.notify(b"", "", 0.0)
    assert isinstance(start, Start)
    assert start.request.get("Event") == "dialog;id=7"
    subscription.check(subscribe(event="dialog; id = 7", cseq=2, to_tag=TAG))


def test_expires() -> None:
    values = {"0": 0, "60": 60, "": None, "-1": None, "1e3": None, "9" * 40: 2**31}
    assert {text: expires_of(subscribe(text)) for text in values} == values


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("subscribe"), st.sampled_from(["0", "60", "300", "x"])),
        st.tuples(st.just("notify"), st.sampled_from(["active", "terminated"])),
        st.tuples(st.just("answer"), st.sampled_from([200, 481, 500, 0])),
        st.tuples(st.just("time"), st.sampled_from([1.0, 30.0, 400.0])),
        st.tuples(st.just("drop"), st.none()),
    ),
    max_size=30,
)


@given(STEPS, st.sampled_from(["0", "60", None]))
def test_any_order(steps: list[tuple[str, object]], asked: str | None) -> None:
    """One NOTIFY at a time, one end, and nothing after it; and it does end."""
    now, cseq, flying = 0.0, 1, ""
    subscription = offered(asked)
    everything = subscription.accept(300, now)

    def see(outputs: list[SubscriptionOutput]) -> None:
        nonlocal flying
        for output in outputs:
            assert not any(isinstance(old, SubscriptionEnded) for old in everything)
            if isinstance(output, Start):
                assert not flying
                flying = output.request.branch
            everything.append(output)

    def pass_time(seconds: float) -> None:
        nonlocal now, flying
        now += seconds
        if flying and seconds > 32.0:  # Timer F.
            branch, flying = flying, ""
            see(subscription.on_failure(branch, EndedBy.TIMEOUT, now))
        if subscription.next_deadline is not None and subscription.next_deadline <= now:
            see(subscription.on_time(now))

    for what, how in steps:
        match what:
            case "subscribe":
                cseq += 1
                request = subscribe(str(how), cseq=cseq, to_tag=TAG)
                if subscription.belongs(request):
                    try:
                        subscription.check(request)
                    except RemoteError:
                        continue  # Over already.
                    see(subscription.on_subscribe(">t", request, UDP, now))
            case "notify":
                see(subscription.notify(b"x", TYPE, now, str(how)))
            case "answer" if flying:
                branch, flying = flying, ""
                if how:
                    see(subscription.on_response(branch, Response(int(str(how))), now))
                else:
                    see(subscription.on_failure(branch, EndedBy.TRANSPORT, now))
            case "time":
                assert isinstance(how, float)
                pass_time(how)
            case "drop":
                see(subscription.drop())
            case _:
                pass
    for _ in range(4):
        pass_time(400.0)
    assert subscription.gone
    assert sum(isinstance(output, SubscriptionEnded) for output in everything) == 1
    assert subscription.next_deadline is None


# --- at an endpoint -----------------------------------------------------------------------------


def endpoint(**config: int) -> Endpoint:
    made = Endpoint(EndpointConfig(**config), Tokens(b"subscriptions"), None)  # type: ignore[arg-type]
    made.packages = ("dialog", "message-summary")
    return made


def on_wire(outputs: list[Output]) -> list[Request | Response]:
    return [parse(output.data) for output in outputs if isinstance(output, Send)]


def notified(outputs: list[Output]) -> Request:
    (message,) = on_wire(outputs)
    assert isinstance(message, Request)
    return message


def statuses(outputs: list[Output]) -> list[int]:
    return [message.status for message in on_wire(outputs) if isinstance(message, Response)]


def events(outputs: list[Output]) -> list[object]:
    return [output for output in outputs if not isinstance(output, Send)]


def subscribed(notifier: Endpoint, request: Request, now: float = 0.0) -> str:
    (event,) = events(notifier.on_message(request, UDP, now))
    assert isinstance(event, Subscribed)
    return event.subscription


def test_a_subscription_from_its_beginning_to_its_end() -> None:
    bob = endpoint()
    request = subscribe(event="dialog;id=1")
    request.add("Accept", "Application/PIDF+xml;q=0.5, application/dialog-info+xml")
    (event,) = events(bob.on_message(request, UDP, 0.0))
    assert isinstance(event, Subscribed)
    assert (event.event, event.aor, event.username, event.flow) == ("dialog", "bob", None, UDP)
    assert event.accept == ("application/pidf+xml", TYPE)
    name = event.subscription
    (ok,) = on_wire(bob.accept_subscription(name, 3600, 0.0))
    assert isinstance(ok, Response)
    assert (ok.status, ok.to_tag, ok.get("Expires"), ok.get("Allow-Events")) == (
        200,
        name,
        "300",
        "dialog, message-summary",
    )
    notify = notified(bob.notify(name, b"<x/>", TYPE, 0.0))
    assert bob.is_notifying(name)
    assert events(bob.on_message(answer_to(notify, 200, to_tag=""), UDP, 0.0)) == [Notified(name)]
    again = subscribe("300", event="dialog;id=1", cseq=2, to_tag=name)
    outputs = bob.on_message(again, UDP, 200.0)
    assert (statuses(outputs), events(outputs)) == ([200], [SubscriptionRefreshed(name)])
    assert statuses(bob.on_message(again, UDP, 200.1)) == [200]  # Repeated, absorbed.
    assert bob.leftovers()["subscriptions"] == bob.subscriptions == 1
    assert bob.next_deadline is not None
    outputs = [*bob.on_time(240.0), *bob.on_time(500.0)]
    (last,) = [message for message in on_wire(outputs) if isinstance(message, Request)]
    assert last.get("Subscription-State") == "terminated;reason=timeout"
    outputs = bob.on_message(answer_to(last, 200, to_tag=""), UDP, 500.0)
    assert events(outputs) == [SubscriptionEnded(name)]
    _ = bob.on_time(600.0)
    assert not any(bob.leftovers().values()), bob.leftovers()
    assert statuses(bob.on_message(subscribe(cseq=3, to_tag=name), UDP, 601.0)) == [481]


@pytest.mark.parametrize(
    ("request_", "status", "header"),
    [
        (subscribe(event="conference"), 489, ("Allow-Events", "dialog, message-summary")),
        (subscribe(event=""), 489, ("Allow-Events", "dialog, message-summary")),
        (subscribe(event="Dialog"), 489, ("Allow-Events", "dialog, message-summary")),
        (subscribe("59"), 423, ("Min-Expires", "60")),
        (subscribe(contact=False), 400, ("Via", "SIP/2.0/UDP 192.0.2.1:5060")),
    ],
)
def test_refused_without_a_trace(request_: Request, status: int, header: tuple[str, str]) -> None:
    bob = endpoint()
    outputs = bob.on_message(request_, UDP, 0.0)
    assert (statuses(outputs), events(outputs)) == ([status], [])
    name, value = header
    assert (on_wire(outputs)[0].get(name) or "").startswith(value)
    assert not any(bob.leftovers().values())


def test_too_short_a_prolongation() -> None:
    bob = endpoint()
    name = subscribed(bob, subscribe())
    _ = bob.accept_subscription(name, 300, 0.0)
    assert statuses(bob.on_message(subscribe("5", cseq=2, to_tag=name), UDP, 1.0)) == [423]
    assert statuses(bob.on_message(make_request("INFO", cseq=3, to_tag=name), UDP, 1.0)) == [405]
    other = make_request("SUBSCRIBE", cseq=4, to_tag=name, call_id="other")
    assert statuses(bob.on_message(other, UDP, 1.0)) == [481]


def test_no_room() -> None:
    bob = endpoint(subscriptions_max=1)
    _ = subscribed(bob, subscribe())
    another = make_request(
        "SUBSCRIBE", branch="z9hG4bK-x", call_id="c2", headers=[("Event", "dialog"), CONTACT]
    )
    assert statuses(bob.on_message(another, UDP, 0.0)) == [503]


def test_a_subscriber_that_does_not_answer() -> None:
    bob = endpoint()
    name = subscribed(bob, subscribe())
    _ = bob.accept_subscription(name, 300, 0.0)
    _ = bob.notify(name, b"", "", 0.0)
    outputs: list[Output] = []
    while bob.subscriptions:
        assert bob.next_deadline is not None
        outputs = bob.on_time(bob.next_deadline)
    assert events(outputs) == [SubscriptionEnded(name)]
    assert bob.notify(name, b"", "", 40.0) == bob.drop_subscription(name, 40.0) == []


def test_dropped_while_a_notify_is_under_way() -> None:
    bob = endpoint()
    name = subscribed(bob, subscribe())
    _ = bob.accept_subscription(name, 300, 0.0)
    notify = notified(bob.notify(name, b"", "", 0.0))
    assert bob.drop_subscription(name, 1.0) == [SubscriptionEnded(name)]
    assert bob.on_message(answer_to(notify, 200, to_tag=""), UDP, 1.0) == []


def test_who_asks_again_and_again_is_not_answered() -> None:
    """As the lamp module of one phone does: tens of thousands of times a minute."""
    bob = endpoint()
    answers = 0
    for n in range(6000):
        request = subscribe(event="conference", cseq=n + 1)
        answers += len(bob.on_message(request, UDP, n / 1000))
    assert answers == REFUSALS_MAX + 5  # And one a second.
    assert bob.counters["braked"] == 6000 - answers
    other = make_request("OPTIONS", branch="z9hG4bK-o", cseq=9000)
    assert len(bob.on_message(other, UDP, 5.9995)) == 1
    good = subscribe(cseq=9001)
    assert bob.on_message(good, UDP, 5.9995) == []
    assert len(bob.on_message(good, UDP, 7.2)) == 1


def test_brakes_forget() -> None:
    brakes = Brakes()
    here = ("192.0.2.1", 5060)
    assert not brakes.holds(here, "SUBSCRIBE", 0.0)
    for _ in range(REFUSALS_MAX):
        brakes.refused(here, "SUBSCRIBE", 0.0)
    assert brakes.holds(here, "SUBSCRIBE", 0.5)
    assert not brakes.holds(here, "MESSAGE", 0.5)
    assert not brakes.holds(here, "SUBSCRIBE", 1.0)
    assert not brakes.holds(here, "SUBSCRIBE", 60.0)
    assert len(brakes) == 0
    for port in range(SOURCES_MAX + 10):
        brakes.refused(("192.0.2.1", port), "SUBSCRIBE", 0.0)
    assert len(brakes) == SOURCES_MAX


@dataclass
class _Phone:
    """A subscriber that answers as the dice say."""

    rng: Random
    cseq: int = 1
    tag: str = ""
    inbox: list[Request] = field(default_factory=list[Request])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_a_random_life_leaves_nothing(seed: int) -> None:
    """A copy of its data goes on as the original; at the end nothing is left."""
    rng = Random(seed)
    bob, now = endpoint(), 0.0
    phones = [_Phone(rng) for _ in range(3)]
    for _ in range(60):
        now += rng.choice((0.0, 0.1, 5.0, 40.0))
        n = rng.randrange(3)
        phone, outputs = phones[n], list[Output]()
        match rng.randrange(4):
            case 0:
                phone.cseq += 1
                headers = [("Event", "dialog"), CONTACT, ("Expires", rng.choice(("0", "60", "90")))]
                outputs = bob.on_message(
                    make_request(
                        "SUBSCRIBE",
                        branch=f"z9hG4bK-{n}-{phone.cseq}",
                        cseq=phone.cseq,
                        call_id=f"c{n}",
                        from_tag=f"f{n}",
                        to_tag=phone.tag,
                        headers=headers,
                    ),
                    UDP,
                    now,
                )
            case 1 if phone.tag:
                outputs = bob.notify(phone.tag, b"x", TYPE, now)
            case 2 if phone.inbox:
                notify = phone.inbox.pop(rng.randrange(len(phone.inbox)))
                status = rng.choice((200, 200, 200, 481, 500))
                outputs = bob.on_message(answer_to(notify, status, to_tag=""), UDP, now)
            case _:
                outputs = bob.on_time(now)
        while outputs:
            more: list[Output] = []
            for output in outputs:
                match output:
                    case Send():
                        message = parse(output.data)
                        if isinstance(message, Request):
                            phones[int(message.call_id[1:])].inbox.append(message)
                        elif message.status == 481:
                            phones[int(message.call_id[1:])].tag = ""
                    case Subscribed():
                        phones[int(output.request.call_id[1:])].tag = output.subscription
                        more += bob.accept_subscription(output.subscription, 90, now)
                        more += bob.notify(output.subscription, b"all", TYPE, now)
                    case SubscriptionRefreshed():
                        more += bob.notify(output.subscription, b"all", TYPE, now)
                    case _:
                        pass
            outputs = more
        bob = rebuild(bob) if rng.random() < 0.2 else bob
    for _ in range(400):
        if bob.next_deadline is None:
            break
        _ = bob.on_time(bob.next_deadline)
    assert not any(bob.leftovers().values()), bob.leftovers()
