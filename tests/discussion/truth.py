"""What Discord knows about the posts' talk, and what the database says of it, in one form to compare."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.demo.overlays.backend import OverlaidBackend
from bot.discussion.thoughts import thought_author_of
from bot.storage import schema
from bot.storage.records import BURST, NORMAL
from tests.support.club_world import ClubWorld

COUNTED = (0, 19)
"""Message types: default and reply (resources/message.mdx)."""

Key = tuple[int, str, int]
"""Message, emoji, member."""

Kind = tuple[int, str, int]
"""Message, emoji, and whether it was given in the normal way or as a burst."""


@dataclass
class Talk:
    replies: dict[int, dict[str, Any]] = field(default_factory=dict)
    reactions: dict[Key, int] = field(default_factory=dict)
    """The kinds given, as in ``records.Reaction``."""
    gone: set[int] = field(default_factory=set)
    """Threads that were deleted."""

    totals: dict[Kind, int] = field(default_factory=dict)
    """How often Discord counts a reaction: of members who were forgotten, and of bots, as well."""

    def givers(self) -> dict[Kind, set[int]]:
        found: dict[Kind, set[int]] = {}
        for (message, emoji, user), kinds in self.reactions.items():
            for kind in (NORMAL, BURST):
                if kinds & kind:
                    found.setdefault((message, emoji, kind), set()).add(user)
        return found


async def posts(world: ClubWorld) -> list[int]:
    """The ids of all posts' messages, which are those of their threads."""
    async with world.bot.database.read() as conn:
        return list(await conn.scalars(select(schema.discussions.c.thread_id).order_by(schema.discussions.c.thread_id)))


def discord_knows(world: ClubWorld, post_ids: Collection[int], forgotten: Collection[int] = ()) -> Talk:
    backend, talk = world.env.backend, Talk()
    assert isinstance(backend, OverlaidBackend)
    me = backend.bot_user.id
    people = {user.id for user in backend.users.values() if not user.bot} - set(forgotten)
    for post_id in post_ids:
        messages = list(backend.messages.get(post_id, {}).values())
        if post_id not in backend.channels:
            talk.gone.add(post_id)
        for message in messages:
            author = thought_author_of(message.content) if message.author_id == me else message.author_id
            if message.type in COUNTED and message.webhook_id is None and author in people:
                talk.replies[message.id] = {
                    "author": author,
                    "edited": message.edited_timestamp and datetime.fromisoformat(message.edited_timestamp),
                    "reply_to": int(message.reference["message_id"]) if message.reference else None,
                    "thought": message.author_id == me,
                }
        counted = [message for message in messages if message.id in talk.replies]
        counted += [m for m in backend.messages.get(world.channel.id, {}).values() if m.id == post_id]
        for message in counted:
            given = [(reaction.emoji, reaction.user_ids, NORMAL) for reaction in message.reactions]
            given += [(emoji, users, BURST) for emoji, users in backend.bursts.get(message.id, {}).items()]
            for emoji, users, kind in given:
                talk.totals[message.id, emoji_key(emoji), kind] = len(users)
                for user in people & set(users):
                    key = (message.id, emoji_key(emoji), user)
                    talk.reactions[key] = talk.reactions.get(key, 0) | kind
    return talk


def emoji_key(emoji: str) -> str:
    """simcord names a custom emoji ``name:id``."""
    return emoji.rpartition(":")[2] if ":" in emoji else emoji


async def database_says(world: ClubWorld) -> Talk:
    talk, replies, reactions = Talk(), schema.replies.c, schema.reactions.c
    async with world.bot.database.read() as conn:
        gone = select(schema.discussions.c.thread_id).where(schema.discussions.c.thread_deleted_at.is_not(None))
        talk.gone = set(await conn.scalars(gone))
        for row in await conn.execute(select(schema.replies)):
            talk.replies[row.message_id] = {
                "author": row.author_id,
                "edited": row.edited_at,
                "reply_to": row.reply_to,
                "thought": row.thought,
            }
        given = select(reactions.message_id, reactions.emoji, reactions.user_id, reactions.kinds)
        for row in await conn.execute(given):
            talk.reactions[row.message_id, row.emoji, row.user_id] = row.kinds
        assert not set(await conn.scalars(select(replies.text).where(replies.text.is_not(None))))
    return talk
