"""Lamps on phones: who is in a call, where somebody waits, whether there are messages.

Packages `dialog` (RFC 4235), `presence` (RFC 3856) and `message-summary` (RFC 3842). What a lamp
shows is read anew whenever it may have changed, and sent if it is not what the phone was told last:
so nothing is lost, however fast calls come and go, and a phone gets at most ten NOTIFYs a second
for a lamp (RFC 4235 §3.10 asks for one, which is slow for somebody who wants to pick up a call).

An extension that nobody watches costs nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple

from pbx.calls.lines import Line, Lines
from pbx.deadlines import Deadlines
from pbx.devices import count_of
from pbx.dialog_info import (
    DIALOG_INFO,
    PIDF,
    DialogInfo,
    DialogState,
    changes,
    dialog_info,
    presence,
    uri_of,
)
from pbx.distribution.core import Distribution
from pbx.message_summary import SUMMARY, Counts, message_summary
from pbx.phone_settings import PhoneSettings
from pbx.plan import Plan
from pbx.watching import (
    AGENT,
    LINE,
    MAILBOX,
    OF_AGENTS,
    QUEUE,
    Subject,
    agent_look,
    is_private,
    is_setting,
    mailbox_of,
    queue_look,
    setting_look,
    subject_of,
)
from sip import events as sip
from sip.building import host_port
from sip.endpoint import Endpoint
from sip.errors import ParseError
from sip.flow import Address
from sip.message import Request
from sip.registration import Registrar
from sip.uri import Uri

Item = Any
"""For the work queue of the exchange."""

DIALOG: Final = "dialog"
PRESENCE: Final = "presence"
MESSAGES: Final = "message-summary"
TYPES: Final = {DIALOG: DIALOG_INFO, PRESENCE: PIDF, MESSAGES: SUMMARY}

GAP_SECONDS: Final = 0.1  # Between two NOTIFYs of a subscription.
SECONDS_MAX: Final = 900
"""Of a subscription. They do not survive a restart of ours: after that many seconds at most a phone
asks for the old one, is told that there is none (481), and subscribes anew."""

USER_MAX: Final = 500  # Subscriptions of one extension: a console with all lamps of a company.
SOURCE_MAX: Final = 5_000  # Of one address: an office of 100 phones with 50 lamps behind a NAT.
SAME_MAX: Final = 4  # Of one phone for one lamp; the oldest goes: the phone has forgotten it.
RETRY_SECONDS: Final = 60


class Look(NamedTuple):
    """All that there is to tell about a subject; what its package does not tell is left empty."""

    dialogs: tuple[DialogInfo, ...] = ()
    there: bool = True  # Some phone can be reached.
    counts: Counts = Counts()


DARK: Final = Look()


@dataclass(slots=True)
class Watch:
    """One subscription."""

    id: str
    subject: Subject
    package: str
    watcher: str  # An extension; "": somebody at a trusted address.
    source: Address
    entity: str  # The URI that was subscribed to: its user and host.
    host: str
    version: int = 0  # Of the next document.
    told: Look = DARK
    told_at: float = 0.0
    full: bool = True  # The next document is to hold everything.


class Lamps:
    def __init__(
        self,
        endpoint: Endpoint,
        registrar: Registrar,
        lines: Lines,
        distribution: Distribution,
        phones: PhoneSettings,
    ) -> None:
        endpoint.packages = (DIALOG, MESSAGES, PRESENCE)
        self._endpoint = endpoint
        self._registrar = registrar
        self._lines = lines
        self._distribution = distribution
        self._phones = phones
        self._plan: Plan | None = None
        self._watches: dict[str, Watch] = {}
        self._by_subject: dict[Subject, dict[str, None]] = {}
        self._by_user: dict[str, dict[str, None]] = {}
        self._by_source: dict[str, int] = {}
        self._changed: dict[Subject, None] = {}  # Watched, and perhaps another look now.
        self._counts: dict[str, Counts] = {}  # Mailbox → messages.
        self.deadlines = Deadlines()  # "notify", by subscription.

    def __len__(self) -> int:
        return len(self._watches)

    @property
    def next_deadline(self) -> float | None:
        return self.deadlines.next_deadline

    # --- what may change a lamp ---------------------------------------------------------------

    def note_agent(self, agent: str) -> None:
        """The agent's state has changed."""
        if self._watches:
            for kind in OF_AGENTS:
                self._note(Subject(kind, agent))

    def note_queue(self, queue: str) -> None:
        """Somebody has come to the queue, or left it."""
        if self._watches:
            self._note(Subject(QUEUE, queue))

    def note_devices(self, extension: str) -> None:
        """A phone has come, gone, or does not answer any more."""
        if self._watches:
            self._note(Subject(LINE, extension))

    def note_settings(self, extension: str) -> None:
        """Its user has changed something. That is rare, so all that is watched is looked at."""
        for subject in self._by_subject:
            if subject.id == extension and is_setting(subject):
                self._changed[subject] = None

    @property
    def dirty(self) -> bool:
        """Something that is watched has changed: `flush`."""
        return bool(self._changed or self._lines.changed)

    def flush(self, now: float) -> list[Item]:
        """Tell of all that was noted, and of the lines that have changed."""
        subjects = dict.fromkeys(Subject(LINE, name) for name in self._lines.take_changed())
        subjects |= self._changed
        self._changed.clear()
        return [item for subject in subjects for item in self._tell_all(subject, now)]

    def set_messages(self, mailbox: str, new: int, old: int, now: float) -> list[Item]:
        """So many messages not heard yet, and so many heard."""
        self._counts[mailbox] = Counts(new, old)
        if not (new or old):
            del self._counts[mailbox]
        return self._tell_all(Subject(MAILBOX, mailbox), now)

    def configure(self, plan: Plan, now: float) -> list[Item]:
        """Lamps of what is gone, or private now, go out."""
        self._plan = plan
        items: list[Item] = []
        for watch in list(self._watches.values()):
            subject = self._subject(watch.package, watch.entity, watch.watcher)
            if subject is None or subject != watch.subject:
                items += self._end(watch, "noresource", now)
            elif is_private(plan, subject, watch.watcher):
                items += self._end(watch, "rejected", now)
            else:
                items += self._tell(watch, now)
        return items

    def on_time(self, now: float) -> list[Item]:
        items: list[Item] = []
        for _, id_ in self.deadlines.take_expired(now):
            items += self._tell(self._watches[id_], now)
        return items

    def on_done(self, event: sip.RequestDone, now: float) -> list[Item]:
        return []  # We send nothing outside subscriptions.

    # --- subscriptions ------------------------------------------------------------------------

    def on_event(self, event: sip.Event, now: float) -> list[Item]:
        """What the endpoint reports of subscriptions."""
        handler = self._EVENTS.get(type(event))
        return [] if handler is None else handler(self, event, now)

    def _on_subscribed(self, event: sip.Subscribed, now: float) -> list[Item]:
        watcher = event.username or ""
        subject = self._subject(event.event, event.aor, watcher)
        status = self._why_not(event, subject, watcher)
        if status or subject is None:
            headers = [("Retry-After", str(RETRY_SECONDS))] if status == 503 else []
            return [
                *self._endpoint.reject_subscription(event.subscription, status or 404, now, headers)
            ]
        items: list[Item] = self._make_room(event, subject, now)
        watch = Watch(
            event.subscription,
            subject,
            event.event,
            watcher,
            event.flow.remote,
            event.aor,
            _host_of(event.request, event.flow.local),
        )
        self._add(watch)
        items += self._endpoint.accept_subscription(watch.id, SECONDS_MAX, now)
        return [*items, *self._tell(watch, now)]

    def _on_refreshed(self, event: sip.SubscriptionRefreshed, now: float) -> list[Item]:
        watch = self._watches.get(event.subscription)
        if watch is None:
            return []
        watch.full = True
        return self._tell(watch, now)

    def _on_notified(self, event: sip.Notified, now: float) -> list[Item]:
        watch = self._watches.get(event.subscription)
        return [] if watch is None else self._tell(watch, now)

    def _on_ended(self, event: sip.SubscriptionEnded, now: float) -> list[Item]:
        watch = self._watches.get(event.subscription)
        if watch is not None:
            self._remove(watch)
        return []

    # --- who may watch what -------------------------------------------------------------------

    def _subject(self, package: str, name: str, watcher: str) -> Subject | None:
        if self._plan is None:
            return None
        if package == MESSAGES:
            return mailbox_of(self._plan, name, watcher)
        return subject_of(self._plan, name, watcher)

    def _why_not(self, event: sip.Subscribed, subject: Subject | None, watcher: str) -> int:
        """The status to refuse it with; 0: it is granted."""
        if subject is None or self._plan is None:
            return 404
        if is_private(self._plan, subject, watcher):
            return 403
        if event.accept and not _reads(event.accept, TYPES[event.event]):
            return 406
        many = len(self._by_user.get(watcher, ())) >= USER_MAX and watcher != ""
        if many or self._by_source.get(event.flow.remote[0], 0) >= SOURCE_MAX:
            return 503
        return 0

    def _make_room(self, event: sip.Subscribed, subject: Subject, now: float) -> list[Item]:
        """A phone that was switched off and on has forgotten its subscriptions."""
        same = [
            watch
            for watch in map(self._watches.__getitem__, self._by_subject.get(subject, ()))
            if watch.source == event.flow.remote
            and watch.package == event.event
            and watch.watcher == (event.username or "")
        ]
        items: list[Item] = []
        for watch in same[: max(0, len(same) + 1 - SAME_MAX)]:
            self._remove(watch)
            items += self._endpoint.drop_subscription(watch.id, now)
        return items

    def _end(self, watch: Watch, reason: str, now: float) -> list[Item]:
        self._remove(watch)
        return [*self._endpoint.notify(watch.id, b"", "", now, state="terminated", reason=reason)]

    def _note(self, subject: Subject) -> None:
        if subject in self._by_subject:
            self._changed[subject] = None

    # --- telling ------------------------------------------------------------------------------

    def _tell_all(self, subject: Subject, now: float) -> list[Item]:
        names = self._by_subject.get(subject)
        if not names:
            return []
        return [item for name in list(names) for item in self._tell(self._watches[name], now)]

    def _tell(self, watch: Watch, now: float) -> list[Item]:
        """What it does not know yet; now, or as soon as may be."""
        if self._endpoint.is_notifying(watch.id):
            return []  # `_on_notified` comes back to it.
        if not watch.full and now < watch.told_at + GAP_SECONDS:
            self.deadlines.start("notify", watch.id, watch.told_at + GAP_SECONDS)
            return []
        look = self._look(watch)
        if look == watch.told and not watch.full:
            return []
        body = self._document(watch, look)
        watch.told, watch.told_at, watch.full = look, now, False
        watch.version += 1
        self.deadlines.stop("notify", watch.id)
        return [*self._endpoint.notify(watch.id, body, TYPES[watch.package], now)]

    def _document(self, watch: Watch, look: Look) -> bytes:
        if watch.package == MESSAGES:
            return message_summary(uri_of(watch.subject.id, watch.host), look.counts)
        if watch.package == PRESENCE:
            return presence(watch.entity, watch.host, look.dialogs, there=look.there)
        dialogs = look.dialogs if watch.full else changes(watch.told.dialogs, look.dialogs)
        return dialog_info(watch.entity, watch.host, watch.version, dialogs, full=watch.full)

    def _look(self, watch: Watch) -> Look:
        subject = watch.subject
        if subject.kind == MAILBOX:
            return Look(counts=self._counts.get(subject.id, Counts()))
        if subject.kind == QUEUE:
            return Look(queue_look(subject, self._distribution))
        if is_setting(subject):
            return Look(setting_look(subject, self._phones))
        if subject.kind != LINE:
            dialogs = agent_look(subject, self._distribution)
            return Look(dialogs, there=subject.kind != AGENT or not dialogs)
        dialogs = tuple(self._dialog(line) for line in self._lines.of(subject.id))
        if watch.package != PRESENCE:
            return Look(dialogs)
        return Look(dialogs, self._is_there(subject.id))

    def _dialog(self, line: Line) -> DialogInfo:
        """From the phone's side: its own tag is the one that is remote to us (RFC 4235 §4.1.2)."""
        call_id, ours, theirs = self._endpoint.dialog_id(line.leg)
        state = DialogState.PROCEEDING if line.initiator else DialogState.EARLY
        return DialogInfo(
            line.leg,
            DialogState.CONFIRMED if line.up else state,
            line.initiator,
            call_id,
            theirs,
            ours,
            line.remote,
            line.remote_name,
        )

    def _is_there(self, extension: str) -> bool:
        if self._plan is None or extension not in self._plan.extensions:
            return True
        return count_of(self._plan, self._registrar, extension) > 0

    # --- the tables ---------------------------------------------------------------------------

    def _add(self, watch: Watch) -> None:
        self._watches[watch.id] = watch
        self._by_subject.setdefault(watch.subject, {})[watch.id] = None
        self._by_user.setdefault(watch.watcher, {})[watch.id] = None
        host = watch.source[0]
        self._by_source[host] = self._by_source.get(host, 0) + 1
        if watch.subject.kind == LINE:
            self._lines.watched.add(watch.subject.id)

    def _remove(self, watch: Watch) -> None:
        del self._watches[watch.id]
        self.deadlines.stop("notify", watch.id)
        names = self._by_subject[watch.subject]
        del names[watch.id]
        if not names:
            del self._by_subject[watch.subject]
            if watch.subject.kind == LINE:
                self._lines.watched.discard(watch.subject.id)
        mine = self._by_user[watch.watcher]
        del mine[watch.id]
        if not mine:
            del self._by_user[watch.watcher]
        host = watch.source[0]
        self._by_source[host] -= 1
        if not self._by_source[host]:
            del self._by_source[host]

    _EVENTS: ClassVar[dict[type, Callable[..., list[Item]]]] = {
        sip.Subscribed: _on_subscribed,
        sip.SubscriptionRefreshed: _on_refreshed,
        sip.Notified: _on_notified,
        sip.SubscriptionEnded: _on_ended,
    }


def _reads(accepted: tuple[str, ...], content_type: str) -> bool:
    """RFC 3261 §20.1"""
    kind = content_type.partition("/")[0]
    return not {content_type, f"{kind}/*", "*/*"}.isdisjoint(accepted)


def _host_of(request: Request, local: Address) -> str:
    """Of the URI as it was watched: phones look for that one in what they are told."""
    try:
        uri = Uri.parse(request.uri)
    except ParseError:
        return host_port(local)
    return host_port((uri.host, uri.port or 0)) if uri.host else host_port(local)
