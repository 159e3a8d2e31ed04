"""How long a process may still act for what it has claimed."""

import asyncio
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.clock import Clock

MARGIN = timedelta(seconds=10)
"""So much before its end a lease counts as over: a request takes time to arrive."""

STEP_SECONDS = 60.0
"""How long a request may take, with what comes before the next one; well within the lease. One that hangs is given
up for now, so that it holds up no other club."""


class LeaseLostError(Exception):
    """The message is not this process's any more, or may not be: the lease was not renewed in time."""


@dataclass
class Lease:
    """Of one claimed message; its heartbeat moves ``until``."""

    clock: Clock
    until: datetime
    limit: asyncio.Timeout | None = None
    """Of the step that is being taken."""

    @property
    def is_over(self) -> bool:
        """Whether another process may have taken the message by now."""
        return self.clock() >= self.until

    def pause(self) -> None:
        """The step waits for its turn to ask Discord, which is no fault of it."""
        self._give(None)

    def go_on(self) -> None:
        """The step has another ``STEP_SECONDS``."""
        self._give(asyncio.get_running_loop().time() + STEP_SECONDS)

    def _give(self, until: float | None) -> None:
        if self.limit is not None:
            with suppress(RuntimeError):  # the step has come to its end, or its time is over already
                self.limit.reschedule(until)

    def check(self) -> None:
        """Raises LeaseLostError once it is as good as over."""
        if self.clock() >= self.until - MARGIN:
            raise LeaseLostError


acting_under: ContextVar[Lease | None] = ContextVar("acting_under", default=None)
"""The lease of the step that is being taken. ``bot.wire`` checks it before every request, discord.py's retries
included: a process that was suspended, or kept waiting by a limit, must not send what another one has sent since."""
