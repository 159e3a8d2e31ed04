"""Writes what happened in the posts' threads: many events in few statements, in a transaction of the caller's.

What is new is joined to ``discussions``, so that what happened anywhere but at a known post writes nothing, and a
post that is deleted meanwhile makes no statement fail.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from bot.storage import picks
from bot.storage.many import Kind, Many
from bot.storage.records import Said
from bot.storage.sql import Connection


class ThreadChange(NamedTuple):
    thread_id: int
    name: str
    archived: bool
    locked: bool


AddedRow = tuple[int, int, str, int, int, str | None, datetime | None]
"""Thread, message, emoji, member, kinds, a custom emoji's name, when it was given."""

RemovedRow = tuple[int, str, int, int]
"""Message, emoji, member, kinds."""

_SaidRow = tuple[int, int, int, datetime, datetime | None, int | None, int | None, str | None, bool]


async def known(conn: Connection, thread_ids: Iterable[int]) -> set[int]:
    """Those of them that are a post's thread, and so its message."""
    return set(await _KNOWN.ids(conn, [(thread_id,) for thread_id in thread_ids]))


async def change_threads(conn: Connection, rows: Collection[ThreadChange]) -> None:
    """They are there, even those that were deleted: a new thread of the same message has the same id."""
    await _CHANGE_THREADS.run(conn, rows)


async def delete_threads(conn: Connection, rows: Collection[tuple[int, datetime]]) -> None:
    """All that was said in them goes, and nothing more is taken. The reactions to the posts themselves stay."""
    for statement in (_DROP_REACTIONS_IN_THREADS, _DROP_PICKS_IN_THREADS, _DROP_REPLIES_IN_THREADS, _DELETE_THREADS):
        await statement.run(conn, rows)


async def delete_channels(conn: Connection, rows: Collection[tuple[int, datetime]]) -> None:
    """With a channel go its threads, and the messages of the posts in it."""
    threads = [(thread_id, at) for channel_id, at in rows for thread_id in await _IN_CHANNEL.ids(conn, [(channel_id,)])]
    await delete_threads(conn, threads)
    await delete_messages(conn, [thread_id for thread_id, _ in threads])


async def put_replies(conn: Connection, said: Iterable[Said]) -> None:
    """New ones, and later edits of those that are there. The text only where the server keeps it.

    Of a picked reply that was edited the digest has the new words, or none where those are not known; never more
    than it had permission for.
    """
    new: list[_SaidRow] = []
    edited: list[_SaidRow] = []
    texts: dict[int, str | None] = {}
    for s in said:
        row = (
            s.thread_id,
            s.message_id,
            s.author_id,
            s.created_at,
            s.edited_at,
            s.reply_to,
            s.length,
            s.text,
            s.thought,
        )
        if s.edited_at is None:
            new.append(row)
        else:
            edited.append(row)
            texts[s.message_id] = s.text
    await _PUT_REPLIES.run(conn, new)
    # The replies come first: whoever picks one of them at this moment waits for us, or is seen by the next statement.
    changed = await _PUT_EDITED.ids(conn, edited)
    await _CHANGE_PICKS.run(conn, [(each, picks.kept(texts[each] or "")) for each in changed])


async def clear_messages(conn: Connection, message_ids: Iterable[int]) -> None:
    """Takes away all reactions to them."""
    await _CLEAR_MESSAGES.run(conn, [(message_id,) for message_id in message_ids])


async def clear_emoji(conn: Connection, rows: Collection[tuple[int, str]]) -> None:
    """Takes away all reactions with one emoji to one message."""
    await _CLEAR_EMOJI.run(conn, rows)


async def remove_reactions(conn: Connection, rows: Collection[RemovedRow]) -> None:
    if await _REMOVE_WHOLLY.run(conn, rows) < len(rows):
        await _REMOVE_KINDS.run(conn, rows)


