"""Phones that come back on another flow: what we send within their calls follows them."""

import pytest

from pbx.comebacks import GONE_MAX, Comebacks
from pbx.snapshot import freeze, thaw
from sip.endpoint import Endpoint, EndpointConfig
from sip.events import InviteReceived, Send
from sip.flow import Flow
from sip.message import Request
from sip.parser import parse
from sip.registration import Binding, BindingChange, BindingKind, Registrar, RegistrarLimits
from sip.resolver import End, Located
from sip.tokens import Tokens
from tests.exchange.office import Office
from tests.sip.network import ALICE_NAME, BOB_NAME
from tests.sip.sample import make_request

OURS = ("192.0.2.1", 8080)


def ws(number: int) -> Flow:
    return Flow("ws", OURS, ("198.51.100.8", 40_000 + number), number)


def udp(port: int) -> Flow:
    return Flow("udp", ("192.0.2.1", 5060), ("198.51.100.7", port))


class Desk:
    """An endpoint with a registrar, as the exchange has them, and one call of each flow."""

    def __init__(self) -> None:
        self.endpoint = Endpoint(EndpointConfig(), Tokens(b"s"), None)
        self.registrar = Registrar(RegistrarLimits())
        self.comebacks = Comebacks(self.endpoint, self.registrar)
        self.cseq = 0

    def register(self, flow: Flow, contact: str, aor: str = "101", instance: str = "") -> None:
        self.cseq += 1
        value = f"<{contact}>" + (f';+sip.instance="{instance}"' if instance else "")
        request = make_request("REGISTER", cseq=self.cseq, headers=[("Contact", value)])
        reply, changes = self.registrar.register(aor, request, flow, 0.0)
        assert reply.status == 200
        self.comebacks.on_registered(changes)

    def close(self, flow: Flow) -> None:
        _ = self.endpoint.on_flow_failed(flow, 1.0)
        self.comebacks.on_closed(self.registrar.flow_closed(flow))

    def call(self, flow: Flow, name: str = "one") -> str:
        """The phone calls and is answered; its session."""

        def request(method: str, number: int, to_tag: str = "", body: bytes = b"") -> Request:
            return make_request(
                method,
                branch=f"z9hG4bK{name}-{number}",
                to_tag=to_tag,
                from_tag=name,
                call_id=name,
                body=body,
            )

        found = self.endpoint.on_message(request("INVITE", 1, body=b"sdp"), flow, 0.0)
        session = next(item.session for item in found if isinstance(item, InviteReceived))
        _ = self.endpoint.answer(session, b"sdp", 0.0)
        ack = request("ACK", 2, self.endpoint.local_tag(session))
        _ = self.endpoint.on_message(ack, flow, 0.0)
        return session

    def bye(self, session: str) -> tuple[Flow, str]:
        """Where our BYE goes, and what its Via says."""
        (sent,) = [o for o in self.endpoint.hangup(session, 5.0) if isinstance(o, Send)]
        request = parse(sent.data)
        assert isinstance(request, Request)
        assert request.method == "BYE"
        return sent.flow, request.via.transport


JSSIP = "sip:h2u4@x7.invalid;transport=ws"


def test_a_browser_whose_websocket_was_gone() -> None:
    desk = Desk()
    desk.register(ws(1), JSSIP)
    session = desk.call(ws(1))
    desk.close(ws(1))
    desk.register(ws(2), JSSIP)
    assert desk.bye(session) == (ws(2), "WS")


def test_the_same_instance_with_another_contact() -> None:
    desk = Desk()
    desk.register(ws(1), JSSIP, instance="<urn:uuid:1>")
    session = desk.call(ws(1))
    desk.close(ws(1))
    desk.register(udp(5060), "sip:101@10.0.0.9", instance="<urn:uuid:1>")
    assert desk.bye(session) == (udp(5060), "UDP")


@pytest.mark.parametrize("instance", ["", "<urn:uuid:1>"])
def test_a_new_connection_while_the_old_one_is_only_silent(instance: str) -> None:
    """RFC 5626 §4.2.1: its packets vanish, so it connects anew. We learn the end of the old
    connection much later."""
    desk = Desk()
    desk.register(ws(1), JSSIP, instance=instance)
    session = desk.call(ws(1))
    desk.register(ws(2), JSSIP, instance=instance)
    desk.close(ws(1))
    (binding,) = desk.registrar.bindings("101")
    assert binding.flow == ws(2)
    assert desk.bye(session) == (ws(2), "WS")


def test_somebody_else_is_no_comeback() -> None:
    desk = Desk()
    desk.register(ws(1), JSSIP)
    session = desk.call(ws(1))
    desk.close(ws(1))
    desk.register(ws(2), JSSIP, aor="102")
    desk.register(ws(3), "sip:other@x8.invalid;transport=ws")
    assert desk.bye(session)[0] == ws(1)


def test_another_port_of_the_nat() -> None:
    desk = Desk()
    desk.register(udp(40_001), "sip:101@10.0.0.5:5060")
    session = desk.call(udp(40_001))
    desk.register(udp(40_001), "sip:101@10.0.0.5:5060")
    desk.register(udp(40_002), "sip:101@10.0.0.5:5060")
    assert desk.bye(session)[0] == udp(40_002)


def test_a_flow_that_others_still_use_stays() -> None:
    """A proxy in front of several phones, one of which now comes by itself."""
    desk = Desk()
    for aor in ("101", "102"):
        desk.register(udp(5060), f"sip:{aor}@10.0.0.5:5060", aor=aor)
    session = desk.call(udp(5060))
    desk.register(udp(5062), "sip:101@10.0.0.5:5060")
    assert desk.bye(session)[0] == udp(5060)
    other = desk.call(udp(5060), "two")
    desk.register(udp(5063), "sip:102@10.0.0.5:5060", aor="102")
    assert desk.bye(other)[0] == udp(5063)


def test_what_is_remembered_is_bounded_and_plain() -> None:
    desk = Desk()
    for number in range(GONE_MAX + 10):
        binding = Binding(str(number), "sip:x", ws(number), 0.0, "c", 1)
        desk.comebacks.on_closed([BindingChange(str(number), binding, BindingKind.REMOVED)])
    gone = vars(desk.comebacks)["_gone"]
    assert (len(gone), next(iter(gone))) == (GONE_MAX, ("10", "sip:x"))
    assert thaw(freeze(gone)) == gone


def test_a_trunk_that_offers_tcp_beside_udp_gets_large_requests_there() -> None:
    exchange = Office().exchange
    datagrams, stream = udp(5060), Flow("tcp", ("192.0.2.1", 5060), ("198.51.100.7", 5060), -1)
    host = datagrams.remote[0]
    flows = {End("udp", host, 5060): datagrams, End("tcp", host, 5060): stream}
    for known, expected in ((flows, "tcp"), ({End("udp", host, 5060): datagrams}, "udp")):
        _ = exchange.on_resolved(Located("nobody:0", (), 2.0), known, 1.0)
        sent = exchange.endpoint.request(
            *("k", "MESSAGE"),
            uri="sip:x",
            flow=datagrams,
            from_=ALICE_NAME,
            to=BOB_NAME,
            now=1.0,
            body=b"x" * 2_000,
        )
        assert [o.flow.transport for o in sent if isinstance(o, Send)] == [expected]
