"""Rows to test with."""

from datetime import UTC, date, datetime, time, timedelta

from bot.reading.models import Excerpt, Reading
from bot.reading.schedule import CatchUp, Schedule
from bot.storage import clubs, outgoing, readings
from bot.storage.database import Connection, Database
from bot.storage.records import Club, NewClub, NewOutgoing, Outgoing, OutgoingKind, OutgoingState

GUILD = 1_420_070_400_000_000_001  # more than 32 bits, as all snowflakes
CHANNEL = 1_420_070_400_000_000_002
NOW = datetime(2026, 3, 1, 9, 30, 15, 123456, tzinfo=UTC)
LEASE = timedelta(minutes=2)

SCHEDULE = Schedule(
    time=time(7, 5),
    zone="Europe/Amsterdam",
    weekdays=frozenset({0, 6}),
    start=date(2026, 3, 1),
    catch_up=CatchUp.SKIP,
)


def reading(title: str = "Émile", *quotes: str) -> Reading:
    return Reading(
        title=title,
        author="Rousseau",
        source="https://example.org",
        translator="B. Foxley",
        licence="Public domain",
        workarounds=("apple",),
        workaround_reason="The filter.",
        introduction="One.\n\nTwo.",
        excerpts=tuple(
            Excerpt(heading=f"Day {number}", comment="What?", quote=quote, remark="So.")
            for number, quote in enumerate(quotes or ("first", "second 🍎", "third"), 1)
        ),
    )


async def club(conn: Connection, guild_id: int = GUILD, channel_id: int = CHANNEL) -> Club:
    stored = await readings.save(conn, guild_id, reading(), added_by=7, at=NOW)
    new = NewClub(
        guild_id=guild_id,
        channel_id=channel_id,
        reading_id=stored.id,
        schedule=SCHEDULE,
        ping_role_id=None,
        notices_channel_id=99,
        thread_days=7,
        created_by=7,
        created_at=NOW,
    )
    return await clubs.create(conn, new)


async def plan(
    conn: Connection,
    key: str,
    of: Club | None = None,
    *,
    kind: OutgoingKind = OutgoingKind.POST,
    due_at: datetime = NOW,
    guild_id: int = GUILD,
    day: date | None = date(2026, 3, 1),
) -> Outgoing:
    new = NewOutgoing(
        guild_id=guild_id,
        club_id=of.id if of else None,
        kind=kind,
        key=key,
        channel_id=CHANNEL,
        due_at=due_at,
        reading_id=of.reading_id if of else None,
        position=0,
        day=day,
        text="Hello",
    )
    planned = await outgoing.plan(conn, new)
    assert planned is not None
    return planned


async def claim(database: Database, owner: str = "a", now: datetime = NOW, limit: int = 20) -> list[Outgoing]:
    async with database.write() as conn:
        return await outgoing.claim(conn, owner=owner, now=now, lease=LEASE, shards=None, limit=limit)


async def sent(conn: Connection, row: Outgoing, message_id: int, at: datetime = NOW, owner: str = "a") -> None:
    """Carries a claimed row on to ``sent``."""
    assert await outgoing.finish_step(
        conn, row.id, owner=owner, state=OutgoingState.SENT, due_at=at, message_id=message_id, sent_at=at
    )
