"""What members write is nowhere in what the bot writes, but where they agreed: everything it wrote is searched."""

import json
import logging
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import simcord
from sqlalchemy import event
from sqlalchemy.engine import Engine

from bot import logs
from bot.discussion.thoughts import thought_content
from bot.storage.records import Thoughts
from tests.club.talking import posted
from tests.cogs.manners import last
from tests.cogs.test_picks import COMMAND
from tests.cogs.thinking import decided, think, thoughts
from tests.support.club_world import ClubWorld, answers, club_world

PLANTED = "Quagga nightingales"
"""Every sentence that a member writes here has it, and nothing else does."""
CHANGED = "Quagga nightingales, on second thoughts"
THOUGHT = "Quagga nightingales think"


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """SQLite alone, whose file can be searched."""
    shutil.copy(request.getfixturevalue("_sqlite_template"), tmp_path / "applecore.db")
    return f"sqlite:///{tmp_path}/applecore.db"


class Collected(logging.Handler):
    """The log as the bot writes it, at the level at which it writes most."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logs.TextFormatter())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def log() -> Iterator[Collected]:
    """As ``log_level = "debug"`` sets it up; pytest's own handlers and levels come back afterwards."""
    root, collected = logging.getLogger(), Collected()
    handlers = root.handlers[:]
    loggers = [root, *map(logging.getLogger, {*logs._CHATTY, *logs._PRIVATE, *logs._TROUBLE_OF_DISCORD})]
    before = [(logger, logger.level, logger.filters[:]) for logger in loggers]
    root.handlers = []  # set_up() closes what it replaces
    logs.set_up("debug", "text")
    root.handlers = [collected]
    yield collected
    root.handlers = handlers
    for logger, level, filters in before:
        logger.setLevel(level)
        logger.filters = filters
    logging.captureWarnings(capture=False)


@contextmanager
def failing(statement: str, times: int) -> Iterator[None]:
    """The database refuses a statement that often, with an error that has its values in it."""
    left = [*range(times)]

    def refuse(_connection: object, _cursor: object, sql: str, parameters: object, *_: object) -> None:
        if statement in sql and left:
            left.pop()
            raise ValueError(f"this cannot be stored: {parameters}")

    event.listen(Engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", refuse)
    assert not left


def sent(world: ClubWorld) -> list[str]:
    """Every request of the bot: messages, answers to commands, and all else; not the thoughts it says for members."""
    allowed = json.dumps(thought_content(world.member.id, THOUGHT))[1:-1]
    everything = [json.dumps([each.path, each.params, each.json, each.reason]) for each in world.env.http_requests]
    return [text.replace(allowed, "") for text in everything]


def files_in(world: ClubWorld) -> list[bytes]:
    """Every file that was ever attached."""
    return list(world.env.backend.cdn._blobs.values())


def holding(texts: list[str]) -> list[str]:
    return [text for text in texts if "quagga" in text.casefold()]


def on_disk(url: str) -> bytes:
    """The database's file and its log, as they are while the bot runs."""
    file = Path(url.removeprefix("sqlite:///"))
    parts = [file, file.with_name(f"{file.name}-wal")]
    return b"".join(part.read_bytes() for part in parts if part.exists()).lower()


@asynccontextmanager
async def talked(database_url: str, *, reads: bool, days: int = 0, quotes: bool = False) -> AsyncIterator[ClubWorld]:
    """The member said the sentence in every way there is, and everything was asked for that tells of it."""
    async with club_world(database_url, message_content=reads) as world:
        thread = await posted(world, excerpts=1)
        if days:
            await world.manager.slash(world.general, "privacy retention", days=days)
        if quotes:
            await world.member.slash(world.general, "privacy quotes", switch="on")
        await say_it(world, thread)
        await ask_for_it(world)
        await world.restart()
        await world.env.settle()  # now it was compared with Discord, too
        await world.until(9, 1, days=2)  # the thread closes, the reading has ended: both digests are said
        assert "What excerpt 1 brought" in world.said(thread)[-1]
        assert "What we said about the reading" in world.said(world.channel)[-1]
        yield world


async def say_it(world: ClubWorld, thread: simcord.ChannelHandle) -> None:
    me = world.env.backend.bot_user.id
    with failing("INSERT INTO replies", 2):
        first = await world.member.send(thread, f"{PLANTED} sing.")
        await world.bot.collector.flush()
    await world.member.send(thread, f"<@{me}> {PLANTED}?")  # this one the bot may read without the intent
    await world.member.send(thread, f"{PLANTED} again.", reply_to=first)
    await world.member.edit(first, CHANGED)
    await world.manager.react(first, "🍎")
    await decided(world, Thoughts.ON)
    await think(world, THOUGHT)
    assert len(thoughts(world)) == 1
    await world.manager.context_menu(thread, COMMAND, first)
    await world.bot.collector.flush()


async def ask_for_it(world: ClubWorld) -> None:
    for actor, commands in (
        (world.manager, ("digest", "stats", "mine", "export", "settings")),
        (world.member, ("digest", "stats", "mine")),
    ):
        for command in commands:
            said = answers(await actor.slash(world.channel, f"discussion {command}"))
            assert "went wrong" not in said
    for command in ("status", "club status", "today", "privacy show", "club refresh"):
        await world.manager.slash(world.channel, command)
    await world.manager.slash(world.channel, "find", text="Passage")


@pytest.mark.parametrize("reads", [True, False])
async def test_nothing_is_said_or_stored_by_default(database_url: str, log: Collected, reads: bool) -> None:
    async with talked(database_url, reads=reads) as world:
        assert b"quagga" not in on_disk(database_url)
        assert holding(sent(world)) == []
        assert not any(b"quagga" in file.lower() for file in files_in(world))
    assert b"quagga" not in on_disk(database_url)
    assert holding(log.lines) == []
    assert [line for line in log.lines if str(world.member.id) in line] == [], "nor who it was"
    assert any("cannot be stored as it is" in line for line in log.lines), "that it went wrong is said"
    assert not any("command_error" in line for line in log.lines), "who speaks to the bot gave no command"


async def test_what_is_kept_is_shown_to_nobody_who_was_not_agreed_to(database_url: str, log: Collected) -> None:
    async with talked(database_url, reads=True, days=30) as world:
        assert b"quagga" in on_disk(database_url)
        assert holding(sent(world)) == []
        assert not any(b"quagga" in file.lower() for file in files_in(world))
        assert holding(log.lines) == []
        shown = await world.member.slash(world.general, "privacy show")
        [file] = [file for message in shown.followups for file in message.message.attachments]
        assert PLANTED in (await file.read()).decode(), "but their own words to themself"

        question = last(await world.member.slash(world.general, "privacy delete"))
        await world.member.click(question, label="Delete everything")
        assert b"quagga" not in on_disk(database_url)
    assert holding(log.lines) == []


async def test_who_agreed_is_quoted_in_the_digests_and_the_export_alone(database_url: str, log: Collected) -> None:
    async with talked(database_url, reads=True, days=30, quotes=True) as world:
        for channel in (world.threads()[0], world.channel):
            assert f"> {CHANGED}" in world.said(channel)[-1]
        told = holding(sent(world))
        assert all("brought" in text or "What we said" in text for text in told), "digests and nothing else"
        assert sum(PLANTED.encode() in file for file in files_in(world)) == 2, "the export, as CSV and as JSON"
    assert holding(log.lines) == []
