"""`applecore backup`, `restore-backup` and `forget`: what they do, in the words of the terminal."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot import logs
from bot.clock import system_clock
from bot.settings import Settings
from bot.storage import backup, deletions
from bot.storage.backup import Contents
from bot.storage.database import Database
from bot.storage.deletions import Gone
from bot.storage.records import DeletionKind
from bot.storage.restore import Restored
from bot.storage.restore import restore as restore_file

FORGOTTEN_THERE = "What the bot posted in Discord stays there: whoever runs the server can delete it."


def back_up(settings: Settings, file: Path, *, force: bool) -> int:
    """Raises ApplecoreError where it cannot be, and then leaves no file behind."""
    _set_up(settings)
    at = system_clock()

    async def run() -> Contents:
        database = Database(settings.database_url)
        try:
            return await backup.take(database, file, at=at, force=force)
        finally:
            await database.close()

    contents = asyncio.run(run())
    _say(f"{file}: {_summary(contents)}; {_size(contents.size)}, taken {_moment(at)}.")
    return 0


def restore(settings: Settings, file: Path, *, ask: Sequence[str]) -> int:
    """``ask``: databases or backups that know of later deletions. Raises ApplecoreError, and then changes nothing."""
    _set_up(settings)

    async def run() -> Restored:
        database = Database(settings.database_url)
        try:
            return await restore_file(database, file, at=system_clock(), ask=ask)
        finally:
            await database.close()

    restored = asyncio.run(run())
    _say(f"Restored {_summary(restored.contents)}, as they were on {_moment(restored.taken_at)}.")
    if restored.saved:
        _say(f"What was there before is saved in {restored.saved}.")
    _say(_deletions(restored))
    _say("Start the bot now. Before a club posts again, the bot looks in its channel for what was posted since.")
    return 0


def forget(settings: Settings, kind: str, discord_id: int) -> int:
    """May be repeated. Raises ApplecoreError where it cannot be."""
    _set_up(settings)
    member = DeletionKind(kind) is DeletionKind.MEMBER

    async def run() -> Gone:
        database = Database(settings.database_url)
        try:
            await database.check()
            await database.hold()  # beside bots, but not in the middle of a restore
            async with database.explaining(), database.write() as conn:
                delete = deletions.forget_member if member else deletions.forget_guild
                gone = await delete(conn, discord_id, system_clock())
            await database.scrub()
            return gone
        finally:
            await database.close()

    gone = asyncio.run(run())
    whom = f"{'Member' if member else 'Server'} {discord_id}"
    if not gone:
        _say(f"{whom}: nothing was stored. A backup that holds something will be restored without it.")
        return 0
    _say(f"{whom}: {what_went(gone)}." if member else f"{whom}: {what_went(gone)}. {FORGOTTEN_THERE}")
    return 0


def what_went(gone: Gone) -> str:
    """``2 replies and 1 reaction deleted; taken out of 1 club``."""
    parts = []
    if gone.deleted:
        parts.append(f"{_and([_count(number, noun) for noun, number in gone.deleted.items()])} deleted")
    if gone.taken_out:
        parts.append(f"taken out of {_and([_count(number, noun) for noun, number in gone.taken_out.items()])}")
    return "; ".join(parts)


def _deletions(restored: Restored) -> str:
    again = restored.deleted_again
    found = [_count(number, noun) for number, noun in ((again.members, "member"), (again.guilds, "server")) if number]
    if found:
        return f"Deleted again, as they were after the backup was taken: {_and(found)}."
    if restored.deletions_known:
        return "Nothing that is in the backup was deleted since."
    return (
        "The database was empty, so what was deleted after the backup was taken is not known here: if there was "
        "such a deletion, restore again with --deletions and the old database or a later backup."
    )


def _summary(contents: Contents) -> str:
    return _and([_count(contents.clubs, "club"), _count(contents.readings, "reading"), _count(contents.posts, "post")])


def _set_up(settings: Settings) -> None:
    logs.set_up("warning", settings.log_format, secrets=settings.secrets())


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _count(number: int, noun: str) -> str:
    many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else many}"


def _and(items: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(items[:-1]), items[-1])))


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _size(size: int) -> str:
    return f"{size / 1024:,.0f} KiB" if size < 1024**2 else f"{size / 1024**2:,.1f} MiB"
