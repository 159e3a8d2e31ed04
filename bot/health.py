"""What this machine may ask the running bot: ``/metrics`` for Prometheus and ``/healthz`` for whoever watches it."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.errors import ApplecoreError
from bot.metrics import Metrics

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
"""Never wider: the pages ask nobody who they are."""

PATIENCE = 5.0
"""Seconds that the look for faults may take. One that hangs, on the database say, is a fault itself."""

FAREWELL = 0.25
"""Seconds that requests in hand are given when the bot ends; aiohttp then gives them as long again to be cancelled."""


class HealthServer:
    """Answers on 127.0.0.1 only. ``faults`` says in a sentence each what is wrong; port 0 is any free one."""

    def __init__(self, metrics: Metrics, port: int, faults: Callable[[], Awaitable[list[str]]]) -> None:
        self._metrics = metrics
        self._port = port
        self._faults = faults
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """Where it listens, once it was started."""
        if self._runner is not None and self._runner.addresses:
            return int(self._runner.addresses[0][1])
        return self._port

    async def start(self) -> None:
        """Listens.

        Raises:
            ApplecoreError: the port cannot be used.
        """
        application = web.Application()
        application.add_routes(
            [
                web.get("/metrics", self._show_metrics),
                web.get("/healthz", self._show_health),
                web.route("*", "/{elsewhere:.*}", _nothing),
            ]
        )
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=FAREWELL)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, self._port).start()
        except OSError as error:
            await runner.cleanup()
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise ApplecoreError(
                f"metrics_port: port {self._port} cannot be used ({reason}); close what uses it, or set another."
            ) from None
        self._runner = runner
        log.info("metrics at http://%s:%s/metrics, health at /healthz", HOST, self.port)

    async def stop(self) -> None:
        """Closes the port within a second, whoever is connected. May be called twice, or without a start."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _show_metrics(self, _: web.Request) -> web.Response:
        body, content_type = self._metrics.render()
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _show_health(self, _: web.Request) -> web.Response:
        faults = await self._look()
        if faults:
            return web.json_response({"status": "unwell", "faults": faults}, status=503)
        return web.json_response({"status": "ok"})

    async def _look(self) -> list[str]:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._faults()
        except TimeoutError:
            return [f"The look for faults did not end within {PATIENCE:g} seconds."]
        except Exception:
            log.exception("the look for faults failed")
            return ["The look for faults failed; the log says how."]


async def _nothing(_: web.Request) -> web.Response:
    return web.Response(status=404, text="There are /metrics and /healthz here.\n")
