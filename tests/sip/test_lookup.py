"""The edge of the resolver against a name server on loopback, with its own sockets."""

import asyncio
from collections.abc import Mapping
from typing import Final, cast

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from sip.flow import Address, Flow
from sip.lookup import Lookup
from sip.resolver import FAILED_SECONDS, Abilities, End, Kind, Located, Site
from sip.uri import Uri

HOST: Final = "127.0.0.1"
WAIT_SECONDS: Final = 10.0
ABILITIES: Final = Abilities(("udp", "tcp", "tls"), (Kind.A,))

ZONE: Final = {
    ("provider.test.", "NAPTR"): [
        '10 10 "s" "SIPS+D2T" "" _sips._tcp.provider.test.',
        '20 10 "s" "SIP+D2U" "" _sip._udp.provider.test.',
    ],
    ("_sips._tcp.provider.test.", "SRV"): ["1 5 5061 a.provider.test."],
    ("_sip._udp.provider.test.", "SRV"): [
        "1 5 5060 a.provider.test.",
        "2 0 5070 alias.provider.test.",
    ],
    ("a.provider.test.", "A"): ["192.0.2.1", "192.0.2.2"],
    ("b.provider.test.", "A"): ["192.0.2.3"],
    ("alias.provider.test.", "CNAME"): ["b.provider.test."],
    ("_sip._udp.closed.test.", "SRV"): ["0 0 0 ."],
}
TTL: Final = {"NAPTR": 3600, "SRV": 900, "A": 300, "CNAME": 120}


class NameServer(asyncio.DatagramProtocol):
    """Answers from ZONE; `rcode` makes it fail."""

    def __init__(self) -> None:
        self.questions: list[str] = []
        self.rcode = dns.rcode.NOERROR
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text().lower(), question.rdtype.name
        self.questions.append(f"{kind} {name}")
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA | dns.flags.RA
        answer.set_rcode(self.rcode)
        if self.rcode == dns.rcode.NOERROR:
            self._fill(answer, name, kind)
        assert self.transport is not None
        self.transport.sendto(answer.to_wire(), addr)

    def _fill(self, answer: dns.message.Message, name: str, kind: str) -> None:
        alias = ZONE.get((name, "CNAME"))
        if alias is not None:
            answer.answer.append(dns.rrset.from_text(name, TTL["CNAME"], "IN", "CNAME", *alias))
            name = alias[0]
        records = ZONE.get((name, kind))
        if records:
            answer.answer.append(dns.rrset.from_text(name, TTL[kind], "IN", kind, *records))
        elif not any(owner == name for owner, _ in ZONE):
            answer.set_rcode(dns.rcode.NXDOMAIN)


class Desk:
    """A lookup, its name server, and what it told."""

    def __init__(self, loop: asyncio.AbstractEventLoop, server: NameServer) -> None:
        assert server.transport is not None
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = [HOST]
        resolver.port = server.transport.get_extra_info("sockname")[1]
        self.server = server
        self.names: list[str] = []
        self.told: asyncio.Queue[tuple[Located, Mapping[End, Flow]]] = asyncio.Queue()
        self.lookup = Lookup(
            loop,
            self.flow_to,
            lambda located, flows: self.told.put_nowait((located, flows)),
            ABILITIES,
            resolver,
        )

    def flow_to(self, transport: str, remote: Address, name: str) -> Flow:
        self.names.append(name)
        if remote[0] == "192.0.2.3":
            raise OSError("no socket of this family")
        return Flow(transport, (HOST, 5060), remote)

    async def find(self, uri: str) -> tuple[Located, Mapping[End, Flow]]:
        self.lookup.resolve("k", Uri.parse(uri))
        async with asyncio.timeout(WAIT_SECONDS):
            return await self.told.get()


async def desk() -> Desk:
    loop = asyncio.get_running_loop()
    _, server = await loop.create_datagram_endpoint(NameServer, local_addr=(HOST, 0))
    return Desk(loop, server)


async def close(desk: Desk) -> None:
    await desk.lookup.close()
    assert desk.server.transport is not None
    desk.server.transport.close()
    await asyncio.sleep(0)


def test_naptr_srv_and_addresses_of_a_real_answer() -> None:
    async def story() -> None:
        at = await desk()
        now = asyncio.get_running_loop().time()
        located, flows = await at.find("sip:provider.test")
        (site,) = located.sites  # Name servers shuffle their answers.
        assert (site.priority, site.weight) == (1, 5)
        assert sorted(site.ends) == [End("tls", f"192.0.2.{n}", 5061) for n in (1, 2)]
        assert {flow.remote for flow in flows.values()} == {(e.host, e.port) for e in site.ends}
        assert set(at.names) == {"provider.test"}  # What certificates are compared with.
        assert 290.0 < located.good_until - now < 310.0
        await close(at)

    asyncio.run(story())


def test_an_alias_is_followed_and_lives_as_short_as_it_says() -> None:
    async def story() -> None:
        at = await desk()
        now = asyncio.get_running_loop().time()
        located, flows = await at.find("sip:provider.test;transport=udp")
        assert sorted(end for site in located.sites for end in site.ends) == [
            End("udp", "192.0.2.1", 5060),
            End("udp", "192.0.2.2", 5060),
            End("udp", "192.0.2.3", 5070),
        ]
        assert len(flows) == 2  # The third one has no way there.
        assert 110.0 < located.good_until - now < 130.0
        asked = len(at.server.questions)
        again, _ = await at.find("sip:provider.test;transport=udp")
        assert (again, len(at.server.questions)) == (located, asked)
        await close(at)

    asyncio.run(story())


def test_nobody_there() -> None:
    async def story() -> None:
        at = await desk()
        located, flows = await at.find("sip:closed.test;transport=udp")
        assert (located.sites, dict(flows)) == ((), {})
        await close(at)

    asyncio.run(story())


def test_a_server_that_fails_is_asked_again_soon() -> None:
    async def story() -> None:
        at = await desk()
        at.server.rcode = dns.rcode.SERVFAIL
        now = asyncio.get_running_loop().time()
        located, _ = await at.find("sip:nowhere.invalid;transport=udp")
        assert located.sites == ()
        assert located.good_until - now < FAILED_SECONDS + WAIT_SECONDS
        await close(at)

    asyncio.run(story())


def test_names_that_only_the_system_knows() -> None:
    async def story() -> None:
        at = await desk()
        located, _ = await at.find("sip:localhost:5070")
        assert located.sites == (Site(0, 0, (End("udp", HOST, 5070),)),)
        await close(at)

    asyncio.run(story())
