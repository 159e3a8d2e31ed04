"""Every request to Discord on its way out and back: how fast we ask, and what the answers tell about us and Discord."""

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace

import aiohttp
import discord
import yarl
from discord.http import HTTPClient

from bot.club.lease import acting_under
from bot.metrics import Metrics
from bot.outage import Outage
from bot.pace import Pace

log = logging.getLogger(__name__)

INVALID = frozenset({401, 403, 429})
"""Answers of which Discord takes 10,000 in ten minutes, then shuts the address out (topics/rate-limits.mdx)."""

INVALID_WINDOW = 600.0
"""Seconds."""

MOST = 50
"""Requests a second that Discord allows a bot. The next three numbers are for a process that may send them all; one of
several, whose requests come from one address together, gets its part of them."""

SLOW_FROM = 500
"""Invalid requests in the window from which on the bot goes slower …"""

CRAWL_AT = 5_000
"""… down to ``CRAWL`` at so many."""

CRAWL = 0.5
"""Requests a second: ten more minutes of that add a few hundred, still far from 10,000."""

STANDSTILL = 0.05
"""Requests a second that are left in any case: one in twenty seconds."""

TIDY_EVERY = 60.0
"""Seconds between clearances of what discord.py keeps about rate limits; it keeps each for five minutes."""

CALM = 10.0
"""Seconds without trouble after which an outage is over."""


