"""The companies of the stories, and who is at the other ends of their trunks."""

from collections import deque

from pbx.exchange import Output
from sip.resolver import Kind, Record, Srv
from tests.trunks.street import Provider, Street

ONE, TWO = ("192.0.2.1", 5060), ("192.0.2.2", 5060)

OFFICE = """
media: {silence_timeout: 0s}
extensions: {101: Olena, 102: Taras, 103: Vira, 901: Anna}
agents: {901: Anna}
queues: {sales: {members: [901], number: 500}}
"""

TRUNKS = (
    OFFICE
    + """
trunks:
  first:
    servers: 192.0.2.1
    networks: [192.0.2.1]
    numbers: {"380441230000": "queue:sales", "380441230001": "extension:101"}
    incoming: [{match: "+*", strip: 1}]
    outgoing: [{match: "+380*", strip: 4, prefix: "0"}, {match: "+*", strip: 1, prefix: "00"}]
    caller_id: {number: "+380441230000", extensions: {101: "+380441230001"}}
    health: 0s
  second: {servers: 192.0.2.2, health: 0s, caller_id: {number: "+380441239999"}}
outgoing:
  country: 380
  area: 44
  local_digits: 7
  emergency: ["112"]
  routes:
    kyiv: {numbers: "+38044XXXXXXX", kind: local, trunks: [first, second], price: 6}
    mobiles: {numbers: ["+38050*", "+3806[3-8]XXXXXXX"], kind: mobile, trunks: [second, first]}
    abroad: {numbers: "+*", kind: international, trunks: first}
    dear: {numbers: "+380900*", kind: premium, trunks: first}
  rights:
    default: {kinds: [local], calls: 1}
    boss: {extensions: 101, kinds: [local, mobile, international], calls: 3}
    clerk: {extensions: 102, kinds: local, minutes_per_day: 2, money_per_day: 9}
"""
)


def street(text: str = TRUNKS, **answers: str) -> tuple[Street, Provider, Provider]:
    one, two = Provider(ONE), Provider(TWO)
    for provider, key in ((one, "one"), (two, "two")):
        provider.answers = deque(answers.get(key, "answer").split())
    return Street(text, one, two), one, two


def uri(provider: Provider) -> list[str]:
    return [invite.uri for invite in provider.invites]


REGISTERING = (
    OFFICE
    + """
trunks:
  voip:
    servers: [sip.provider.example]
    domain: provider.example
    username: acme
    password: s3cret-s3cret
    register: true
    health: 30s
    numbers: {"380441230000": "queue:sales"}
    caller_id: {account: true, number: "380441230000"}
outgoing:
  country: 380
  routes: {all: {numbers: "+*", kind: international, trunks: voip}}
  rights: {default: {kinds: international}}
"""
)


def registering(password: str = "s3cret-s3cret") -> tuple[Street, Provider, Provider]:
    one, two = Provider(ONE, password), Provider(TWO, password)

    class Named(Street):
        def _do(self, outputs: list[Output]) -> None:
            self.zone = ZONE
            super()._do(outputs)

    return Named(REGISTERING, one, two), one, two


ZONE: dict[tuple[str, Kind], tuple[Record, ...]] = {
    ("_sip._udp.sip.provider.example", Kind.SRV): (
        Srv(1, 1, 5060, "a.provider.example"),
        Srv(2, 1, 5060, "b.provider.example"),
    ),
    ("a.provider.example", Kind.A): (ONE[0],),
    ("b.provider.example", Kind.A): (TWO[0],),
}
