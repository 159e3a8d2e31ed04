"""The test's side of the server: POST /_control/NAME with the arguments as JSON."""

import asyncio
import inspect
import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from aiohttp import web

from tests.support.local_discord.acting import Acting
from tests.support.local_discord.gateway import Gateway
from tests.support.local_discord.globs import Glob
from tests.support.local_discord.people import People
from tests.support.local_discord.rest import Rest
from tests.support.local_discord.world import World

PREFIX = "/_control/"


class Control:
    """Public methods of `People`, of `Acting` and of this class are the routes."""

    def __init__(self, world: World, gateway: Gateway, rest: Rest) -> None:
        self._world = world
        self._gateway = gateway
        self._rest = rest
        self._acting = Acting(world, rest)
        self._holders = (self, self._acting, People(world))

    async def serve(self, request: web.BaseRequest) -> web.Response:
        """``{"result": …}``, or 400 and ``{"error": …}``. ``timeout`` bounds what waits for a bot, in seconds."""
        name = request.path.removeprefix(PREFIX)
        arguments = json.loads(await request.read())
        timeout = arguments.pop("timeout", None)
        try:
            self._world.pass_time()
            result = self._method(name)(**arguments)
            if inspect.isawaitable(result):
                result = await asyncio.wait_for(result, timeout)
        except TimeoutError:
            return _json({"error": f"{name} waited {timeout} s in vain"}, 408)
        except Exception as error:  # noqa: BLE001 - the test gets to see it
            return _json({"error": f"{name}: {error!r}"}, 400)
        return _json({"result": result}, 200)

    def _method(self, name: str) -> Callable[..., Any]:
        for holder in self._holders:
            found = getattr(holder, name, None)
            if not name.startswith("_") and name != "serve" and found is not None:
                method: Callable[..., Any] = found
                return method
        raise ValueError(f"no such control: {name}")

    # ---- faults and limits

    def fault(self, method: str, path: str, what: dict[str, Any]) -> int:
        return self._rest.faults.add(Glob(method, path), **what)

    def struck(self, number: int) -> int:
        return self._rest.faults.struck(number)

    async def wait_struck(self, number: int, times: int) -> None:
        await self._acting.until(lambda: self._rest.faults.struck(number) >= times)

    async def wait_held(self, count: int) -> None:
        await self._acting.until(lambda: self._rest.faults.held >= count)

    def release(self) -> None:
        self._rest.faults.release()

    def clear_faults(self) -> None:
        self._rest.faults.clear()

    def delay(self, seconds: float) -> None:
        self._rest.delay = seconds

    def limits(
        self, global_per_second: int | None, routes: list[tuple[str, str, int, float]], invalid_per_ten_minutes: int
    ) -> None:
        self._rest.limits.set(
            global_per_second=global_per_second,
            routes=[(Glob(method, path), count, seconds) for method, path, count, seconds in routes],
            invalid_per_ten_minutes=invalid_per_ten_minutes,
        )

    def nonce_window(self, seconds: float) -> None:
        self._world.nonce_window = timedelta(seconds=seconds)

    def interaction_deadline(self, seconds: float) -> None:
        self._world.interaction_seconds = seconds

    # ---- the gateway

    def gateway(
        self,
        down: bool,
        refuse_resume: bool,
        url: str | None,
        resume_url: str | None,
        heartbeat: float,
        approved_intents: list[str],
        shards: int,
        max_concurrency: int,
    ) -> None:
        gateway = self._gateway
        gateway.down, gateway.refuse_resume = down, refuse_resume
        gateway.named_url, gateway.resume_url, gateway.heartbeat = url, resume_url, heartbeat
        self._world.approved_intents = frozenset(approved_intents)
        self._rest.shards = shards
        self._rest.session_starts["max_concurrency"] = max_concurrency
        if down:
            gateway.cut(None, None)

    def cut(self, code: int | None, shard: int | None) -> int:
        return self._gateway.cut(code, shard)

    def request_reconnect(self) -> None:
        self._gateway.request_reconnect()

    def invalidate_session(self, resumable: bool) -> None:
        self._gateway.invalidate(resumable)

    def sessions(self) -> list[dict[str, Any]]:
        return self._gateway.states()

    def gateway_counts(self) -> dict[str, int]:
        return dict(self._gateway.counts)

    async def wait_ready(self, count: int) -> None:
        await self._gateway.wait_ready(count)

    # ---- the record

    def requests(self, since: int) -> list[dict[str, Any]]:
        return [asdict(entry) for entry in self._rest.record.since(since)]

    def request_number(self) -> int:
        return self._rest.record.number

    async def wait_requests(self, method: str, path: str, count: int, since: int) -> None:
        """Until so many answered requests after that one match."""
        glob = Glob(method, path)

        def done() -> bool:
            found = self._rest.record.since(since)
            return sum(glob.matches(one.method, one.path) and one.status is not None for one in found) >= count

        await self._acting.until(done)

    def statuses(self) -> dict[str, int]:
        return dict(self._rest.record.statuses)

    def peak_per_second(self) -> int:
        return self._rest.record.peak

    def forget_requests(self) -> None:
        self._rest.record.forget()

    def acknowledge(self) -> list[str]:
        """The problems so far, which then count as known."""
        problems, self._rest.problems = self._rest.problems, []
        return problems

    def commands(self) -> list[str]:
        """The names of the global commands that the bot has synchronised."""
        return sorted(name for name, _ in self._world.backend.commands.get(None, {}))


def _json(data: Any, status: int) -> web.Response:
    return web.Response(body=json.dumps(data).encode(), status=status, headers={"Content-Type": "application/json"})
