"""Which messages in a post's thread are a member's reply, and what is kept of them."""

from functools import lru_cache

import discord

from bot.discussion.thoughts import thought_in
from bot.storage.records import Said

COUNTED = frozenset({discord.MessageType.default, discord.MessageType.reply})
"""The types of message in which a member says something (resources/message.mdx); the others Discord makes itself."""

EMOJI_LENGTH = 64
"""Code points of an emoji that are kept; Unicode's longest have about ten."""


def reply_in(message: discord.Message, *, me: int | None, reads_content: bool) -> Said | None:
    """What the message says, as of a member; None where it is a bot's, a webhook's or Discord's own.

    ``me`` is our user id: of our own messages those count that hold a member's thought. ``reads_content``: whether
    the bot has the intent without which it sees the content of few messages.
    """
    if message.type not in COUNTED or message.webhook_id is not None:
        return None
    author_id, text, thought = message.author.id, message.content, False
    if author_id == me:
        found = thought_in(message, me)
        if found is None:
            return None
        author_id, text, thought = found.author_id, found.text, True
    elif message.author.bot:
        return None
    answers = message.reference.message_id if message.reference and message.type is discord.MessageType.reply else None
    return Said(
        thread_id=message.channel.id,
        message_id=message.id,
        author_id=author_id,
        created_at=message.created_at,
        edited_at=message.edited_at,
        reply_to=answers,
        length=len(text) if text or reads_content else None,
        text=storable(text) or None,
        thought=thought,
    )


def emoji_of(emoji: discord.PartialEmoji) -> tuple[str, str | None]:
    """How an emoji is stored: the emoji itself, or a custom one's id and what it is called."""
    return _emoji(emoji.id, emoji.name)


@lru_cache(maxsize=4096)
def _emoji(emoji_id: int | None, name: str) -> tuple[str, str | None]:
    if emoji_id is None:
        return storable(name)[:EMOJI_LENGTH], None
    return str(emoji_id), storable(name) or None


def storable(text: str) -> str:
    """Without what PostgreSQL does not take: NUL and halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")
