"""`applecore demo --script`: the club's story in a terminal, day by day, read back from the channels.

In the middle the bot is stopped, and what is said meanwhile it has to find out afterwards.
"""

import asyncio
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import discord
import simcord

from bot.club.excerpts import restored_excerpt
from bot.demo.talk import ASIDE_MEANWHILE, ASIDES, talk, talk_on
from bot.demo.transcript import WIDTH, indented, pictures_of, plain, shown, text_of
from bot.demo.world import ZONE, World, open_world
from bot.discussion.thoughts import parse_thought
from bot.reading.library import seeds

SEED = "deepseek-interview"

HOUR = 3600.0

AWAY_ON, MY_THOUGHT_FROM = 2, 3
"""The days on which the bot is stopped, and from which members may answer through it."""


class StoryError(Exception):
    """The bot did not do what the demo shows it doing."""


def run_script() -> int:
    """Plays the story; answers 0, or 1 with a line on stderr that says what did not happen."""
    try:
        asyncio.run(_play())
    except StoryError as error:
        problem = str(error)
    except ExceptionGroup as group:  # the story went well, but not without a fault
        problem = f"the bot raised {group.exceptions[0]!r}"
    else:
        return 0
    sys.stderr.write(f"applecore demo: {problem}\n")
    return 1


async def _play() -> None:
    async with open_world() as world:
        await _greeted(world)
        await _set_up(world)
        total = len(seeds()[SEED].excerpts)
        for day in range(1, total + 1):
            await world.next_day()
            post = _one_new_post(world, day)
            if day == MY_THOUGHT_FROM:
                await _let_members_think(world)
            await talk(world, day, post, _thread_of(world, post))
            _tell_day(world, post, day)
            if day == AWAY_ON:
                await _away(world, post)
        await world.next_day()
        _ended(world, total)
        await _closed(world, total)
        picture = await _digested(world)
    _say(f"\nThe picture of this digest:\n  {picture}")
    _say("\nThat was the real bot on a simulated Discord. `applecore demo` lets you play it in your browser.")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _headline(world: World, text: str) -> None:
    _say(f"\n── {world.today():%A, %d %B %Y, %H:%M} · {text} ".ljust(WIDTH, "─") + "\n")


async def _greeted(world: World) -> None:
    _headline(world, "Applecore joins “The Reading Room”")
    messages = [message for channel in (world.reading, world.general) for message in channel.history()]
    _expect(len(messages) == 1, f"a server is greeted once, but there were {len(messages)} greetings")
    _say(shown(world, messages[0]))


async def _set_up(world: World) -> None:
    _headline(world, "Mia, a moderator, sets up a club")
    options: dict[str, object] = {"reading": f"seed:{SEED}", "time": "09:00", "timezone": ZONE.key}
    typed = " ".join(f"{name}:{value}" for name, value in options.items())
    answer = await world.mia.slash(
        world.general, "club setup", channel=world.reading, notices=world.moderators, **options
    )
    _tell_answer(world, f"/club setup channel:#reading {typed} notices:#moderators", answer)
    _say("")
    _tell_answer(world, "/club status", await world.mia.slash(world.general, "club status"))


def _tell_answer(world: World, typed: str, answer: simcord.InteractionResult) -> None:
    text = _texts(answer)
    _expect(bool(text), f"{typed} got no answer")
    _say("  Mia types")
    _say("\n".join(indented(typed, 4)))
    _say("  Applecore answers, and only Mia sees it")
    _say("\n".join(indented(plain(world, text), 4)))


def _texts(answer: simcord.InteractionResult) -> str:
    messages = [*([answer.response] if answer.response else []), *answer.followups]
    return "\n".join(text for message in messages if (text := text_of(message.message)))


def _posts(world: World) -> list[discord.Message]:
    """What the bot has posted in #reading, oldest first, without its greeting."""
    return [
        message
        for message in world.reading.history()
        if message.author.id == world.env.backend.bot_user.id and "day " in text_of(message)
    ]


def _one_new_post(world: World, day: int) -> discord.Message:
    posts = _posts(world)
    _expect(len(posts) == day, f"day {day}: posts in #reading: {len(posts)} instead of {day}")
    post = posts[-1]
    seed = seeds()[SEED]
    excerpt, _ = restored_excerpt(seed.excerpts[day - 1], seed.workarounds)
    read = _words(text_of(post))
    _expect(_words(excerpt.quote) in read, f"day {day}: the post does not hold the excerpt “{excerpt.quote[:30]}…”")
    _expect(f"day {day} of " in read, f"day {day}: the post does not say which day it is")
    _expect(post.created_at.astimezone(ZONE).date() == world.today().date(), f"day {day}: the post came on another day")
    _expect(_thread(world, post) is not None, f"day {day}: the post has no thread")
    return post


def _words(markdown: str) -> str:
    """The words alone, without quote bars, line breaks and the marks of footnotes."""
    return " ".join(re.sub(r"^> |[⁰¹²³⁴⁵⁶⁷⁸⁹]", "", markdown, flags=re.MULTILINE).split())


