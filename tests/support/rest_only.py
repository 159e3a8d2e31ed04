"""The few REST routes of Discord that a login and `applecore doctor` ask, on a port of this machine. No gateway."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from aiohttp import web

from bot.club.permissions import least

BOT, OWNER, GUILD, CHANNEL, ROLE = 100000000000000001, 2, 300000000000000003, 400000000000000004, 500000000000000005
TOKEN = "MTAwMDAwMDAwMDAwMDAwMDAx.GabcDE.abcdefghijklmnopqrstuvwxyz0123456789AB"  # noqa: S105 - refers to nothing
MESSAGE_CONTENT_LIMITED = 1 << 19


@dataclass
class RestOnly:
    """What it answers; change it between requests."""

    url: str = ""
    flags: int = 0
    endpoint: str | None = None
    guilds: list[dict[str, Any]] = field(default_factory=lambda: [guild()])
    channels: list[dict[str, Any]] | None = field(default_factory=lambda: [channel()])
    """None: nobody knows them."""
    fault: int | None = None
    """A status that every request gets."""
    silent: bool = False
    """Whether requests get no answer at all."""
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/api/v10")
        self.asked.append(f"{request.method} {path}")
        if self.silent:
            await asyncio.sleep(3600)
        if self.fault is not None:
            return _json({"message": "no", "code": 0}, self.fault)
        if request.headers.get("Authorization") != f"Bot {TOKEN}":
            return _json({"message": "401: Unauthorized", "code": 0}, 401)
        found = self._found(path)
        if found is None:
            return _json({"message": "404: Not Found", "code": 0}, 404)
        return _json(found)

    def _found(self, path: str) -> Any:
        user = {"id": str(BOT), "username": "Applecore", "discriminator": "0", "avatar": None, "bot": True}
        known: dict[str, Any] = {
            "/users/@me": user,
            "/oauth2/applications/@me": _application(self.flags, self.endpoint),
            "/users/@me/guilds": [one for one in self.guilds if one["member"]],
            f"/applications/{BOT}/commands": [],
        }
        for one in self.guilds:
            known[f"/guilds/{one['id']}"] = one
            me = {"user": user, "roles": [str(ROLE)], "joined_at": None, "flags": 0}
            known[f"/guilds/{one['id']}/members/{BOT}"] = me
            known[f"/guilds/{one['id']}/channels"] = self.channels
        return known.get(path)


def _json(data: Any, status: int = 200) -> web.Response:
    """discord.py wants the type without a charset, as Discord sends it."""
    return web.Response(body=json.dumps(data), status=status, headers={"Content-Type": "application/json"})


def guild(permissions: int | None = None, *, guild_id: int = GUILD, member: bool = True) -> dict[str, Any]:
    """A server called Readers, in which the bot's role has these permissions: by default the least it needs."""
    granted = least().value if permissions is None else permissions
    roles = [_role(guild_id, 0), _role(ROLE, granted)]
    return {
        "id": str(guild_id),
        "name": "Readers",
        "owner_id": str(OWNER),
        "roles": roles,
        "features": [],
        "member": member,
    }


def channel(channel_id: int = CHANNEL, deny: int = 0) -> dict[str, Any]:
    """A text channel that denies the bot's role these permissions."""
    overwrite = {"id": str(ROLE), "type": 0, "allow": "0", "deny": str(deny)}
    return {
        "id": str(channel_id),
        "type": 0,
        "name": "reading",
        "position": 0,
        "guild_id": str(GUILD),
        "permission_overwrites": [overwrite],
    }


def _role(role_id: int, permissions: int) -> dict[str, Any]:
    return {"id": str(role_id), "name": "role", "permissions": str(permissions), "position": 0, "color": 0}


def _application(flags: int, endpoint: str | None) -> dict[str, Any]:
    return {
        "id": str(BOT),
        "name": "Applecore",
        "description": "",
        "icon": None,
        "bot_public": False,
        "bot_require_code_grant": False,
        "verify_key": "",
        "flags": flags,
        "interactions_endpoint_url": endpoint,
        "owner": {"id": str(OWNER), "username": "owner", "discriminator": "0", "avatar": None},
    }


@asynccontextmanager
async def _serving(rest: RestOnly) -> AsyncIterator[None]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", rest.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    rest.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/v10"
    yield
    await runner.cleanup()


@contextmanager
def rest_only(rest: RestOnly | None = None) -> Iterator[RestOnly]:
    """Serves from a thread of its own, so that a test may wait for a process that asks it."""
    rest = rest or RestOnly()
    loop, serving = asyncio.new_event_loop(), _serving(rest)
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result(10)
        try:
            yield rest
        finally:
            asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
