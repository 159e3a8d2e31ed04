"""Discord's rate limits: per route, for the whole bot, and Cloudflare's for invalid requests. In real time.

Rules: Discord's documentation, topics/rate-limits. A window of a route begins with its first request; the
global one slides. Interaction and webhook endpoints are exempt from the global limit.
"""

import hashlib
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.support.local_discord.globs import Glob

INVALID_STATUSES = (401, 403, 429)
_INVALID_WINDOW = 600.0
_MAJOR = ("channels", "guilds", "webhooks")


@dataclass(frozen=True)
class Refusal:
    """A 429."""

    retry_after: float
    scope: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def everywhere(self) -> bool:
        return self.scope == "global"


@dataclass
class _Window:
    ends: float
    remaining: int


def exempt(path: str) -> bool:
    return path.startswith(("/interactions/", "/webhooks/"))


def major_parameter(path: str) -> str:
    """The id that splits a route into buckets; a webhook's comes with its token."""
    segments = path.strip("/").split("/")
    if len(segments) < 2 or segments[0] not in _MAJOR:
        return ""
    return "/".join(segments[1:3]) if segments[0] == "webhooks" else segments[1]


class Limits:
    def __init__(self) -> None:
        self.set()

    def set(
        self,
        *,
        global_per_second: int | None = 50,
        routes: list[tuple[Glob, int, float]] | None = None,
        invalid_per_ten_minutes: int = 10_000,
    ) -> None:
        """Replaces every limit and forgets what was counted. A route is a glob, how many requests, in how many seconds.

        ``global_per_second`` None switches the global limit off.
        """
        self._global = global_per_second
        self._routes = [(glob, count, seconds, _hash(glob)) for glob, count, seconds in routes or []]
        self._invalid_limit = invalid_per_ten_minutes
        self._windows: dict[tuple[str, str], _Window] = {}
        self._second: deque[float] = deque()
        self._invalid: deque[float] = deque()

    def take(self, method: str, path: str) -> tuple[Refusal | None, dict[str, str]]:
        """Counts one request: why it is refused, if it is, and the headers of its route's bucket."""
        now = time.monotonic()
        if self._global is not None and not exempt(path):
            second = self._second
            while second and second[0] <= now - 1.0:
                second.popleft()
            if len(second) >= self._global:
                return Refusal(second[0] + 1.0 - now, "global"), {}
            second.append(now)
        for glob, count, seconds, bucket in self._routes:
            if glob.matches(method, path):
                return self._from_window(now, count, seconds, (bucket, major_parameter(path)))
        return None, {}

    def _from_window(
        self, now: float, count: int, seconds: float, key: tuple[str, str]
    ) -> tuple[Refusal | None, dict[str, str]]:
        window = self._windows.get(key)
        if window is None or window.ends <= now:
            window = self._windows[key] = _Window(now + seconds, count)
        refused = window.remaining == 0
        window.remaining = max(0, window.remaining - 1)
        left = window.ends - now
        headers = {
            "X-RateLimit-Limit": str(count),
            "X-RateLimit-Remaining": str(window.remaining),
            "X-RateLimit-Reset": f"{time.time() + left:.3f}",
            "X-RateLimit-Reset-After": f"{left + 0.0005:.3f}",  # rounded up: who waits that long is not refused
            "X-RateLimit-Bucket": key[0],
        }
        return (Refusal(left, "user", headers) if refused else None), headers

    def count_invalid(self) -> None:
        self._invalid.append(time.monotonic())

    @property
    def banned(self) -> bool:
        """Whether so many requests of the last ten minutes were invalid that Cloudflare answers instead of Discord."""
        since = time.monotonic() - _INVALID_WINDOW
        while self._invalid and self._invalid[0] <= since:
            self._invalid.popleft()
        return len(self._invalid) >= self._invalid_limit


def _hash(glob: Glob) -> str:
    return hashlib.sha256(f"{glob.method} {glob.path}".encode()).hexdigest()[:32]
