"""`applecore demo`: the real bot on a simulated Discord, played in a browser on this machine."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import discord
import simcord
from aiohttp import web
from simcord import SetupError
from simcord.backend.errors import BackendError

from bot.demo.page import launcher_page
from bot.demo.previews import Previews
from bot.demo.world import World, open_world
from bot.errors import ApplecoreError
from bot.reading.library import seeds

HOST = "127.0.0.1"
EMOJI = ("🍎", "💡", "❤️", "👍", "🤔")
SEED = "deepseek-interview"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def serve(port: int) -> int:
    """Serves until Ctrl+C; answers 0.

    Raises:
        ApplecoreError: the port is taken.
    """
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(port))
    return 0


async def _serve(port: int) -> None:
    async with open_world() as world:
        demo = Demo(world)
        runner = web.AppRunner(demo.application(), access_log=None)
        await runner.setup()
        try:
            await _listen(runner, port)
            await demo.begin()
            sys.stdout.write(f"The demo runs at http://{HOST}:{port}/ — open it in a browser. Ctrl+C ends it.\n")
            sys.stdout.flush()
            await _until_stopped()
        finally:
            await demo.end()
            await runner.cleanup()


async def _listen(runner: web.AppRunner, port: int) -> None:
    try:
        await web.TCPSite(runner, HOST, port).start()
    except OSError as error:
        raise ApplecoreError(
            f"port {port} cannot be used ({error.strerror or error}): close what uses it, "
            f"or choose another with `applecore demo --port {port + 1}`."
        ) from None


async def _until_stopped() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    await stop.wait()


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
                web.get("/state", self._state),
            ]
        )
        return application

    async def begin(self) -> None:
        """A club that is set up already, so that the first "next day" shows a post."""
        world = self.world
        await world.mia.slash(
            world.general,
            "club setup",
            channel=world.reading,
            notices=world.moderators,
            reading=f"seed:{SEED}" if SEED in seeds() else next(iter(seeds())),
            time="09:00",
            timezone="Europe/Berlin",
        )
        self._fresh = asyncio.create_task(self.previews.keep_fresh())

    async def end(self) -> None:
        if self._fresh is not None:
            self._fresh.cancel()
        await self.previews.close()

    async def _launcher(self, _: web.Request) -> web.Response:
        said, self._said = self._said, ""
        return web.Response(
            text=launcher_page(self.world, EMOJI, said, _happened(self.world)), content_type="text/html"
        )

    async def _state(self, _: web.Request) -> web.Response:
        return web.json_response({"happened": _happened(self.world)})

    async def _open(self, request: web.Request) -> web.Response:
        wanted = request.match_info["channel"]
        for channel in self._channels():
            if str(channel.id) == wanted:
                raise web.HTTPFound(await self.previews.url(channel))
        raise web.HTTPNotFound(text="There is no such channel or thread.")

    def _channels(self) -> list[simcord.ChannelHandle]:
        world = self.world
        return [
            world.reading,
            world.general,
            world.moderators,
            *world.reading.threads,
            *world.general.threads,
        ]

    async def _pass_time(self, request: web.Request) -> web.Response:
        step = (await request.post()).get("step")
        if step == "hour":
            await self._act(lambda: self.world.env.advance_time(3600))
        else:
            await self._act(self.world.next_day)
        raise web.HTTPSeeOther("/")

    async def _react(self, request: web.Request) -> web.Response:
        form = await request.post()
        members = {str(member.id): member for member in self.world.members}
        member, emoji = members.get(str(form.get("member"))), str(form.get("emoji"))
        channel, _, message = str(form.get("message")).partition("/")
        if member is None or emoji not in EMOJI or not (channel + message).isdecimal():
            raise web.HTTPBadRequest(text="Choose a member, an emoji and a message from the lists.")
        found = self.world.env.backend.messages.get(int(channel), {}).get(int(message))
        if found is None:
            self._said = "That message is gone."
            raise web.HTTPSeeOther("/")
        posts = [post for post in self._channel_history(int(channel)) if post.id == int(message)]
        await self._act(lambda: member.react(posts[0], emoji))
        raise web.HTTPSeeOther("/")

    def _channel_history(self, channel_id: int) -> list[discord.Message]:
        return next((channel.history() for channel in self._channels() if channel.id == channel_id), [])

    async def _act(self, action: Callable[[], Awaitable[object]]) -> None:
        """One action at a time; somebody may be acting on a page just now."""
        async with self._acting:
            for _ in range(50):
                if not self.previews.busy:
                    break
                await asyncio.sleep(0.1)
            try:
                await action()
            except (SetupError, BackendError) as error:
                self._said = str(error)


def _happened(world: World) -> int:
    """Changes whenever something happened that the launcher shows."""
    backend = world.env.backend
    return hash((tuple(backend.channels), sum(map(len, backend.messages.values())), backend.now_iso()))


@web.middleware
async def _loopback_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses pages of other origins and names that only pretend to be this machine (DNS rebinding)."""
    port = request.url.port
    own = {f"{HOST}:{port}", f"localhost:{port}"}
    origin = request.headers.get("Origin")
    if request.host not in own or (origin is not None and urlsplit(origin).netloc not in own):
        raise web.HTTPForbidden(text="This demo answers on this machine only.")
    response = await handler(request)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    return response
