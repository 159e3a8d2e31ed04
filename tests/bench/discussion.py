"""Reactions from the gateway's text to the last committed row, beside a bot that does nothing with them.

Both get the same events as JSON texts, one at a time, through discord.py's own parsing and dispatch, and the event
loop turns between any two. In one process, in pairs, whose order is drawn by lot.
"""

import asyncio
import gc
import json
import logging
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import discord
from discord.ext import commands
from discord.gateway import DiscordWebSocket
from sqlalchemy import delete, func, select

from bot.client import Applecore, create_bot
from bot.settings import Settings
from bot.storage import discussions, gathering, schema
from bot.storage.database import Database
from bot.storage.records import Said
from tests.storage.make import CHANNEL, GUILD, NOW, plan
from tests.support.postgres import find_programs, running_cluster

EVENTS = 100_000
PAIRS = 7
POSTS, REPLIES = 20, 100
"""Replies of each post; all together 2,020 messages."""

PEOPLE = 5_000
REMOVED = 0.1
"""Of the events, those that take a reaction away again."""

EMOJI: list[tuple[str | None, str]] = [(None, each) for each in "🍎👍👀🎉😂🤔💯🔥"]
EMOJI += [
    (None, "❤️"),
    ("1420070400000000801", "apple"),
    ("1420070400000000802", "core"),
    ("1420070400000000803", "pip"),
]

ROOT = 1_430_000_000_000_000_000
"""Where the ids begin that are made up here."""


class Nothing(commands.Cog):
    """The handler that does nothing."""

    @commands.Cog.listener()
    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None: ...

    @commands.Cog.listener()
    async def on_raw_reaction_remove(self, payload: discord.RawReactionActionEvent) -> None: ...


def run() -> Iterator[str]:
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="applecore-bench-") as folder:
        yield from _compare("sqlite", f"sqlite:///{Path(folder)}/bench.db")
    programs = find_programs()
    if programs is None:
        yield "SKIP reactions_postgresql_vs_noop PostgreSQL is not installed"
        return
    with running_cluster(programs, durable=True) as cluster, cluster.database() as url:
        yield from _compare("postgresql", url)


def _compare(name: str, url: str) -> Iterator[str]:
    ours, theirs = asyncio.run(_measure(url))
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    speeds = f"{statistics.median(ours):,.0f} events/s, without a handler {statistics.median(theirs):,.0f}"
    yield f"{name}: {speeds}; {PAIRS} pairs: {', '.join(f'{each:.2f}' for each in sorted(ratios))}"
    yield f"RATIO reactions_{name}_vs_noop {statistics.median(ratios):.3f}"


async def _measure(url: str) -> tuple[list[float], list[float]]:
    """Events a second, ours and theirs, pair by pair."""
    ours: list[float] = []
    theirs: list[float] = []
    async with _applecore(url) as bot, _noop() as noop:
        for number in range(PAIRS + 1):
            texts, expected = _events(number)
            sides = [(ours, bot, bot.collector.flush), (theirs, noop, _nothing)]
            random.shuffle(sides)
            for speeds, one, finish in sides:
                speeds.append(EVENTS / await _feed(one, texts, finish))
            await _check_and_empty(bot.database, expected)
    return ours[1:], theirs[1:]  # the first pair warms up


async def _feed(bot: commands.AutoShardedBot, texts: list[str], finish: Callable[[], Awaitable[None]]) -> float:
    socket = DiscordWebSocket(cast("Any", SimpleNamespace(closed=False)), loop=asyncio.get_running_loop())
    socket._discord_parsers = bot._connection.parsers
    socket._dispatch = bot.dispatch
    socket.shard_id = 0
    gc.collect()
    began = time.perf_counter()
    for text in texts:
        await socket.received_message(text)
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    await finish()
    return time.perf_counter() - began


async def _nothing() -> None: ...


@asynccontextmanager
async def _applecore(url: str) -> AsyncIterator[Applecore]:
    bot = create_bot(Settings.isolated(database_url=url, shard_count=1))
    await bot._async_setup_hook()
    await bot.database.open()
    await _begin_posts(bot.database)
    await bot.collector.load()
    await bot.load_extension("cogs.collecting")
    _join(bot)
    try:
        yield bot
    finally:
        await bot.collector.stop()
        await bot.database.close()


