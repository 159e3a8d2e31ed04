"""What each member agreed to in each guild. Who said nothing has no row, and agreed to nothing."""

from sqlalchemy import delete, false, select, update

from bot.storage import schema
from bot.storage.records import Consent
from bot.storage.sql import Connection, insert

_members = schema.members


async def consent(conn: Connection, guild_id: int, user_id: int) -> Consent:
    mine = (_members.c.guild_id == guild_id, _members.c.user_id == user_id)
    row = (await conn.execute(select(_members.c.quotes, _members.c.streaks).where(*mine))).first()
    return Consent() if row is None else Consent(*row)


async def set_quotes(conn: Connection, guild_id: int, user_id: int, *, agreed: bool) -> None:
    """Who agrees no more has the words forgotten that others picked for the digest."""
    await _set(conn, guild_id, user_id, quotes=agreed)
    if not agreed:
        said = select(schema.replies.c.message_id).where(schema.replies.c.author_id == user_id)
        theirs = (schema.picks.c.guild_id == guild_id, schema.picks.c.message_id.in_(said))
        await conn.execute(update(schema.picks).where(*theirs).values(text=None))


async def set_streaks(conn: Connection, guild_id: int, user_id: int, *, agreed: bool) -> None:
    await _set(conn, guild_id, user_id, streaks=agreed)


async def agreed(conn: Connection, guild_id: int, *, quotes: bool = False, streaks: bool = False) -> set[int]:
    """Those members who agreed to whatever of it is asked for."""
    chosen = [_members.c.guild_id == guild_id]
    chosen += [column for column, asked in ((_members.c.quotes, quotes), (_members.c.streaks, streaks)) if asked]
    if len(chosen) == 1:
        chosen.append(false())  # nobody was asked about nothing
    return set(await conn.scalars(select(_members.c.user_id).where(*chosen)))


async def _set(conn: Connection, guild_id: int, user_id: int, **values: bool) -> None:
    new = insert(conn, _members).values(
        guild_id=guild_id, user_id=user_id, **{"quotes": False, "streaks": False} | values
    )
    await conn.execute(new.on_conflict_do_update(index_elements=["guild_id", "user_id"], set_=values))
    empty = (_members.c.guild_id == guild_id, _members.c.user_id == user_id, ~_members.c.quotes, ~_members.c.streaks)
    await conn.execute(delete(_members).where(*empty))
