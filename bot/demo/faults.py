"""Faults that a test scripts: refusals, answers lost after success, broken connections, a killed process.

`overlays.install` evaluates them around every REST call of the bot. A refusal below 500 is raised as
simcord's own error, which its HTTP client turns into the exception that discord.py would raise; from 500 on
it is `discord.DiscordServerError`, as after the last retry. discord.py's own retries do not run here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import aiohttp
import discord
import simcord
from simcord._runtime import _BOT_SCOPE  # private in 3.2.1: which bot generation the running task belongs to
from simcord.backend.errors import BackendError
from simcord.http.client import _FakeResponse  # private in 3.2.1: what simcord hands to HTTPException

ECONNRESET = 104  # Linux; discord.py repeats a call by itself only on 54 and 10054


class Killed(asyncio.CancelledError):
    """What the code of a killed process meets at its next request. No `except Exception` stops it."""


@dataclass
class _Fault:
    method: str
    path: str
    after: bool  # the request takes effect first
    error: Callable[[], BaseException]
    times: int | None = 1
    skip: int = 0

    def matches(self, method: str, path: str) -> bool:
        return self.method in ("*", method) and fnmatchcase(path, self.path)


@dataclass
class _Act:
    method: str
    path: str
    after: bool
    do: Callable[[], object]
    skip: int

    def matches(self, method: str, path: str) -> bool:
        return self.method in ("*", method) and fnmatchcase(path, self.path)


class Faults:
    """Every `path` is a glob against the API path, as in `"/channels/*/messages"`; `method` may be `"*"`.

    `calls` lists every request of a living bot since `revive()`, refused ones included, so that a test can
    run a story once, count its calls, and run it again once per call with a `kill` there.
    """

    def __init__(self, env: simcord.Env) -> None:
        self.calls: list[tuple[str, str]] = []
        self._env = env
        self._faults: list[_Fault] = []
        self._acts: list[_Act] = []
        self._dead: set[int] = set()

    def fail(
        self,
        method: str,
        path: str,
        *,
        status: int,
        code: int = 0,
        message: str = "refused by the test",
        times: int | None = 1,
    ) -> None:
        """Refuse the next `times` matching requests (None: all); they take no effect."""
        self._faults.append(_Fault(method, path, False, lambda: _refusal(status, code, message), times))

    def lose_answer(self, method: str, path: str, times: int | None = 1, status: int = 500) -> None:
        """Let the request succeed and answer `status` all the same."""
        self._faults.append(_Fault(method, path, True, lambda: _refusal(status, 0, "answer lost"), times))

    def break_connection(self, method: str, path: str, times: int | None = 1, *, after: bool) -> None:
        """Raise `aiohttp.ClientOSError` before the request reaches Discord, or after it took effect."""
        reset = partial(aiohttp.ClientOSError, ECONNRESET, "Connection reset by peer")
        self._faults.append(_Fault(method, path, after, reset, times))

    def kill(self, method: str, path: str, *, after: bool, nth: int = 1) -> None:
        """Kill the process at the `nth` matching request from now on, before or after it took effect.

        From then on every request of that bot raises `Killed` and it hears no more events. What Python still
        runs of it (`finally`, `except CancelledError`, loops that touch only the database) a real kill would
        not run: the code under test must not depend on such clean-up. The next bot, attached by
        `env.restart_bot(NewBot())`, lives.
        """
        self._faults.append(_Fault(method, path, after, self.die, skip=nth - 1))

    def meanwhile(self, method: str, path: str, do: Callable[[], object], *, after: bool, nth: int = 1) -> None:
        """Do something in the world around the `nth` matching request from now on, just before or after it.

        The bot hears of what it does as of any event, as soon as it waits for something.
        """
        self._acts.append(_Act(method, path, after, do, skip=nth - 1))

    def die(self) -> Killed:
        """Kill the asking bot where it stands; for tests that kill elsewhere than at a request, who raise this."""
        self._dead.add(self._generation())
        return Killed("killed by the test")

    @property
    def killed(self) -> bool:
        """Whether the bot that is attached now is dead."""
        return self._env._generation in self._dead

    def revive(self) -> None:
        """Forget all scripted faults, acts and calls: for a test that restarts the bot, before or after it does so.

        A killed bot stays dead, so that its last clean-up cannot reach Discord; the new one lives.
        """
        self._faults.clear()
        self._acts.clear()
        self.calls.clear()

    def around(self, method: str, path: str, request: Callable[[], Any]) -> Any:
        """Make `request` with the faults that are due; called by the overlays only."""
        if self._generation() in self._dead:
            raise Killed("this process was killed")
        self.calls.append((method, path))
        before = self._due(method, path, after=False)
        after = self._due(method, path, after=True)  # counted now, so that `nth` counts refused requests too
        acts = self._acting(method, path)
        for act in acts:
            if not act.after:
                act.do()
        if before is not None:
            raise self._spend(before)
        answer = request()
        for act in acts:
            if act.after:
                act.do()
        if after is not None:
            raise self._spend(after)
        return answer

    def _due(self, method: str, path: str, *, after: bool) -> _Fault | None:
        due = None
        for fault in self._faults:
            if fault.after is not after or not fault.matches(method, path):
                continue
            if fault.skip:
                fault.skip -= 1
            elif due is None:
                due = fault
        return due

    def _acting(self, method: str, path: str) -> list[_Act]:
        matching = [act for act in self._acts if act.matches(method, path)]
        acting = [act for act in matching if act.skip == 0]
        self._acts = [act for act in self._acts if act not in acting]
        for act in matching:
            act.skip -= 1
        return acting

    def _spend(self, fault: _Fault) -> BaseException:
        if fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                self._faults.remove(fault)
        return fault.error()

    def _generation(self) -> int:
        """Whose task asks: code that the test itself drives counts as the bot of the present generation."""
        scope = _BOT_SCOPE.get()
        return scope[1] if scope is not None else self._env._generation


def _refusal(status: int, code: int, message: str) -> BaseException:
    if status >= 500:
        response = _FakeResponse(status)
        return discord.DiscordServerError(response, {"code": code, "message": message})
    return BackendError(status, code, message)