async def add_reactions(conn: Connection, rows: Collection[AddedRow]) -> None:
    """To posts, and to replies that are known. The kinds of one member's reactions with one emoji add up.

    There may be only one row of the same message, emoji and member.
    """
    await _ADD_REACTIONS.run(conn, rows)


async def delete_messages(conn: Connection, message_ids: Iterable[int]) -> None:
    """Of replies everything, with the reactions to them and their picks; of posts the reactions to them."""
    rows = [(message_id,) for message_id in message_ids]
    for statement in (_CLEAR_MESSAGES, _DROP_PICKS, _DROP_REPLIES):
        await statement.run(conn, rows)


async def want(conn: Connection, thread_ids: Iterable[int], now: datetime) -> None:
    """Something about them was missed, so that they have to be compared with Discord."""
    await _WANT.run(conn, [(thread_id, now) for thread_id in thread_ids])


_KNOWN = Many("SELECT thread_id FROM discussions WHERE thread_id IN (SELECT thread_id FROM given)", thread_id="BIGINT")

_IN_CHANNEL = Many(
    "SELECT thread_id FROM discussions WHERE channel_id IN (SELECT channel_id FROM given)",
    channel_id="BIGINT",
)

_CHANGE_THREADS = Many(
    """
    UPDATE discussions
    SET name = given.name, archived = given.archived, locked = given.locked, thread_deleted_at = NULL
    FROM given
    WHERE discussions.thread_id = given.thread_id
    """,
    thread_id="BIGINT",
    name="TEXT",
    archived="BOOLEAN",
    locked="BOOLEAN",
)

_DELETE_THREADS = Many(
    """
    UPDATE discussions
    SET thread_deleted_at = coalesce(discussions.thread_deleted_at, given.deleted_at)
    FROM given
    WHERE discussions.thread_id = given.thread_id
    """,
    thread_id="BIGINT",
    deleted_at="TIMESTAMPTZ",
)

_DROP_REACTIONS_IN_THREADS = Many(
    """
    DELETE FROM reactions
    WHERE post_id IN (SELECT post_id FROM discussions JOIN given USING (thread_id))
      AND message_id NOT IN (SELECT thread_id FROM given)
    """,
    thread_id="BIGINT",
    deleted_at="TIMESTAMPTZ",
)

_DROP_PICKS_IN_THREADS = Many(
    "DELETE FROM picks WHERE post_id IN (SELECT post_id FROM discussions JOIN given USING (thread_id))",
    thread_id="BIGINT",
    deleted_at="TIMESTAMPTZ",
)

_DROP_REPLIES_IN_THREADS = Many(
    "DELETE FROM replies WHERE post_id IN (SELECT post_id FROM discussions JOIN given USING (thread_id))",
    thread_id="BIGINT",
    deleted_at="TIMESTAMPTZ",
)

_PUT = """
INSERT INTO replies
    (message_id, post_id, guild_id, author_id, created_at, edited_at, reply_to, length, text, thought)
SELECT given.message_id, discussions.post_id, discussions.guild_id, given.author_id, given.created_at,
       given.edited_at, given.reply_to, given.length, CASE WHEN guilds.text_days > 0 THEN given.text END,
       given.thought
FROM given
JOIN discussions ON discussions.thread_id = given.thread_id
LEFT JOIN guilds ON guilds.guild_id = discussions.guild_id
WHERE discussions.thread_deleted_at IS NULL
ON CONFLICT (message_id) DO UPDATE
SET edited_at = excluded.edited_at, length = excluded.length, text = excluded.text
WHERE excluded.edited_at IS NOT NULL
  AND (replies.edited_at IS NULL OR replies.edited_at < excluded.edited_at)
"""
_SAID: dict[str, Kind] = {
    "thread_id": "BIGINT",
    "message_id": "BIGINT",
    "author_id": "BIGINT",
    "created_at": "TIMESTAMPTZ",
    "edited_at": "TIMESTAMPTZ",
    "reply_to": "BIGINT",
    "length": "INTEGER",
    "text": "TEXT",
    "thought": "BOOLEAN",
}

