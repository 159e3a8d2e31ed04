"""The excerpts that members want to find again, each member's own."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select

from bot.errors import ApplecoreError
from bot.storage import schema
from bot.storage.records import Bookmark
from bot.storage.sql import Connection, insert

_bookmarks = schema.bookmarks

MOST = 200
"""How many a member may have in one guild: ours, so that nobody fills the database."""


async def add(conn: Connection, guild_id: int, user_id: int, *, reading_id: int, position: int, at: datetime) -> bool:
    """False where it was there already.

    Raises:
        ApplecoreError: the member has ``MOST`` of them.
    """
    mine = _of(guild_id, user_id)
    same = (_bookmarks.c.reading_id == reading_id, _bookmarks.c.position == position)
    if await conn.scalar(select(_bookmarks.c.id).where(*mine, *same)) is not None:
        return False
    # On PostgreSQL one who does this twice at the same moment may come to have one more: that does no harm.
    if (await conn.scalar(select(func.count()).select_from(_bookmarks).where(*mine)) or 0) >= MOST:
        raise ApplecoreError(
            f"You have {MOST} bookmarks here, and that is the most I keep. `/bookmarks` lets you take some off."
        )
    new = insert(conn, _bookmarks).values(
        guild_id=guild_id, user_id=user_id, reading_id=reading_id, position=position, created_at=at
    )
    added = await conn.scalar(new.on_conflict_do_nothing().returning(_bookmarks.c.id))
    return added is not None


async def of_member(conn: Connection, guild_id: int, user_id: int) -> list[Bookmark]:
    """Newest first."""
    query = select(_bookmarks).where(*_of(guild_id, user_id)).order_by(_bookmarks.c.id.desc())
    return [Bookmark(**row._asdict()) for row in await conn.execute(query)]


async def remove(conn: Connection, guild_id: int, user_id: int, bookmark_ids: Collection[int]) -> int:
    """Takes off those of them that are the member's; answers how many."""
    query = delete(_bookmarks).where(*_of(guild_id, user_id), _bookmarks.c.id.in_(bookmark_ids))
    return (await conn.execute(query)).rowcount


def _of(guild_id: int, user_id: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _bookmarks.c.guild_id == guild_id, _bookmarks.c.user_id == user_id
