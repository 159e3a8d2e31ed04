"""Bots as processes, to be killed: `applecore run` itself, or forks of it in simulated time (`simulated_run`)."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
"""Real seconds that a busy machine is given."""


def until(holds: Callable[[], Any], what: str, *, seconds: float = PATIENCE) -> Any:
    """Waits until it holds, and answers what it answered then."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.02)
    return found


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """A process's environment with these settings of ours and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("APPLECORE_")}
    return kept | {"PYTHONPATH": str(ROOT), "HOME": str(folder), "PYTHONUTF8": "1"} | variables


class BotProcess:
    """One `applecore run`, by `subprocess`."""

    def __init__(self, folder: Path, variables: dict[str, str], *, module: str = "bot", log: str = "bot.log") -> None:
        self.log = folder / log
        command = [sys.executable, "-W", "ignore::DeprecationWarning", "-m", module]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own modules
                [*command, "run"] if module == "bot" else command,
                cwd=folder,
                env=environment(folder, **variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self.pid = self._process.pid

    def says(self) -> str:
        """Everything it wrote so far, and those before it in the same log."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def lines(self, *parts: str) -> list[str]:
        """Its log lines with all of these in them."""
        return [line for line in self.says().splitlines() if all(part in line for part in parts)]

    def running(self) -> bool:
        return self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, seconds: float = PATIENCE) -> int:
        """Its exit code; negative where a signal ended it."""
        return self._process.wait(seconds)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def bot_process(folder: Path, variables: dict[str, str], **options: str) -> Iterator[BotProcess]:
    """Killed at the end, if it still runs; its log is shown where the test failed."""
    process = BotProcess(folder, variables, **options)
    try:
        yield process
    except BaseException as error:
        error.add_note(f"the bot's log:\n{process.says()[-8000:]}")
        raise
    finally:
        process.kill()


class Life:
    """One forked bot."""

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        self._nursery = nursery
        self.pid = pid
        self.code: int | None = None

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def end(self, number: signal.Signals) -> int:
        """Sends the signal and waits for the end; answers the exit code, negative for a signal."""
        if self.code is None:
            os.kill(self.pid, number)
            self.wait()
        return self.code if self.code is not None else 0

    def wait(self) -> int:
        if self.code is None:
            self.code = int(self._nursery.order(wait=self.pid))
            self._nursery.living.discard(self)
        return self.code


class Nursery:
    """Forks bots in simulated time, each a process of its own that starts in a fraction of a second."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self._process = process
        self.log = log
        self.living: set[Life] = set()

    def start(self, **variables: str) -> Life:
        life = Life(self, int(self.order(env=variables, log=str(self.log))))
        self.living.add(life)
        return life

    def order(self, **order: Any) -> str:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        _write(stdin, json.dumps(order))
        line = stdout.readline()
        if not line:
            raise RuntimeError(f"the nursery ended with {self._process.wait()}")
        return line

    def says(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""


def _write(stream: IO[str], line: str) -> None:
    stream.write(line + "\n")
    stream.flush()


@contextmanager
def nursery(folder: Path, clock: Path, variables: dict[str, str]) -> Iterator[Nursery]:
    """``variables`` are every bot's; all of them are killed at the end, and their log is shown where a test failed."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "tests.support.simulated_run", "serve"],
        cwd=folder,
        env=environment(folder, SIMULATED_CLOCK=str(clock), **variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    cradle = Nursery(process, folder / "bots.log")
    try:
        yield cradle
    except BaseException as error:
        error.add_note(f"the bots' log:\n{cradle.says()[-8000:]}")
        raise
    finally:
        for life in tuple(cradle.living):
            life.kill()
        process.communicate()
