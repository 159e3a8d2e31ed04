"""`applecore demo`: the real bot on a simulated Discord, played in a browser on this machine."""

import asyncio
import contextlib
import logging
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import simcord
from aiohttp import web
from simcord import SetupError
from simcord.backend.errors import BackendError

from bot.demo.page import launcher_page
from bot.demo.previews import Previews
from bot.demo.world import ZONE, World, open_world
from bot.errors import ApplecoreError
from bot.reading.library import seeds

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
EMOJI = ("🍎", "💡", "❤️", "👍", "🤔")
SEED = "deepseek-interview"

PATIENCE = 100
"""How often, twenty times a second, a button looks whether somebody still acts on a channel's page."""

FAREWELL = 2.0
"""Seconds that requests in hand are given when the demo ends."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def serve(port: int) -> int:
    """Serves until Ctrl+C or SIGTERM; answers 0.

    Raises:
        ApplecoreError: the port cannot be used.
    """
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(port))
    return 0


async def _serve(port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # on Windows, where Ctrl+C ends asyncio.run
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # A command that is refused, as people will try, must not end the demo in a traceback.
    async with open_world(check_errors=False) as world, serving(world, port) as address:
        sys.stdout.write(f"The demo runs at {address} — open it in a browser. Ctrl+C ends it.\n")
        sys.stdout.flush()
        await stop.wait()


@contextlib.asynccontextmanager
async def serving(world: World, port: int) -> AsyncIterator[str]:
    """Serves the launcher with a club set up already; answers its address. Port 0 is any free one."""
    demo = Demo(world)
    runner = web.AppRunner(demo.application(), access_log=None, shutdown_timeout=FAREWELL)
    await runner.setup()
    try:
        await _listen(runner, port)
        await demo.begin()
        yield f"http://{HOST}:{runner.addresses[0][1]}/"
    finally:
        await demo.end()
        await runner.cleanup()


async def _listen(runner: web.AppRunner, port: int) -> None:
    try:
        await web.TCPSite(runner, HOST, port).start()
    except OSError as error:
        other = port + 1 if port < 65535 else 0
        raise ApplecoreError(
            f"port {port} cannot be used ({os.strerror(error.errno) if error.errno else error}): close what uses it, "
            f"or choose another with `applecore demo --port {other}`."
        ) from None


class Demo:
    """The launcher: what happens when one of its buttons is pressed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.previews = Previews(world)
        self._acting = asyncio.Lock()
        self._fresh: asyncio.Task[None] | None = None
        self._said = ""

    def application(self) -> web.Application:
        application = web.Application(middlewares=[_loopback_only])
        application.add_routes(
            [
                web.get("/", self._launcher),
                web.get("/open/{channel}", self._open),
                web.post("/pass", self._pass_time),
                web.post("/react", self._react),
            ]
        )
        return application

    async def begin(self) -> None:
        """Sets up a club, so that the first "next day" shows a post, which members may answer through the bot."""
        world = self.world
        await world.mia.slash(
            world.general,
            "club setup",
            channel=world.reading,
            notices=world.moderators,
            reading=f"seed:{SEED}" if SEED in seeds() else next(iter(seeds())),
            time="09:00",
            timezone=ZONE.key,
        )
        # The least that the bot asks for does not let it see that this server has no AutoMod rules.
        await world.mia.slash(world.general, "discussion settings", thoughts="on")
        self._fresh = asyncio.create_task(self.previews.keep_fresh())

    async def end(self) -> None:
        if self._fresh is not None:
            self._fresh.cancel()
            await asyncio.wait({self._fresh})
        await self.previews.close()

    async def _launcher(self, _: web.Request) -> web.Response:
        return web.Response(text=launcher_page(self.world, EMOJI, self._said), content_type="text/html")

    async def _open(self, request: web.Request) -> web.Response:
        wanted = request.match_info["channel"]
        for channel in self._channels():
            if str(channel.id) == wanted:
                raise web.HTTPFound(await self.previews.url(channel))
        raise web.HTTPNotFound(text="There is no such channel or thread.")

    def _channels(self) -> list[simcord.ChannelHandle]:
        channels = (self.world.reading, self.world.general, self.world.moderators)
        return [place for channel in channels for place in (channel, *channel.threads)]

    async def _pass_time(self, request: web.Request) -> web.Response:
        step = (await request.post()).get("step")
        steps = {"hour": lambda: self.world.env.advance_time(3600), "day": self.world.next_day}
        if step not in steps:
            raise web.HTTPBadRequest(text="Time passes by an hour or a day.")
        await self._act(steps[str(step)])
        raise web.HTTPSeeOther("/")

    async def _react(self, request: web.Request) -> web.Response:
        form = await request.post()
        members = {str(member.id): member for member in self.world.members}
        member, emoji = members.get(str(form.get("member"))), str(form.get("emoji"))
        target = re.fullmatch(r"([0-9]{1,20})/([0-9]{1,20})", str(form.get("message")))
        if member is None or emoji not in EMOJI or target is None:
            raise web.HTTPBadRequest(text="Choose a member, an emoji and a message from the lists.")

        async def react() -> None:
            channels = [channel for channel in self._channels() if str(channel.id) == target[1]]
            for message in (message for channel in channels for message in channel.history()):
                if str(message.id) == target[2]:
                    await member.react(message, emoji)
                    return
            self._said = "That message is gone."

        await self._act(react)
        raise web.HTTPSeeOther("/")

    async def _act(self, action: Callable[[], Awaitable[object]]) -> None:
        """One action at a time; somebody may be acting on a channel's page just now."""
        async with self._acting:
            self._said = ""
            for _ in range(PATIENCE):
                if not self.previews.busy:
                    break
                await asyncio.sleep(0.05)
            try:
                await action()
            except BackendError as error:
                self._said = f"Discord would refuse that: {error.message.rstrip('.')}."
            except SetupError as error:
                self._said = f"That was not possible: {error}."
            except Exception:
                log.exception("a button of the launcher failed")
                self._said = "Something went wrong; the terminal in which the demo runs says what."


@web.middleware
async def _loopback_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses pages of other origins and names that only pretend to be this machine (DNS rebinding)."""
    name = request.host.partition(":")[0]
    origin = request.headers.get("Origin")
    if name not in (HOST, "localhost") or origin not in (None, f"http://{request.host}"):
        raise web.HTTPForbidden(text="This demo answers on this machine only.")
    response = await handler(request)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    return response
