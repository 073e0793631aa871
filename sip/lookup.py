"""The edge of the resolver: asks the DNS, and tells the flows to what was found.

dnspython gives NAPTR, SRV and the times to live; names that only the system knows (`/etc/hosts`)
come from the system's own resolver.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from sip.flow import Address, Flow
from sip.resolver import (
    MISSING_SECONDS,
    Abilities,
    Answer,
    Ask,
    End,
    Kind,
    Located,
    Naptr,
    Output,
    Question,
    Record,
    Resolver,
    Srv,
)
from sip.uri import Uri

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver as Dns

LIFETIME_SECONDS: Final = 5.0  # Of one question, over all servers of resolv.conf.
SYSTEM_TTL_SECONDS: Final = 60.0  # The system's resolver does not tell.
ENDS_MAX: Final = 16  # Flows that we make for one name.

OnLocated = Callable[[Located, Mapping[End, Flow]], None]
FlowTo = Callable[[str, Address, str], Flow]
"""Transport, address, and the name that a certificate must be of (RFC 5922 §4)."""


class Lookup:
    """`resolve`, and `on_located` is called: soon if nothing has to be asked, never at once."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        flow_to: FlowTo,
        on_located: OnLocated,
        abilities: Abilities | None = None,
        dns: "Dns | None" = None,
    ) -> None:
        """`dns`: instead of the one that /etc/resolv.conf names."""
        self.resolver = Resolver(abilities)
        self._loop = loop
        self._flow_to = flow_to
        self._on_located = on_located
        self._tasks: set[asyncio.Task[None]] = set()
        self._names: dict[str, str] = {}  # Key → host name.
        self._dns = dns

    def resolve(self, key: str, uri: Uri) -> None:
        self._names[key] = uri.host
        self._carry_out(self.resolver.resolve(key, uri, self._loop.time()))

    async def close(self) -> None:
        for task in self._tasks:
            _ = task.cancel()
        _ = await asyncio.gather(*self._tasks, return_exceptions=True)

    def _carry_out(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Ask):
                task = self._loop.create_task(self._ask(output.question))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            else:
                _ = self._loop.call_soon(self._tell, output)

    def _tell(self, located: Located) -> None:
        flows: dict[End, Flow] = {}
        name = self._names.pop(located.key, "")
        for end in [end for site in located.sites for end in site.ends][:ENDS_MAX]:
            try:
                flows[end] = self._flow_to(end.transport, (end.host, end.port), name)
            except OSError:
                continue  # No socket of that family.
        self._on_located(located, flows)

    async def _ask(self, question: Question) -> None:
        answer = await self._look_up(question)
        self._carry_out(self.resolver.on_answer(answer, self._loop.time()))

    async def _look_up(self, question: Question) -> Answer:
        answer = await self._ask_dns(question)
        if answer.records or question.kind not in (Kind.A, Kind.AAAA):
            return answer
        return await self._ask_system(question) or answer

    async def _ask_dns(self, question: Question) -> Answer:
        # Imported when first needed: a PBX without trunks by name starts 0.2 s earlier.
        import dns.asyncresolver
        import dns.exception
        import dns.resolver

        try:
            if self._dns is None:
                self._dns = dns.asyncresolver.Resolver()
            found = await self._dns.resolve(
                f"{question.name}.",
                question.kind.value,
                raise_on_no_answer=False,
                lifetime=LIFETIME_SECONDS,
            )
        except dns.resolver.NXDOMAIN:
            return Answer(question, ttl=MISSING_SECONDS)
        except (dns.exception.DNSException, OSError, ValueError):
            return Answer(question, failed=True)
        items: list[Any] = list(found.rrset or ())
        records = tuple(_record(question.kind, item) for item in items)
        # Of the whole chain: an alias may live shorter than what it stands for.
        return Answer(question, records, float(found.chaining_result.minimum_ttl))

    async def _ask_system(self, question: Question) -> Answer | None:
        family = socket.AF_INET if question.kind is Kind.A else socket.AF_INET6
        try:
            found = await self._loop.getaddrinfo(
                question.name, None, family=family, type=socket.SOCK_DGRAM
            )
        except OSError:
            return None
        addresses = dict.fromkeys(str(item[4][0]) for item in found)
        return Answer(question, tuple(addresses), SYSTEM_TTL_SECONDS)


def _record(kind: Kind, item: Any) -> Record:  # noqa: ANN401
    """One of dnspython's, as ours."""
    match kind:
        case Kind.NAPTR:
            texts = (item.flags.decode("ascii", "replace"), item.service.decode("ascii", "replace"))
            return Naptr(item.order, item.preference, *texts, _name(item.replacement))
        case Kind.SRV:
            return Srv(item.priority, item.weight, item.port, _name(item.target))
        case _:
            return str(item.address)


def _name(name: Any) -> str:  # noqa: ANN401
    return str(name.to_text(omit_final_dot=True)).lower() if name.labels != (b"",) else ""