@asynccontextmanager
async def _noop() -> AsyncIterator[commands.AutoShardedBot]:
    model = create_bot(Settings.isolated(database_url="sqlite:///unused.db", shard_count=1))
    bot = commands.AutoShardedBot(
        command_prefix=commands.when_mentioned,
        help_command=None,
        intents=model.intents,
        member_cache_flags=discord.MemberCacheFlags.none(),
        max_messages=None,
        shard_count=1,
    )
    await bot._async_setup_hook()
    await bot.add_cog(Nothing())
    _join(bot)
    yield bot


def _join(bot: commands.AutoShardedBot) -> None:
    """The bot is in the server."""
    channel = {"id": str(CHANNEL), "type": 0, "name": "reading", "position": 0, "permission_overwrites": []}
    everyone = {"id": str(GUILD), "name": "@everyone", "permissions": "0", "position": 0, "color": 0, "hoist": False}
    guild = {"id": str(GUILD), "name": "Readers", "channels": [channel], "roles": [everyone], "owner_id": "1"}
    bot._connection._add_guild_from_data(cast("Any", guild))


async def _begin_posts(database: Database) -> None:
    async with database.write() as conn:
        for number in range(POSTS):
            post = await plan(conn, f"post {number}")
            await discussions.begin(conn, post, _post(number), wanted_at=None)
        said = [
            Said(_post(number), _post(number) + reply, ROOT + reply, NOW, None, None, 12, None, thought=False)
            for number in range(POSTS)
            for reply in range(1, REPLIES + 1)
        ]
        await gathering.put_replies(conn, said)


def _post(number: int) -> int:
    return ROOT + number * 1_000_000


def _events(seed: int) -> tuple[list[str], int]:
    """Texts as the gateway sends them, and how many reactions there are in the end."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    given: list[tuple[int, int, int, int]] = []
    seen: set[tuple[int, int, int, int]] = set()
    texts: list[str] = []
    while len(texts) < EVENTS:
        if given and draw.random() < REMOVED:
            at = draw.randrange(len(given))
            given[at], given[-1] = given[-1], given[at]
            texts.append(_text(len(texts), *given.pop(), added=False))
            continue
        one = (draw.randrange(POSTS), draw.randrange(REPLIES + 1), draw.randrange(len(EMOJI)), draw.randrange(PEOPLE))
        if one not in seen:
            seen.add(one)
            given.append(one)
            texts.append(_text(len(texts), *one, added=True))
    return texts, len(given)


def _text(number: int, post: int, reply: int, emoji: int, person: int, *, added: bool) -> str:
    user_id, (emoji_id, name) = str(ROOT + 500_000_000 + person), EMOJI[emoji]
    data: dict[str, Any] = {
        "user_id": user_id,
        "type": 0,
        "message_id": str(_post(post) + reply),
        "emoji": {"name": name, "id": emoji_id},
        "channel_id": str(_post(post) if reply else CHANNEL),
        "burst": False,
        "guild_id": str(GUILD),
    }
    if added:
        data["message_author_id"] = str(ROOT + reply)
        data["member"] = _member(user_id, person)
    return json.dumps({"t": f"MESSAGE_REACTION_{'ADD' if added else 'REMOVE'}", "s": number, "op": 0, "d": data})


def _member(user_id: str, person: int) -> dict[str, Any]:
    user = {
        "username": f"reader_{person}",
        "public_flags": 0,
        "primary_guild": None,
        "id": user_id,
        "global_name": f"Reader {person}",
        "display_name_styles": None,
        "display_name": f"Reader {person}",
        "discriminator": "0",
        "collectibles": None,
        "clan": None,
        "bot": False,
        "avatar_decoration_data": None,
        "avatar": "0123456789abcdef0123456789abcdef",
    }
    return {
        "user": user,
        "roles": [str(GUILD + 10), str(GUILD + 11)],
        "premium_since": None,
        "pending": False,
        "nick": None,
        "mute": False,
        "joined_at": "2025-03-04T05:06:07.089000+00:00",
        "flags": 0,
        "deaf": False,
        "communication_disabled_until": None,
        "banner": None,
        "avatar": None,
    }


async def _check_and_empty(database: Database, expected: int) -> None:
    """What is fast must be right as well. Each round begins with an empty table, so that they are alike."""
    async with database.write() as conn:
        rows = await conn.scalar(select(func.count()).select_from(schema.reactions))
        await conn.execute(delete(schema.reactions))
    if rows != expected:
        sys.exit(f"{rows} reactions were stored instead of {expected}")
