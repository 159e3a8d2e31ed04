"""One simulated time for several processes: eight bytes of a file that each of them maps into its memory."""

import mmap
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

_SIZE = 8


class ClockFile:
    """Seconds since 1970 as a little-endian float64. A new file begins at the real time; every process may set it."""

    def __init__(self, path: Path | str) -> None:
        if sys.byteorder != "little":
            raise OSError("ClockFile needs a little-endian machine: only a native write of eight bytes is atomic")
        self.path = Path(path)
        with self.path.open("a+b") as file:
            fresh = file.seek(0, 2) == 0
            if fresh:
                file.write(bytes(_SIZE))
                file.flush()
            mapped = mmap.mmap(file.fileno(), _SIZE)
        # A view of doubles is written in one go; struct.pack_into would write byte by byte.
        self._seconds = memoryview(mapped).cast("d")
        if fresh:
            self._seconds[0] = time.time()

    def set(self, now: datetime) -> None:
        self._seconds[0] = now.timestamp()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._seconds[0], UTC)
