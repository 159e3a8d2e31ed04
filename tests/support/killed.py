"""A process that SIGKILLs itself just before the n-th thing it would tell the database, commits included.

The process is started once and forks for each try: a try costs no start of Python. A child that is killed so
leaves its connections to the system, as a real kill does.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import event, make_url
from sqlalchemy.engine import Engine

from bot.storage import restore
from bot.storage.database import Database

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 3, 5, 8, tzinfo=UTC)


class Tries:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def killed_at(self, nth: int) -> bool:
        """Whether the action was killed there; False when it was done before."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{nth}\n".encode())
        answer = await asyncio.wait_for(self._process.stdout.readline(), 60)
        code = int(answer)
        assert code in (0, -signal.SIGKILL), f"the action failed: {code}"
        return code != 0


@asynccontextmanager
async def tries(action: str, *arguments: str) -> AsyncIterator[Tries]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, action, *arguments, cwd=ROOT, stdin=-1, stdout=-1
    )
    try:
        yield Tries(process)
    finally:
        if process.stdin:
            process.stdin.close()
        await asyncio.wait_for(process.wait(), 60)


async def _open(url: str) -> None:
    database = Database(url)
    await database.open()
    await database.close()


async def _restore(url: str, file: str) -> None:
    database = Database(url)
    await restore.restore(database, Path(file), at=AT)
    await database.close()


ACTIONS: dict[str, tuple[Callable[..., Awaitable[None]], str]] = {"open": (_open, ""), "restore": (_restore, "DELETE")}
"""With what the statement begins from which on they are killed."""


def _kill_at(nth: int, url: str, first: str) -> None:
    """Counted from the first statement that begins so: what only reads before it can do no harm."""
    seen = 0
    target = make_url(url).database

    def step(connection: Any, *about: object) -> None:
        nonlocal seen
        if connection.engine.url.database != target:  # the backup's own copy is another database
            return
        if not seen and not (about and str(about[1]).startswith(first)):
            return
        seen += 1
        if seen == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", step)
    event.listen(Engine, "commit", step)


def _try(nth: int, action: str, arguments: list[str]) -> None:
    act, first = ACTIONS[action]
    _kill_at(nth, arguments[0], first)

    async def run() -> None:
        await act(*arguments)

    asyncio.run(run())


def main() -> None:
    action, *arguments = sys.argv[1:]
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _try(int(line), action, arguments)
                code = 0
            finally:
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
