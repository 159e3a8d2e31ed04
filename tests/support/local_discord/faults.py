"""Faults that a test scripts, on the server's side of the wire."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.support.local_discord.globs import Glob


@dataclass
class Fault:
    """What happens to the requests that match. The kinds are told apart by which field is set."""

    number: int
    glob: Glob
    times: int | None = 1
    """How many requests it strikes; None: all."""
    skip: int = 0
    """How many matching requests pass first."""
    status: int | None = None
    """Refused with it, without effect; with ``lose_answer`` the answer after the effect."""
    code: int = 0
    message: str = "refused by the test"
    lose_answer: bool = False
    cut: bool = False
    hang: bool = False
    delay: float | None = None
    rate_limit: float | None = None
    scope: str = "user"
    kill: int | None = None
    after: bool = False
    """Whether the process is killed after the request took effect."""
    hold: bool = False
    struck: int = 0


class Faults:
    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._numbers: Iterator[int] = itertools.count(1)
        self._struck: dict[int, int] = {}
        self._released = asyncio.Event()
        self._ended = asyncio.Event()
        self.held = 0
        """Requests that wait for `release`."""
        self.on_held: Callable[[], None] = lambda: None

    def add(self, glob: Glob, **what: object) -> int:
        number = next(self._numbers)
        self._faults.append(Fault(number, glob, **what))  # type: ignore[arg-type]
        self._struck[number] = 0
        return number

    def struck(self, number: int) -> int:
        """How many requests a fault has struck."""
        return self._struck[number]

    def due(self, method: str, path: str) -> Fault | None:
        """The fault that strikes this request, counted; the oldest where several do."""
        due = None
        for fault in self._faults:
            if not fault.glob.matches(method, path):
                continue
            if fault.skip:
                fault.skip -= 1
            elif due is None:
                due = fault
        if due is not None:
            self._struck[due.number] += 1
            if due.times is not None:
                due.times -= 1
                if due.times <= 0:
                    self._faults.remove(due)
        return due

    async def hold(self) -> None:
        """Until `release`."""
        self.held += 1
        self.on_held()
        try:
            await self._released.wait()
        finally:
            self.held -= 1

    def release(self) -> None:
        """Lets the requests that are held now go on."""
        self._released.set()
        self._released = asyncio.Event()

    async def hang(self) -> None:
        await self._ended.wait()

    def clear(self) -> None:
        """Forgets every fault; requests that hang are cut, those that are held stay so until `release`."""
        self._faults.clear()
        self._ended.set()
        self._ended = asyncio.Event()
