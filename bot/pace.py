"""Keeping under Discord's global rate limit before Discord has to say so."""

import asyncio


class Pace:
    """Lets at most ``per_second`` turns through each second, evenly spaced."""

    def __init__(self, per_second: int) -> None:
        self._gap = 1 / per_second
        self._next = 0.0

    async def turn(self) -> None:
        """Waits until the next request may go out."""
        now = asyncio.get_running_loop().time()
        start = max(self._next, now)
        self._next = start + self._gap
        if start > now:
            await asyncio.sleep(start - now)
