"""What simcord 3.2.1 gets wrong about Discord, put right for one `simcord.Env`: tests and the demo share it.

    async with simcord.run(bot) as env:
        overlays = install(env)

`backend` overlays simcord's model of Discord, `routes` its REST calls; `bot.demo.faults` scripts trouble.
The world keeps its overlays through `env.restart_bot(...)`. Worlds without them behave as simcord wrote them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import simcord
from simcord.backend import Backend

from bot.demo.faults import Faults
from bot.demo.overlays import routes
from bot.demo.overlays.backend import Blocked, OverlaidBackend

__all__ = ["Blocked", "Overlays", "install", "overlay_backend"]

SETTLE_POLL = 0.001
"""Seconds between simcord's looks at the bot's work. Its own 0.05 makes each `actor.send` take 52 ms."""


class Overlays:
    """The handle of one overlaid world."""

    def __init__(self, env: simcord.Env, backend: OverlaidBackend) -> None:
        self.env = env
        self.backend = backend
        self.faults = backend.scripted = Faults(env)

    @property
    def nonce_window(self) -> timedelta:
        """How long an enforced nonce is remembered; Discord says "the past few minutes"."""
        return self.backend.nonce_window

    @nonce_window.setter
    def nonce_window(self, value: timedelta) -> None:
        self.backend.nonce_window = value

    @property
    def auto_archive(self) -> bool:
        """Whether threads are archived by virtual time alone; `archive_idle` works either way."""
        return self.backend.auto_archive

    @auto_archive.setter
    def auto_archive(self, value: bool) -> None:
        self.backend.auto_archive = value

    @property
    def blocked(self) -> list[Blocked]:
        """The messages that AutoMod blocked, oldest first. simcord's `actor.send` does not tell."""
        return self.backend.blocked

    def archive_idle(self, now: datetime | None = None) -> None:
        """Archive the threads whose last message is older than their `auto_archive_duration`."""
        self.backend.archive_idle(now if now is not None else self.env.now())

    def trim(self, keep: int = 2000) -> None:
        """Bound simcord's logs, which grow with every request and event, to their last `keep` entries."""
        for log in (self.backend.transcript, self.backend.http_requests, self.faults.calls, self.blocked):
            del log[: max(0, len(log) - keep)]


def install(env: simcord.Env) -> Overlays:
    """Overlay this world, before or after it starts; a second call answers the same handle."""
    if isinstance(env.backend, OverlaidBackend):
        installed: Overlays = env.backend.overlays
        return installed
    _settle_fast()
    backend = overlay_backend(env.backend, None)
    backend.overlays = overlays = Overlays(env, backend)
    return overlays


def overlay_backend(backend: Backend, scripted: Any) -> OverlaidBackend:
    """Overlay a model of Discord that no `simcord.Env` drives; `scripted` stands in for `bot.demo.faults.Faults`.

    Of it the overlays use `killed`, and `around(method, path, request)` for every request.
    """
    routes.wire()
    # An instance can change its class: its state stays, and every other Backend stays as it was.
    backend.__class__ = OverlaidBackend
    assert isinstance(backend, OverlaidBackend)  # noqa: S101 - tells mypy what the line above did
    backend.nonces = {}
    backend.blocked = []
    backend.bursts = {}
    backend.next_archive = datetime.min.replace(tzinfo=UTC)
    backend.scripted = scripted
    return backend


def _settle_fast() -> None:
    """Both defaults are simcord's own and global: they change the pace of waiting, nothing else."""
    (simcord.Env._settle_internal.__kwdefaults__ or {})["idle"] = SETTLE_POLL
    simcord.Env.settle.__defaults__ = (None, SETTLE_POLL)
