"""The notifier's side of subscriptions at an endpoint: RFC 6665 §4.2.

What is notified of is the user's business. The endpoint refuses what no user could serve: an
unknown package, a request without a Contact, a time too short.
"""

from collections.abc import Iterable
from typing import Final

from sip.admission import RETRY_SECONDS, Refusal
from sip.core import Core
from sip.events import Output, Subscribed
from sip.flow import Flow
from sip.message import Request
from sip.server_non_invite import NonInviteServerTransaction
from sip.subscription import Subscription, expires_of, package_of
from sip.uri import Uri

ACCEPT_MAX: Final = 16  # Media types looked at.

Headers = Iterable[tuple[str, str]]


class Subscribing(Core):
    """Not to be used alone: `Receiver` adds what comes in, `Endpoint` the commands of calls."""

    # --- commands -------------------------------------------------------------------------------

    def accept_subscription(self, name: str, seconds: int, now: float) -> list[Output]:
        """For so long at most, or as much shorter as was asked for; then `notify` at once."""
        subscription = self._subscriptions.get(name)
        if subscription is None:
            return []
        items = subscription.accept(seconds, now, [("Allow-Events", self._allow_events)])
        return self._after_subscription(subscription, items, now)

    def reject_subscription(
        self, name: str, status: int, now: float, headers: Headers = ()
    ) -> list[Output]:
        subscription = self._subscriptions.get(name)
        if subscription is None:
            return []
        self.brakes.refused(subscription.flow.remote, "SUBSCRIBE", now)
        return self._after_subscription(subscription, subscription.reject(status, headers), now)

    def notify(
        self,
        name: str,
        body: bytes,
        content_type: str,
        now: float,
        *,
        state: str = "active",
        reason: str = "",
    ) -> list[Output]:
        """Tell the subscriber. `state` "terminated" is the last word, for the `reason` of
        RFC 6665 §4.1.3: deactivated, giveup, noresource, probation, rejected, timeout."""
        subscription = self._subscriptions.get(name)
        if subscription is None:
            return []
        items = subscription.notify(body, content_type, now, state, reason)
        return self._after_subscription(subscription, items, now)

    def drop_subscription(self, name: str, now: float) -> list[Output]:
        """Forget it without a word."""
        subscription = self._subscriptions.get(name)
        if subscription is None:
            return []
        return self._after_subscription(subscription, subscription.drop(), now)

    # --- facts ----------------------------------------------------------------------------------

    def is_notifying(self, name: str) -> bool:
        """A NOTIFY is under way: `Notified` will say when it is answered."""
        subscription = self._subscriptions.get(name)
        return subscription is not None and subscription.notifying

    @property
    def subscriptions(self) -> int:
        return len(self._subscriptions)

    # --- what comes in --------------------------------------------------------------------------

    def _subscribe_refusal(self, request: Request) -> Refusal | None:
        """Why nobody can be subscribed by this request; None if somebody can."""
        if package_of(request) not in self.packages:
            return Refusal(489, (("Allow-Events", self._allow_events),))  # RFC 6665 §7.2, §8.3.2.
        if request.contact is None:
            return Refusal(400)
        if len(self._subscriptions) >= self._config.subscriptions_max:
            return Refusal(503, (("Retry-After", str(RETRY_SECONDS)),))
        return self._too_short(request)

    def _too_short(self, request: Request) -> Refusal | None:
        """RFC 6665 §4.2.1.1"""
        least, asked = self._config.subscription_seconds_min, expires_of(request)
        if asked is not None and 0 < asked < least:
            return Refusal(423, (("Min-Expires", str(least)),))
        return None

    def _on_subscribe(
        self, key: str, request: Request, flow: Flow, username: str | None, now: float
    ) -> list[Output]:
        subscription = Subscription(key, request, self._tokens.token(), flow, now)
        server = NonInviteServerTransaction(request, flow, self._config.timers)
        outputs = self._add_server(key, server, now)
        self._subscriptions[subscription.local_tag] = subscription
        subscribed = Subscribed(
            subscription.local_tag,
            package_of(request),
            Uri.parse(request.uri).user_unescaped,
            _media_types(request),
            request,
            username,
            flow,
        )
        return [*outputs, *self._after_subscription(subscription, [subscribed], now)]

    def _on_resubscribe(
        self, key: str, subscription: Subscription, request: Request, flow: Flow, now: float
    ) -> list[Output]:
        """Within the dialog; it was checked, and nothing is wrong with it."""
        server = NonInviteServerTransaction(request, flow, self._config.timers)
        outputs = self._add_server(key, server, now)
        items = subscription.on_subscribe(key, request, flow, now)
        return [*outputs, *self._after_subscription(subscription, items, now)]

    @property
    def _allow_events(self) -> str:
        return ", ".join(self.packages)


def _media_types(request: Request) -> tuple[str, ...]:
    """What the subscriber reads (RFC 3261 §20.1), without parameters."""
    values = request.values("Accept")[:ACCEPT_MAX]
    return tuple(value.partition(";")[0].strip(" \t").lower() for value in values)
