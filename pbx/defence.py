"""The edge of the protection: how late we are, the control socket, bans kept, alarms raised."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from pbx.control import NAME, ControlSocket, Question
from pbx.exchange import Exchange, Output
from pbx.log import get_logger
from pbx.metrics import Metrics
from pbx.room_plan import Mode
from pbx.status import Alarm, BanStatus
from pbx.store import Store
from pbx.supervising import Supervise, Wish
from sip.transport import Transports

OVERLOAD_ALARM: Final = "overload"
QUARANTINE_ALARM: Final = "quarantine"
TOLD_MAX: Final = 5  # Users named in an alarm.


class Defence:
    def __init__(
        self,
        exchange: Exchange,
        store: Store,
        loop: asyncio.AbstractEventLoop,
        carry_out: Callable[[list[Output]], None],
        on_alarm: Callable[[Alarm], None],
    ) -> None:
        self._exchange = exchange
        self._loop = loop
        self._carry_out = carry_out
        self._on_alarm = on_alarm
        self._guard = exchange.protection.guard
        self._friends = self._guard.friends
        self._raised: dict[str, str] = {}
        self._log = get_logger()
        exchange.protection.restore(store.history.bans(time.time()))
        commands = {
            **{"bans": self._bans, "ban": self._ban, "unban": self._unban},
            "supervise": self._supervise,
        }
        self.control = ControlSocket(store.history.path.parent / NAME, commands)

    def attach(self, transports: Transports) -> None:
        transports.on_delay = self._exchange.on_delay
        transports.refuses = self.refuses

    async def start(self) -> None:
        try:
            await self.control.start()
        except OSError as error:  # Calls matter more than commands.
            reason = error.strerror or str(error)
            self._log.error("no control socket", path=str(self.control.path), error=reason)

    async def stop(self) -> None:
        await self.control.stop()

    @property
    def dropped(self) -> int:
        """Messages that nobody looked at."""
        return self._guard.counters["dropped"]

    def knows(self, host: str) -> bool:
        """Whether somebody has signed in there, or we call it. Asked for each message."""
        return host in self._friends or (":" in host and self._guard.is_friend(host))

    def refuses(self, host: str) -> bool:
        """Whether its connections are not taken."""
        return self._exchange.endpoint.guard is not None and (
            self._exchange.protection.guard.refuses(host)
        )

    def watch(self, metrics: Metrics) -> None:
        protection = self._exchange.protection
        guard, overload = protection.guard, protection.overload
        metrics.watch("sources_banned", "Bans in force", lambda: len(guard.bans))
        for name, text in (
            ("dropped", "Messages of banned or too loud sources, not looked at"),
            ("muted", "Messages of phones that were refused again and again, not looked at"),
            ("quarantined", "Passwords of users in quarantine, not looked at"),
        ):
            metrics.watch(f"messages_{name}", text, partial(guard.counters.__getitem__, name))
        metrics.watch("calls_shed", "Calls refused for want of time", lambda: overload.refused)
        metrics.watch("overload_share", "Share of new calls refused now", lambda: overload.share)

    def on_lag(self, seconds: float) -> None:
        """So late was a timer, ten times a second."""
        protection = self._exchange.protection
        protection.overload.on_lag(seconds, self._loop.time())
        busy = protection.overload.overloaded
        self._alarm(
            OVERLOAD_ALARM, "more calls than this machine can take: some are refused" * busy
        )
        users = sorted(protection.guard.bans.users)[:TOLD_MAX]
        told = ", ".join(f"{user} at {source}" for source, user in users)
        self._alarm(QUARANTINE_ALARM, f"wrong passwords again and again: {told}" * bool(users))

    def _alarm(self, name: str, text: str) -> None:
        if self._raised.get(name, "") != text:
            self._raised[name] = text
            self._on_alarm(Alarm(name, bool(text), text))

    # --- commands

    def _bans(self, question: Question) -> list[BanStatus]:
        return self._exchange.protection.bans()

    def _ban(self, question: Question) -> list[str]:
        source, seconds = str(question["source"]), question.get("seconds")
        if seconds is not None and not (isinstance(seconds, int | float) and seconds > 0):
            raise ValueError("seconds must be a number above 0")
        before = len(self._exchange.protection.guard.bans)
        self._carry_out(self._exchange.ban(source, seconds, self._loop.time()))
        again = len(self._exchange.protection.guard.bans) == before
        return [f"{source} is {'still ' * again}banned"]

    def _unban(self, question: Question) -> list[str]:
        source, user = str(question["source"]), str(question.get("user", ""))
        before = self._exchange.protection.bans()
        self._carry_out(self._exchange.unban(source, user, self._loop.time()))
        left = self._exchange.protection.bans()
        return [
            f"{ban.source} is heard again" + (f" for user {ban.user}" if ban.user else "")
            for ban in before
            if ban not in left
        ]

    def _supervise(self, question: Question) -> str:
        supervisor, watched = str(question["supervisor"]), str(question.get("watched", ""))
        what = str(question["what"])
        wanted = (
            Supervise(supervisor, wish=Wish.STOP)
            if what == Wish.STOP.value
            else Supervise(supervisor, watched, Mode(what))
        )
        self._carry_out(self._exchange.on_supervise(wanted, self._loop.time()))
        return f"{supervisor}: {what} {watched}".strip()
