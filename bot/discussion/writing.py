"""Puts a batch into the database, in the order in which it has to be written."""

from operator import itemgetter

from bot.discussion.batch import Batch
from bot.storage import gathering
from bot.storage.database import Connection
from bot.storage.deletions import Forgotten


async def write(conn: Connection, batch: Batch, forgotten: Forgotten) -> None:
    """Writing it twice leaves what writing it once does. Of forgotten members nothing new is stored."""
    await _write_threads(conn, batch)
    await gathering.put_replies(conn, [said for said in batch.replies.values() if not forgotten.holds(said.author_id)])
    await _write_cleared(conn, batch)
    await _write_reactions(conn, batch, forgotten)
    await gathering.delete_messages(conn, batch.deleted)
    await gathering.delete_channels(conn, list(batch.channels.items()))


async def _write_threads(conn: Connection, batch: Batch) -> None:
    threads = batch.threads.items()
    changed = [
        (gathering.ThreadChange(id_, now.name, now.archived, now.locked), now.there)
        for id_, now in threads
        if now.name is not None
    ]
    await gathering.change_threads(conn, [change for change, there in changed if not there])
    await gathering.delete_threads(conn, [(id_, now.deleted_at) for id_, now in threads if now.deleted_at is not None])
    await gathering.change_threads(conn, [change for change, there in changed if there])


async def _write_cleared(conn: Connection, batch: Batch) -> None:
    cleared = batch.cleared.items()
    await gathering.clear_messages(conn, [message_id for message_id, what in cleared if what.emoji is None])
    await gathering.clear_emoji(
        conn, [(message_id, emoji) for message_id, what in cleared for emoji in what.emoji or ()]
    )


async def _write_reactions(conn: Connection, batch: Batch, forgotten: Forgotten) -> None:
    removed: list[gathering.RemovedRow] = []
    added: list[gathering.AddedRow] = []
    for message_id, on in sorted(batch.reactions.items(), key=itemgetter(0)):  # the nearer, the quicker to store
        for (emoji, user_id), (taken, given, name, at) in on.given.items():
            if taken:
                removed.append((message_id, emoji, user_id, taken))
            if given and not forgotten.holds(user_id):
                added.append((on.thread_id, message_id, emoji, user_id, given, name, at))
    await gathering.remove_reactions(conn, removed)
    await gathering.add_reactions(conn, added)
