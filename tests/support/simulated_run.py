"""`applecore run` in simulated time: the real command, with another clock and without discord.py's pauses for thought.

    python -m tests.support.simulated_run        # one process; another command where one is named
    python -m tests.support.simulated_run serve  # forks one for each line on stdin, see tests/support/lives.py

``SIMULATED_CLOCK`` names a :class:`tests.support.clock_file.ClockFile`; ``SIMULATED_PACE=off`` takes the limit of
requests off, ``SIMULATED_KILL_AT_COMMIT=n`` kills the process right before its n-th commit of a message to be sent,
``SIMULATED_SUSPEND`` (``claim``, ``message`` or ``thread``) has the process stop itself as by SIGSTOP with its first
post: right after it was claimed, or before that request goes out. In real seconds are ``SIMULATED_STEP_SECONDS`` (how
long a step may take), ``SIMULATED_HEARTBEAT`` (between renewals of the leases) and ``SIMULATED_OVERDUE`` (from when on
health calls a look overdue).
"""

import json
import math
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

import bot.clock
from tests.support.clock_file import ClockFile

LOOK_AGAIN = 0.05
"""Real seconds: simulated time passes without the engine's timers, so it has to look often."""


def main(command: Sequence[str] = ("run",)) -> int:
    """Runs the bot, or another command, under this environment; answers its exit code."""
    from bot import cli, client, runner  # noqa: PLC0415 - after the clock was replaced
    from bot.club import courier, delivery, engine, lease  # noqa: PLC0415

    engine.LONGEST_SLEEP = LOOK_AGAIN
    lease.STEP_SECONDS = float(os.environ.get("SIMULATED_STEP_SECONDS", lease.STEP_SECONDS))
    vars(courier)["STEP_SECONDS"] = lease.STEP_SECONDS
    engine.OVERDUE = float(os.environ.get("SIMULATED_OVERDUE", engine.OVERDUE))
    delivery.HEARTBEAT = float(os.environ.get("SIMULATED_HEARTBEAT", delivery.HEARTBEAT))

    def create_bot(*args: Any, **options: Any) -> Any:
        applecore = client.create_bot(*args, **options)
        applecore._connection.guild_ready_timeout = 0.1  # two seconds for each start
        if os.environ.get("SIMULATED_PACE") == "off":
            applecore.wire.pace.per_second = math.inf
        if (where := os.environ.get("SIMULATED_SUSPEND")) is not None:
            suspend_at(where, applecore)
        return applecore

    vars(runner)["create_bot"] = create_bot
    if (at := os.environ.get("SIMULATED_KILL_AT_COMMIT")) is not None:
        kill_at_commit(int(at))
    return cli.main(command)


def suspend_at(where: str, applecore: Any) -> None:
    """Stops this process once, at its first post; somebody else has to continue it.

    Not inside a transaction: what a stopped process has locked on SQLite nobody else can write.
    """
    from bot.club import courier  # noqa: PLC0415 - after the clock was replaced
    from bot.club.lease import acting_under  # noqa: PLC0415

    claims, requests = iter(["claim"]), iter(["message", "thread"])
    take, pace = courier.Courier.step, applecore.wire.pace
    turn = pace.turn

    async def pass_by(place: str | None) -> None:
        if place == where:
            async with applecore.database._turn:
                os.kill(os.getpid(), signal.SIGSTOP)

    async def step(*args: Any) -> None:
        await pass_by(next(claims, None))
        await take(*args)

    async def before_request() -> None:
        await turn()
        if acting_under.get() is not None:
            await pass_by(next(requests, None))

    vars(pace)["turn"] = before_request
    setattr(courier.Courier, "step", step)  # noqa: B010 - mypy takes no assignment to a method


def kill_at_commit(nth: int) -> None:
    """Kills this process before its n-th commit that touches a message to be sent, the first one's planning being 1."""
    seen, touched = 0, False

    def before_statement(_: Any, __: Any, statement: str, *___: Any) -> None:
        nonlocal touched
        touched |= statement.startswith("INSERT INTO outgoing") or (seen > 0 and "UPDATE outgoing" in statement)

    def before_commit(_: Any) -> None:
        nonlocal seen, touched
        seen, touched = seen + touched, False
        if seen == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", before_statement)
    event.listen(Engine, "commit", before_commit)


def simulate() -> None:
    """Replaces the clock; before anything of the bot is imported that takes it."""
    clock = ClockFile(Path(os.environ["SIMULATED_CLOCK"]))
    bot.clock.system_clock = clock.now


def serve() -> None:
    """Forks a bot for each JSON line on stdin, so that a start costs no imports; answers its pid in a line.

    ``{"env": {…}, "log": path}`` starts one, ``{"wait": pid}`` answers the exit code of one (negative: the signal).
    """
    simulate()
    import cogs.club  # noqa: F401, PLC0415

    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            _, status = os.waitpid(order["wait"], 0)
            sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        else:
            pid = os.fork()
            if pid == 0:
                _become(order)
            sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _become(order: dict[str, Any]) -> None:
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, stream in ((0, nothing), (1, log), (2, log)):
        os.dup2(stream, number)
    os.environ.update(order["env"])
    try:
        code = main()
        sys.stdout.flush()
    finally:
        os._exit(code if "code" in locals() else 70)


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        simulate()
        sys.exit(main(sys.argv[1:] or ["run"]))
