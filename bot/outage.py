"""Saying once in the log that something is out of order, and once that it is well again."""

import asyncio
import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)


class Outage:
    """One kind of trouble that comes and goes. To be used inside a running event loop."""

    def __init__(
        self,
        began: str,
        over: str,
        *,
        calm: float = 0.0,
        monotonic: Callable[[], float] = time.monotonic,
        **fields: object,
    ) -> None:
        """``began`` is logged with the reason for ``%s``, ``over`` with how long it took.

        It is over once it was well for ``calm`` seconds, so that trouble which comes and goes is one event.
        ``monotonic`` measures how long it took, in seconds; ``fields`` go into structured logs.
        """
        self._began = began
        self._over = over
        self._calm = calm
        self._monotonic = monotonic
        self._fields = fields
        self._since: float | None = None
        self._better: float | None = None
        self._settling: asyncio.TimerHandle | None = None

    @property
    def on(self) -> bool:
        """Whether it lasts."""
        return self._since is not None

    def bad(self, reason: str) -> None:
        self._better = None
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        if self._since is None:
            self._since = self._monotonic()
            log.warning(self._began, reason, extra=self._fields)

    def good(self) -> None:
        if self._since is None or self._settling is not None:
            return
        self._better = self._monotonic()
        if self._calm:
            self._settling = asyncio.get_running_loop().call_later(self._calm, self._end)
        else:
            self._end()

    def _end(self) -> None:
        self._settling = None
        if self._since is None or self._better is None:
            return
        seconds = self._better - self._since
        self._since = self._better = None
        log.info(self._over, _how_long(seconds), extra={**self._fields, "seconds": round(seconds, 1)})


def _how_long(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
