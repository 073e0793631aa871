"""What the settings of addresses, TLS and WebSocket mean together."""

import ipaddress
from collections.abc import Collection, Iterator
from pathlib import Path

from pbx.config.document import Place
from pbx.config.explain import Fault
from pbx.config.model import Config
from sip.errors import ParseError
from sip.uri import Uri


def transports(config: Config) -> Iterator[Fault]:
    yield from _listeners(config)
    yield from _families(config)
    yield from _files(config)
    yield from _contacts(config)


def _listeners(config: Config) -> Iterator[Fault]:
    sip, web, media = config.sip, config.web, config.media
    if not (sip.udp or sip.tcp or sip.tls):
        yield Fault(("sip",), "SIP needs udp, tcp or tls")
    if sip.tcp and sip.port == web.port != 0 and _meet(sip.host, web.host):
        yield Fault(("web", "port"), f"port {web.port} is that of SIP over TCP already")
    if sip.tls is not None and sip.tls.port != 0:
        port = sip.tls.port
        if sip.tcp and port == sip.port:
            yield Fault(("sip", "tls"), f"port {port} is that of SIP over TCP already")
        if port == web.port and _meet(sip.host, web.host):
            yield Fault(("web", "port"), f"port {port} is that of SIP over TLS already")
    ports = media.ports
    if sip.udp and ports.low <= sip.port <= ports.high and _meet(sip.host, (media.host,)):
        yield Fault(("media", "ports"), f"these ports hold that of SIP, {sip.port}")


def _families(config: Config) -> Iterator[Fault]:
    """Sound must be able to follow where signalling goes."""
    six = any(":" in host for host in config.sip.host)
    four = any(":" not in host for host in config.sip.host)
    media = config.media.host
    if six and ":" not in media:
        why = f"phones on IPv6 would hear nothing: media.host is {media}"
        yield Fault(("sip", "host"), why, 'media: {host: "::"} carries both')
    if four and ":" in media and media != "::":
        why = f"phones on IPv4 would hear nothing: media.host is {media}"
        yield Fault(("sip", "host"), why)


def _files(config: Config) -> Iterator[Fault]:
    for index, certificate in enumerate(config.certificates):
        place: Place = ("certificates", index)
        yield from _missing((*place, "file"), certificate.file)
        if certificate.key is not None:
            yield from _missing((*place, "key"), certificate.key)
    if config.sip.tls is not None and config.sip.tls.authorities is not None:
        yield from _missing(("sip", "tls", "authorities"), config.sip.tls.authorities)


def _contacts(config: Config) -> Iterator[Fault]:
    """Fixed addresses of phones: can they be reached?"""
    sip = config.sip
    families = {":" in host for host in sip.host}
    for id_, extension in config.extensions.items():
        place: Place = ("extensions", id_, "contact")
        if extension.contact is None:
            continue
        try:
            uri = Uri.parse(extension.contact)
        except ParseError as error:
            yield Fault(place, str(error))
            continue
        transport = transport_of(uri)
        if transport not in ("udp", "tcp", "tls"):
            yield Fault(place, "its transport must be udp, tcp or tls")
        elif transport == "udp" and not sip.udp:
            yield Fault(place, "it is reached over udp, but sip.udp is false")
        elif transport == "udp" and (":" in uri.host) not in families:
            family = "IPv6" if ":" in uri.host else "IPv4"
            why = f"it is reached over {family}, but sip.host has no such address"
            yield Fault(place, why)


def transport_of(uri: Uri) -> str:
    """How the owner of this URI is reached (RFC 3261 §19.1.1, §26.2.2)."""
    return (uri.param("transport") or ("tls" if uri.scheme == "sips" else "udp")).lower()


def _missing(place: Place, path: Path) -> Iterator[Fault]:
    if not path.is_file():
        yield Fault(place, f"there is no file {path}")


def _meet(some: Collection[str], others: Collection[str]) -> bool:
    """Whether two sockets with one port would be in each other's way."""
    either = {*some, *others}
    return bool(set(some) & set(others)) or any(
        ipaddress.ip_address(host).is_unspecified for host in either
    )
