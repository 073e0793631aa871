"""Numbers and callers on their way through a trunk: rules in, rules out.

Who calls: P-Asserted-Identity and Privacy (RFC 3325, RFC 3323), the older Remote-Party-ID,
Diversion (RFC 5806). What comes from a trunk is believed only where that is configured.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from pbx.numbering import dialled, is_digits
from pbx.trunks.plan import Rewrite, TrunkPlan
from sip.errors import ParseError
from sip.headers import NameAddr, split_commas
from sip.message import Request
from sip.uri import Uri

ANONYMOUS: Final = "anonymous"
# RFC 3323 §4.1.1.3: what a From says that says nothing.
HIDDEN: Final = NameAddr("Anonymous", Uri("sip", ANONYMOUS, "anonymous.invalid", None))
_HIDING: Final = frozenset({"id", "user", "header", "full"})
_ANONYMOUS_HOSTS: Final = frozenset({"anonymous.invalid", "unknown.invalid"})


class Incoming(NamedTuple):
    """A call from a trunk, as we understand it."""

    number: str  # That was called, after the trunk's rules.
    caller: str
    name: str


class Caller(NamedTuple):
    """Who calls through a trunk."""

    extension: str = ""  # "" for somebody from outside.
    number: str = ""  # Of somebody from outside.
    name: str = ""
    hidden: bool = False
    diverted_by: str = ""  # The extension, or number of ours, that sent the call out again.
    diversion_reason: str = "unconditional"  # RFC 5806 §4.


def rewritten(rules: Sequence[Rewrite], number: str) -> str:
    """By the first rule that fits; as it is when none does."""
    for rule in rules:
        if rule.pattern.fits(number):
            return rule.prefix + number[rule.strip :]
    return number


# --- calls that come in


def arriving(plan: TrunkPlan, request: Request, contact_user: str) -> Incoming:
    number = rewritten(plan.incoming, _called(request, contact_user))
    who = _asserted(request) if plan.believed else None
    who = who or request.from_
    if _wants_privacy(request) or _is_anonymous(who.uri):
        return Incoming(number, ANONYMOUS, "")
    caller = rewritten(plan.incoming_callers, dialled(who.uri))
    return Incoming(number, caller or ANONYMOUS, who.display)


def _called(request: Request, contact_user: str) -> str:
    """Registered trunks are called by our contact: the number stands elsewhere."""
    uri = Uri.parse(request.uri)
    if not contact_user or uri.user != contact_user:
        return dialled(uri)
    party = request.get("P-Called-Party-ID")  # RFC 7315 §4.2.
    if party is not None:
        try:
            return dialled(NameAddr.parse(party).uri)
        except ParseError:
            pass
    return dialled(request.to.uri)


def _asserted(request: Request) -> NameAddr | None:
    """The first identity with a user; none is better than one that cannot be read."""
    for header in ("P-Asserted-Identity", "Remote-Party-ID"):
        for line in request.get_all(header):
            try:
                for value in split_commas(line):
                    found = NameAddr.parse(value)
                    if found.uri.user:
                        return found
            except ParseError:
                continue
    return None


def _wants_privacy(request: Request) -> bool:
    words = {word.strip().lower() for word in (request.get("Privacy") or "").split(";")}
    party = (request.get("Remote-Party-ID") or "").lower().replace(" ", "")
    return bool(words & _HIDING) or ";privacy=full" in party or ";privacy=uri" in party


def _is_anonymous(uri: Uri) -> bool:
    return uri.host.lower() in _ANONYMOUS_HOSTS or (uri.user or "").lower() in ("", ANONYMOUS)


# --- calls that go out


def leaving(plan: TrunkPlan, caller: Caller) -> tuple[NameAddr, list[tuple[str, str]]]:
    """From, and the headers that say who it is to a provider that may know."""
    rule = plan.caller_id
    number = _shown(plan, caller)
    name = _name(plan, caller)
    real = NameAddr(name, Uri("sip", number or plan.username or ANONYMOUS, plan.domain, None))
    headers: list[tuple[str, str]] = []
    if rule.asserted and number:
        headers.append(("P-Asserted-Identity", str(real)))
    if caller.hidden:
        headers.append(("Privacy", "id"))
    if caller.diverted_by:
        own = rule.extensions.get(caller.diverted_by, rule.number) or caller.diverted_by
        own = rewritten(plan.outgoing, own)
        diverter = NameAddr("", Uri("sip", own, plan.domain, None))
        headers.append(("Diversion", f"{diverter};reason={caller.diversion_reason}"))
    if caller.hidden:
        return HIDDEN, headers
    if rule.user_is_account and plan.username:
        return NameAddr(name, Uri("sip", plan.username, plan.domain, None)), headers
    return real, headers


def _shown(plan: TrunkPlan, caller: Caller) -> str:
    """Never an extension that the provider does not know, unless nothing else is configured."""
    rule = plan.caller_id
    if caller.extension:
        own = rule.extensions.get(caller.extension, rule.number)
        return rewritten(plan.outgoing, own or (caller.extension if plan.extensions else ""))
    if rule.pass_through and is_digits(caller.number.removeprefix("+")):
        return rewritten(plan.outgoing, caller.number)
    return rewritten(plan.outgoing, rule.number)


def _name(plan: TrunkPlan, caller: Caller) -> str:
    if caller.extension or plan.caller_id.pass_through:
        return plan.caller_id.name or (caller.name if plan.extensions else "")
    return plan.caller_id.name
