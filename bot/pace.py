"""Keeping under Discord's global rate limit before Discord has to say so."""

import asyncio
import math
from collections import deque

BURST = 2
"""How many turns may catch up at once after this process was busy with something else."""

WINDOW = 1.02
"""Seconds in which no more than ``per_second`` turns are given: a second, and room for the way to Discord."""


class Pace:
    """Lets at most ``per_second`` turns through any second, evenly spaced, in the order in which they were asked for.

    Turns are reckoned from when they were really given, not from when they were due: a process that could not
    run for a while must not make up for it in a burst.
    """

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        """``math.inf`` for no limit."""
        self.slowed = 1.0
        """Which part of ``per_second`` is allowed at present, above 0 up to 1."""
        self._queue = asyncio.Lock()
        self._given: deque[float] = deque()
        self._next = 0.0
        self._held_until = 0.0

    def hold(self, seconds: float) -> None:
        """Gives no turn for so long: Discord said so."""
        self._held_until = max(self._held_until, asyncio.get_running_loop().time() + seconds)

    @property
    def held(self) -> bool:
        """Whether Discord's time to wait has not passed yet."""
        return asyncio.get_running_loop().time() < self._held_until

    async def turn(self) -> None:
        """Waits until the next request may go out."""
        loop = asyncio.get_running_loop()
        async with self._queue:  # first come, first served
            while (wait := self._wait(loop.time())) > 0:  # noqa: ASYNC110 - a turn comes with time alone
                await asyncio.sleep(wait)
            if math.isinf(self.per_second):
                return
            now = loop.time()
            self._next = max(self._next, now) + self._gap()
            self._given.append(now)

    def _gap(self) -> float:
        return 1 / (self.per_second * self.slowed)

    def _wait(self, now: float) -> float:
        """Seconds until a turn may be given; at most 0 when it may be now."""
        wait = self._held_until - now
        if math.isinf(self.per_second):
            return wait
        while self._given and self._given[0] <= now - WINDOW:
            self._given.popleft()
        if len(self._given) >= self.per_second:
            wait = max(wait, self._given[-int(self.per_second)] + WINDOW - now)
        return max(wait, self._next - BURST * self._gap() - now)