class Wire:
    """Watches the requests of one client, discord.py's own retries included.

    discord.py's requests pass aiohttp's tracing (``trace``), which waits for whatever ``_before`` waits for.
    """

    def __init__(self, pace: Pace, metrics: Metrics, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """``monotonic`` counts seconds for invalid requests and for how long interactions wait."""
        self.pace = pace
        self._metrics = metrics
        self._monotonic = monotonic
        self._invalid: deque[float] = deque()
        self._slow = False
        self._interactions: dict[str, float] = {}
        self._trouble = Outage(
            "Discord has trouble (%s); what it refused waits and is tried again",
            "Discord answers again after %s",
            calm=CALM,
        )
        self._token = Outage(
            "Discord does not take the token any more (%s): nothing is posted until the bot has the new one",
            "Discord takes the token again after %s",
        )
        self._global_limit = Outage(
            "Discord asked the whole bot to slow down (%s); nothing is lost, it comes later",
            "Discord takes requests again after %s",
            calm=CALM,
        )
        self.trace = aiohttp.TraceConfig()
        self.trace.on_request_start.append(self._before)
        self.trace.on_request_end.append(self._answered)
        self.trace.on_request_exception.append(self._broken)
        self._client: discord.Client | None = None
        metrics.invalid_requests(lambda: self.invalid)

    def watch(self, client: discord.Client) -> None:
        """To be called with the client that was made with ``http_trace=trace``."""
        self._client = client
        tidy_up_now_and_then(client.http)

    def interaction_came(self, interaction_id: int) -> None:
        """From here the three seconds count in which Discord wants an answer."""
        if len(self._interactions) > 1000:  # never answered; the oldest first
            del self._interactions[next(iter(self._interactions))]
        self._interactions[str(interaction_id)] = self._monotonic()

    @property
    def invalid(self) -> int:
        """How many requests of the last ten minutes Discord counts against us."""
        horizon = self._monotonic() - INVALID_WINDOW
        while self._invalid and self._invalid[0] <= horizon:
            self._invalid.popleft()
        return len(self._invalid)

    async def _before(
        self, _: aiohttp.ClientSession, __: SimpleNamespace, request: aiohttp.TraceRequestStartParams
    ) -> None:
        if is_gateway(request.url) or is_interaction(request.url):
            return  # these do not count against the global limit (topics/rate-limits.mdx)
        self._set_speed()
        lease = acting_under.get()
        if lease is None:
            await self.pace.turn()
            return
        lease.pause()
        await self.pace.turn()
        lease.check()
        lease.go_on()

    async def _answered(
        self, _: aiohttp.ClientSession, __: SimpleNamespace, request: aiohttp.TraceRequestEndParams
    ) -> None:
        if is_gateway(request.url):
            return
        answer = request.response
        self._metrics.response(answer.status)
        self._note_interaction(request.url)
        if answer.status in INVALID and answer.headers.get("X-RateLimit-Scope") != "shared":
            self._invalid.append(self._monotonic())
        if answer.status == 429 and "X-RateLimit-Global" in answer.headers:
            self._slow_down(float(answer.headers.get("Retry-After", 1)))
        elif answer.status >= 500:
            self._has_trouble(f"HTTP {answer.status}")
        elif answer.status == 401 and not is_interaction(request.url):
            if self._client is not None and self._client.is_ready():
                self._token.bad(f"HTTP {answer.status}")
        else:
            self._trouble.good()
            self._token.good()
            if answer.status < 400 and not self.pace.held:  # what was asked before, and interactions, say nothing
                self._global_limit.good()

    async def _broken(
        self, _: aiohttp.ClientSession, __: SimpleNamespace, request: aiohttp.TraceRequestExceptionParams
    ) -> None:
        if not is_gateway(request.url) and isinstance(request.exception, aiohttp.ClientError | OSError):
            self._has_trouble("the connection breaks")

    def _has_trouble(self, reason: str) -> None:
        if self._client is not None and self._client.is_ready():  # until then it is said by whoever starts the bot
            self._trouble.bad(reason)

    def _note_interaction(self, url: yarl.URL) -> None:
        parts = url.path.rsplit("/", 3)
        if parts[-1] == "callback" and (came := self._interactions.pop(parts[1], None)) is not None:
            self._metrics.interaction_answered(self._monotonic() - came)

    def _slow_down(self, seconds: float) -> None:
        self._global_limit.bad(f"for {seconds:g} s")
        self.pace.hold(seconds)
        # discord.py 2.7.1 shuts a gate for that long, and never opens it again if the task that shut it is
        # cancelled while it waits, as a step of ours may be: the bot would then ask Discord nothing any more.
        asyncio.get_running_loop().call_later(seconds + 0.5, self._open_gate)

    def _open_gate(self) -> None:
        gate = getattr(self._client.http, "_global_over", None) if self._client is not None else None
        if isinstance(gate, asyncio.Event):
            gate.set()

    def _set_speed(self) -> None:
        invalid = self.invalid
        self.pace.slowed = slowed(invalid, self.pace.per_second)
        limit = SLOW_FROM * share(self.pace.per_second)
        if invalid > limit and not self._slow:
            self._slow = True
            log.warning(
                "Discord refused %s requests within ten minutes, and shuts an address out at 10,000: going slower. "
                "`applecore doctor` says what is wrong",
                invalid,
            )
        elif self._slow and invalid <= limit / 2:
            self._slow = False
            log.info("Discord refuses fewer requests by now: going at the usual speed again")


def tidy_up_now_and_then(http: HTTPClient) -> None:
    """discord.py 2.7.1 goes through all of its rate limits whenever it meets a new one, which for thousands of
    channels at once takes longer than all the rest. It is enough to throw the old ones out once a minute."""
    tidy_up, last = http._try_clear_expired_ratelimits, -math.inf

    def now_and_then() -> None:
        nonlocal last
        if time.monotonic() - last >= TIDY_EVERY:
            last = time.monotonic()
            tidy_up()

    http._try_clear_expired_ratelimits = now_and_then  # type: ignore[method-assign]


def share(per_second: float) -> float:
    """Which part of a bot's requests this process may send."""
    return min(per_second / MOST, 1.0)


def slowed(invalid: int, per_second: float) -> float:
    """Which part of ``per_second`` is allowed after so many invalid requests in the window.

    Less with each of them beyond ``SLOW_FROM``, so that 10,000 are out of reach even where all are invalid.
    """
    ours = share(per_second)
    part = (invalid - SLOW_FROM * ours) / ((CRAWL_AT - SLOW_FROM) * ours)
    return min(1.0, max(1.0 - part, max(CRAWL * ours, STANDSTILL) / per_second))


def is_gateway(url: yarl.URL) -> bool:
    return url.scheme in ("ws", "wss")


def is_interaction(url: yarl.URL) -> bool:
    """Answers to interactions and their follow-ups (interactions/receiving-and-responding.mdx)."""
    return "/interactions/" in url.path or "/webhooks/" in url.path