_PUT_REPLIES = Many(_PUT, **_SAID)

_PUT_EDITED = Many(f"{_PUT} RETURNING message_id", **_SAID)
"""Answers those that were not known before, or not yet in this version."""

_CHANGE_PICKS = Many(
    """
    UPDATE picks
    SET text = given.text
    FROM given
    WHERE picks.message_id = given.message_id AND picks.text IS NOT NULL
    """,
    message_id="BIGINT",
    text="TEXT",
)

_CLEAR_MESSAGES = Many("DELETE FROM reactions WHERE message_id IN (SELECT message_id FROM given)", message_id="BIGINT")

_CLEAR_EMOJI = Many(
    "DELETE FROM reactions WHERE (message_id, emoji) IN (SELECT message_id, emoji FROM given)",
    message_id="BIGINT",
    emoji="TEXT",
)

_REMOVE_WHOLLY = Many(
    """
    DELETE FROM reactions USING given
    WHERE reactions.message_id = given.message_id
      AND reactions.emoji = given.emoji
      AND reactions.user_id = given.user_id
      AND reactions.kinds & ~given.kinds = 0
    """,
    # It knows no USING here, and for (message_id, emoji, user_id) IN it would read all reactions to a message.
    sqlite="""
    DELETE FROM reactions
    WHERE rowid IN (
        SELECT reactions.rowid
        FROM given
        JOIN reactions USING (message_id, emoji, user_id)
        WHERE reactions.kinds & ~given.kinds = 0
    )
    """,
    message_id="BIGINT",
    emoji="TEXT",
    user_id="BIGINT",
    kinds="INTEGER",
)

_REMOVE_KINDS = Many(
    """
    UPDATE reactions
    SET kinds = reactions.kinds & ~given.kinds
    FROM given
    WHERE reactions.message_id = given.message_id
      AND reactions.emoji = given.emoji
      AND reactions.user_id = given.user_id
      AND reactions.kinds & given.kinds <> 0
    """,
    message_id="BIGINT",
    emoji="TEXT",
    user_id="BIGINT",
    kinds="INTEGER",
)

_ADD_REACTIONS = Many(
    """
    INSERT INTO reactions (message_id, emoji, user_id, post_id, guild_id, kinds, name, added_at)
    SELECT given.message_id, given.emoji, given.user_id, discussions.post_id, discussions.guild_id, given.kinds,
           given.name, given.added_at
    FROM given
    JOIN discussions ON discussions.thread_id = given.thread_id
    WHERE given.message_id = given.thread_id
       OR EXISTS (
           SELECT 1 FROM replies
           WHERE replies.message_id = given.message_id AND replies.post_id = discussions.post_id
       )
    ON CONFLICT (message_id, emoji, user_id) DO UPDATE
    SET kinds = reactions.kinds | excluded.kinds,
        name = coalesce(excluded.name, reactions.name),
        added_at = coalesce(reactions.added_at, excluded.added_at)
    """,
    thread_id="BIGINT",
    message_id="BIGINT",
    emoji="TEXT",
    user_id="BIGINT",
    kinds="INTEGER",
    name="TEXT",
    added_at="TIMESTAMPTZ",
)

_DROP_PICKS = Many("DELETE FROM picks WHERE message_id IN (SELECT message_id FROM given)", message_id="BIGINT")

_DROP_REPLIES = Many("DELETE FROM replies WHERE message_id IN (SELECT message_id FROM given)", message_id="BIGINT")

_WANT = Many(
    """
    UPDATE discussions SET wanted_at = given.wanted_at FROM given WHERE discussions.thread_id = given.thread_id
    """,
    thread_id="BIGINT",
    wanted_at="TIMESTAMPTZ",
)
