"""How long a process may still act for what it has claimed."""

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.clock import Clock

MARGIN = timedelta(seconds=10)
"""So much before its end a lease counts as over: a request takes time to arrive."""


class LeaseLostError(Exception):
    """Another process has taken this message over, or may have: the lease was not renewed in time."""


@dataclass
class Lease:
    """Of one claimed message; its heartbeat moves ``until``."""

    clock: Clock
    until: datetime

    def check(self) -> None:
        """Raises LeaseLostError once it is as good as over."""
        if self.clock() >= self.until - MARGIN:
            raise LeaseLostError


acting_under: ContextVar[Lease | None] = ContextVar("acting_under", default=None)
"""The lease of the step that is being taken. ``bot.wire`` checks it before every request, discord.py's retries
included: a process that was suspended, or kept waiting by a limit, must not send what another one has sent since."""
