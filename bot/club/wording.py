"""What Applecore says on its own account, as Markdown for Discord."""

from collections.abc import Sequence
from datetime import datetime

from bot.reading.text import escape_markdown


def when(moment: datetime, style: str = "F") -> str:
    """A time that Discord shows in each reader's own zone."""
    return f"<t:{int(moment.timestamp())}:{style}>"


def when_and_how_soon(moment: datetime) -> str:
    return f"{when(moment)} ({when(moment, 'R')})"


def plain(text: str) -> str:
    """A title or name from outside, shown literally, on one line."""
    return escape_markdown(" ".join(text.split()))


def ending(title: str, total: int, others: Sequence[str]) -> str:
    """``others`` are the titles of the library that could be read next."""
    excerpts = "1 excerpt" if total == 1 else f"all {total} excerpts"
    lines = [
        "## We have read to the end",
        f"That was **{plain(title)}**, {excerpts}. Thank you for reading together!",
    ]
    if others:
        named = "\n".join(f"- {plain(other)}" for other in others[:5])
        more = f"\n- … and {len(others) - 5} more in `/reading list`" if len(others) > 5 else ""
        lines.append(f"Next could be:\n{named}{more}")
    lines.append("-# Whoever manages the club can choose with the button below, or add a text with `/reading import`.")
    return "\n\n".join(lines)


def fault(title: str, channel_id: int, reason: str, what_to_do: str) -> str:
    """``channel_id`` is where the club posts; Discord cannot name it once it is deleted, so the title does."""
    return (
        f"## The reading club in <#{channel_id}> has stopped\n\n"
        f"It was reading **{plain(title)}**. {reason} {what_to_do}\n\n"
        "Nothing is lost, and I will not try again until then; `/club status` says what I still miss."
    )


def no_thread(guild_id: int, channel_id: int, message_id: int, reason: str) -> str:
    link = f"https://discord.com/channels/{guild_id}/{channel_id}/{message_id}"
    return (
        f"## A post has no thread\n\nI could not open one under {link}. {reason}\n\n"
        "The club goes on. If you want a thread there, please open it by hand."
    )


GREETING = (
    "## Hello, I am Applecore\n\n"
    "I post a text in a channel, one excerpt a day, and open a thread under each, so that you can read together.\n\n"
    "To begin, someone with **Manage Server** uses `/club setup`: it asks for a channel, a reading and a time. "
    "`/reading list` shows what there is to read, `/reading import` adds your own text, and `/help` explains the rest."
)
