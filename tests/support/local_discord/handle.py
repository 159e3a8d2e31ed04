"""The handle of a test on its local Discord. Synchronous: every call waits for the server's answer.

Where the bot runs in the test's own event loop, call what waits for it (`slash`, `wait_…`) through
`asyncio.to_thread`.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.local_discord.calls import HOST
from tests.support.local_discord.handle_server import ServerCalls
from tests.support.local_discord.handle_world import WorldCalls
from tests.support.rest_only import TOKEN

ROOT = Path(__file__).parents[3]
"""Of the repository, whence the server's process imports its own code."""


class DiscordProblems(AssertionError):  # noqa: N818 - several, and the name of a finding rather than of a fault
    """The bot asked for what the local Discord cannot do, or sent what Discord would not take."""


class LocalDiscord(WorldCalls, ServerCalls):
    """A running local Discord; see its README.md for all that it does."""

    def __init__(self, port: int, token: str) -> None:
        super().__init__(port)
        self.token = token
        self.api_url = f"http://{HOST}:{port}/api/v10"
        self.gateway_url = f"ws://{HOST}:{port}/gateway"

    def environment(self) -> dict[str, str]:
        """The settings that point an Applecore at it."""
        return {
            "APPLECORE_TOKEN": self.token,
            "APPLECORE_API_URL": self.api_url,
            "APPLECORE_GATEWAY_URL": self.gateway_url,
        }


@contextmanager
def local_discord(
    clock_file: Path | str | None = None, token: str = TOKEN, *, interaction_seconds: float = 3.0
) -> Iterator[LocalDiscord]:
    """Starts a Discord and ends it; raises `DiscordProblems` at the end if there were any.

    Without ``clock_file`` (see `ClockFile`) its clock is the real one.
    """
    options = {
        "token": token,
        "clock_file": None if clock_file is None else str(clock_file),
        "interaction_seconds": interaction_seconds,
    }
    server = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "tests.support.local_discord", json.dumps(options)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        if not line:
            raise RuntimeError(f"the local Discord did not start: exit status {server.wait()}")
        handle = LocalDiscord(json.loads(line)["port"], token)
        try:
            yield handle
        except BaseException as error:
            if server.poll() is None and (problems := handle.acknowledge()):
                error.add_note("the local Discord objected:\n" + "\n".join(problems))
            raise
        if problems := handle.acknowledge():
            raise DiscordProblems("\n".join(problems))
    finally:
        server.kill()
        server.communicate()