def _thread(world: World, post: discord.Message) -> simcord.ChannelHandle | None:
    threads = [thread for thread in world.reading.threads if thread.id == post.id]
    return threads[0] if len(threads) == 1 else None


def _thread_of(world: World, post: discord.Message) -> simcord.ChannelHandle:
    thread = _thread(world, post)
    if thread is None:
        raise StoryError("a post has no thread")
    return thread


def _tell_day(world: World, post: discord.Message, day: int) -> None:
    _headline(world, f"#reading, day {day}")
    current = next(message for message in _posts(world) if message.id == post.id)
    _say(shown(world, current))
    thread = _thread(world, post)
    if thread is not None:
        _say(f"\n    Thread “{thread.name}”")
        for message in _replies(thread.history()):
            _say(shown(world, message, indent=6))
    if day in ASIDES:
        _say("\n" + "\n".join(indented(ASIDES[day], 2)))


def _replies(messages: Iterable[discord.Message]) -> list[discord.Message]:
    """What members said, also through the bot, but not what the bot says about it."""
    said = [message for message in messages if message.type in (discord.MessageType.default, discord.MessageType.reply)]
    return [message for message in said if not message.author.bot or parse_thought(message.content)]


async def _away(world: World, post: discord.Message) -> None:
    thread = _thread_of(world, post)
    await world.env.advance_time(HOUR)
    _headline(world, "Applecore is stopped, and the talk goes on")
    await world.stop()
    before = {message.id for message in thread.history()}
    await talk_on(world, post, thread)
    for message in _replies(thread.history()):
        if message.id not in before:
            _say(shown(world, message))
    _say(f"\n  {ASIDE_MEANWHILE}")
    await world.env.advance_time(2 * HOUR)
    _headline(world, "Applecore is back, and reads what it missed")
    await world.restart()
    await world.env.advance_time(HOUR)
    answer = await world.mia.slash(thread, "discussion digest")
    _tell_answer(world, "/discussion digest", answer)
    _expect_figures(world, _texts(answer), [post])


async def _let_members_think(world: World) -> None:
    _headline(world, "Mia lets members answer through the bot")
    answer = await world.mia.slash(world.general, "discussion settings", thoughts="on")
    _tell_answer(world, "/discussion settings thoughts:on", answer)


def _expect_figures(world: World, text: str, posts: Iterable[discord.Message]) -> None:
    """That a digest has as many replies and reactions as there are in the world."""
    replies = reactions = 0
    for post in posts:
        said = _replies(_thread_of(world, post).history())
        standing = next(message for message in _posts(world) if message.id == post.id)
        replies += len(said)
        reactions += sum(reaction.count for message in (standing, *said) for reaction in message.reactions)
    figures = f"{replies} replies and {reactions} reactions"
    _expect(figures in text, f"the digest does not say that there are {figures}")


def _ended(world: World, total: int) -> None:
    _headline(world, "#reading, the day after the last")
    _expect(len(_posts(world)) == total, "something was posted after the last excerpt")
    endings = [message for message in world.reading.history() if "read to the end" in text_of(message)]
    _expect(len(endings) == 1, f"the end of the reading should be announced once, but was {len(endings)} times")
    _say(shown(world, endings[0]))
    everything = " ".join(_words(text_of(message)) for message in _posts(world))
    _expect("hardcore innovation" in everything, "“hardcore” was not restored")


async def _closed(world: World, total: int) -> None:
    for _ in range(3):
        await world.next_day()
    _headline(world, "the threads, each open for three days")
    threads = world.reading.threads
    _expect(len(threads) == total, f"{total} threads were opened, but {len(threads)} are there")
    for thread in threads:
        metadata = world.env.backend.channels[thread.id].thread_metadata
        archived = metadata is not None and metadata.archived
        _expect(archived, f"the thread “{thread.name}” was not closed")
        replies = len(_replies(thread.history()))
        _say(f"  closed: “{thread.name}”, {replies} {'reply' if replies == 1 else 'replies'}")
        digests = _digests(thread)
        _expect(len(digests) == 1, f"the thread “{thread.name}” has {len(digests)} digests instead of one")
    _say("\n  In each of them, just before, Applecore said what it had brought. In the last one:\n")
    _say(shown(world, _digests(max(threads, key=lambda thread: thread.id))[0], indent=4))
    _expect(len(_posts(world)) == total, "something was posted after the reading had ended")


def _digests(channel: simcord.ChannelHandle) -> list[discord.Message]:
    return [message for message in channel.history() if pictures_of(message)]


async def _digested(world: World) -> Path:
    """Tells the digest of the whole reading, and keeps its picture; answers the file."""
    _headline(world, "#reading, what the reading brought")
    digests = _digests(world.reading)
    _expect(len(digests) == 1, f"the reading should have one digest, but has {len(digests)}")
    _say(shown(world, digests[0]))
    _expect_figures(world, text_of(digests[0]), _posts(world))
    picture = await digests[0].attachments[0].read()
    with tempfile.NamedTemporaryFile(prefix="applecore-digest-", suffix=".png", delete=False) as file:
        file.write(picture)
    return Path(file.name)


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise StoryError(otherwise)
