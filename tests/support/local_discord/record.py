"""What was asked of the server, within bounds."""

import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any


@dataclass
class Entry:
    """One request. The status is None while it waits, and where the connection was cut without an answer."""

    number: int
    at: float
    """Monotonic seconds of this machine, the same clock in every process."""
    method: str
    path: str
    body: Any
    status: int | None = None


class Record:
    def __init__(self, keep: int = 20_000) -> None:
        self._entries: deque[Entry] = deque(maxlen=keep)
        self._last_second: deque[float] = deque()
        self.number = 0
        self.peak = 0
        """The most requests of any sliding second; those that Discord exempts from its global limit do not count."""
        self.statuses: Counter[str] = Counter()

    def arrived(self, method: str, path: str, body: Any, *, exempt: bool) -> Entry:
        now = time.monotonic()
        self.number += 1
        entry = Entry(self.number, now, method, path, body)
        self._entries.append(entry)
        if not exempt:
            second = self._last_second
            second.append(now)
            while second[0] <= now - 1.0:
                second.popleft()
            self.peak = max(self.peak, len(second))
        return entry

    def answered(self, entry: Entry, status: int | None) -> None:
        entry.status = status
        self.statuses[str(status)] += 1

    def since(self, number: int) -> list[Entry]:
        return [entry for entry in self._entries if entry.number > number]

    def forget(self) -> None:
        """Begins the counts anew; the numbers go on."""
        self._entries.clear()
        self._last_second.clear()
        self.statuses.clear()
        self.peak = 0
