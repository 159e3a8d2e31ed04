"""Whatever the rows are: a backup that is restored gives them back."""

import asyncio
import itertools
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from bot.reading.schedule import CatchUp
from bot.storage import backup, restore, schema
from bot.storage.database import Database
from bot.storage.records import UNSENT, ClubState, DeletionKind, OutgoingKind, OutgoingState, Thoughts
from tests.storage.test_backup import TAKEN, of

Rows = dict[str, list[dict[str, Any]]]

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
snowflakes = st.integers(1, 2**63 - 1)
counts = st.integers(0, 2**31 - 1)
moments = st.datetimes(datetime(2015, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
days = st.dates(date(2015, 1, 1), date(2099, 1, 1))
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)


def some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


READING = {
    "id": counts.filter(bool),
    "guild_id": snowflakes,
    "revision": counts.filter(bool),
    "total": counts.filter(bool),
    "title": texts,
    "author": some(texts),
    "source": some(texts),
    "translator": some(texts),
    "licence": some(texts),
    "workarounds": st.lists(texts, max_size=3),
    "workaround_reason": some(texts),
    "introduction": texts,
    "content_hash": digests,
    "added_by": some(snowflakes),
    "added_at": moments,
}
EXCERPT = {"heading": texts, "comment": texts, "quote": texts, "remark": texts}
CLUB = {
    "id": counts.filter(bool),
    "guild_id": snowflakes,
    "channel_id": snowflakes,
    "run": counts.filter(bool),
    "local_time": st.times(time(0), time(23, 59)).map(lambda at: at.strftime("%H:%M")),
    "zone": texts,
    "weekdays": st.integers(1, 127),
    "start": days,
    "catch_up": st.sampled_from(CatchUp),
    "position": counts,
    "last_day": some(days),
    "last_post_at": some(moments),
    "since": moments,
    "ping_role_id": some(snowflakes),
    "notices_channel_id": some(snowflakes),
    "thread_days": counts,
    "state": st.sampled_from(ClubState),
    "fault": some(texts),
    "created_by": st.just(0) | snowflakes,
    "created_at": moments,
    "decide_at": some(moments),
    "restored_from": some(moments),
}
MESSAGE = {
    "id": counts.filter(bool),
    "guild_id": snowflakes,
    "kind": st.sampled_from(OutgoingKind),
    "nonce": st.text("ABC234", min_size=1, max_size=25),
    "marker": counts.filter(bool),
    "channel_id": snowflakes,
    "position": some(counts),
    "day": some(days),
    "text": some(texts),
    "state": st.sampled_from(OutgoingState),
    "due_at": some(moments),
    "attempts": counts,
    "first_attempt_at": some(moments),
    "last_attempt_at": some(moments),
    "retries": counts,
    "message_id": some(snowflakes),
    "thread_id": some(snowflakes),
    "sent_at": some(moments),
    "fault": some(texts),
    "look_since": some(moments),
}
GUILD = {
    "guild_id": snowflakes,
    "club_role_id": some(snowflakes),
    "left_at": some(moments),
    "text_days": counts,
    "thread_digests": st.booleans(),
    "thoughts": st.sampled_from(Thoughts),
}
DISCUSSION = {
    "guild_id": snowflakes,
    "channel_id": snowflakes,
    "name": some(texts),
    "archived": st.booleans(),
    "locked": st.booleans(),
    "thread_deleted_at": some(moments),
    "closed_at": some(moments),
    "wanted_at": some(moments),
    "reconciled_at": some(moments),
}
REPLY = {
    "message_id": snowflakes,
    "guild_id": snowflakes,
    "author_id": snowflakes,
    "created_at": moments,
    "edited_at": some(moments),
    "reply_to": some(snowflakes),
    "length": some(counts),
    "text": some(texts),
    "thought": st.booleans(),
}
REACTION = {
    "message_id": snowflakes,
    "emoji": texts,
    "user_id": snowflakes,
    "guild_id": snowflakes,
    "kinds": st.integers(1, 3),
    "name": some(texts),
    "added_at": some(moments),
}
PICK = {
    "message_id": snowflakes,
    "guild_id": snowflakes,
    "picked_by": st.just(0) | snowflakes,
    "picked_at": moments,
    "text": some(texts),
}
MEMBER = {"guild_id": snowflakes, "user_id": snowflakes, "quotes": st.booleans(), "streaks": st.booleans()}
OF_POSTS = {"replies": REPLY, "reactions": REACTION, "picks": PICK}
BOOKMARK = {
    "id": counts.filter(bool),
    "guild_id": snowflakes,
    "user_id": snowflakes,
    "position": counts,
    "created_at": moments,
}
DELETION = {
    "digest": digests,
    "salt": st.just("ab" * 16),
    "kind": st.sampled_from(DeletionKind),
    "deleted_at": moments,
    "joined_at": some(moments),
}


def rows_of(columns: dict[str, st.SearchStrategy[Any]], key: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(st.fixed_dictionaries(columns), max_size=4, unique_by=lambda row: row[key])


@st.composite
def databases(draw: st.DrawFn) -> Rows:
    """Rows that keep every rule of the schema."""
    readings = draw(rows_of(READING, "id"))
    for number, reading in enumerate(readings):
        reading["slug"] = f"slug-{number}"
    excerpts = [
        {"reading_id": reading["id"], "position": position, **draw(st.fixed_dictionaries(EXCERPT))}
        for reading in readings
        for position in range(draw(st.integers(0, 2)))
    ]
    clubs = draw(rows_of(CLUB, "id")) if readings else []
    for number, club in enumerate(clubs):
        club |= {"uid": f"{number:016x}", "reading_id": draw(st.sampled_from(readings))["id"]}
    messages = draw(rows_of(MESSAGE, "id"))
    for number, message in enumerate(messages):
        message |= {"key": f"{number}", "club_id": None, "reading_id": None}
        message |= {"lease_owner": None, "lease_until": None}
        belongs: bool = draw(st.booleans())
        if clubs and belongs:
            message |= {"club_id": clubs[0]["id"], "reading_id": readings[0]["id"]}
        if draw(st.booleans()):
            message |= {"lease_owner": draw(texts), "lease_until": draw(moments)}
    posts = messages[: draw(st.integers(0, len(messages)))]
    talks = [{"post_id": post["id"], **draw(st.fixed_dictionaries(DISCUSSION))} for post in posts]
    for number, talk in enumerate(talks):
        talk["thread_id"] = number + 1
    of_posts = {name: draw(rows_of(columns, "message_id")) if posts else [] for name, columns in OF_POSTS.items()}
    for row in itertools.chain(*of_posts.values()):
        row["post_id"] = draw(st.sampled_from(posts))["id"]
    bookmarks = draw(rows_of(BOOKMARK, "id")) if readings else []
    for bookmark in bookmarks:
        bookmark["reading_id"] = readings[0]["id"]
    meta = [{"key": f"key {key}", "value": key} for key in draw(st.sets(texts, max_size=3))]
    return {
        "readings": readings,
        "excerpts": excerpts,
        "clubs": clubs,
        "outgoing": messages,
        "guilds": draw(rows_of(GUILD, "guild_id")),
        "discussions": talks,
        **of_posts,
        "members": draw(rows_of(MEMBER, "user_id")),
        "bookmarks": list({(row["user_id"], row["guild_id"], row["position"]): row for row in bookmarks}.values()),
        "deletions": draw(rows_of(DELETION, "digest")),
        "meta": meta,
    }


def after_a_restore(rows: Rows) -> Rows:
    """What becomes of them, in other words than the code's."""
    expected = {name: [dict(row) for row in found] for name, found in rows.items()}
    for club in expected["clubs"]:
        club["decide_at"] = None
        club["restored_from"] = min(club["restored_from"] or TAKEN, TAKEN)
    for message in expected["outgoing"]:
        message["lease_owner"] = message["lease_until"] = None
        if message["state"] in UNSENT:
            known = (message["look_since"] or TAKEN, message["first_attempt_at"] or TAKEN)
            message["look_since"] = min(TAKEN, *known)
        elif message["state"] in {OutgoingState.SENT, OutgoingState.THREADED}:
            message["look_since"] = min(message["look_since"] or TAKEN, TAKEN)
    for talk in expected["discussions"]:
        if talk["closed_at"] is None:
            talk["wanted_at"] = min(talk["wanted_at"] or TAKEN, TAKEN)
    return expected


async def fill(database: Database, rows: Rows) -> None:
    async with database.write() as conn:
        for table in reversed(schema.metadata.sorted_tables):
            await conn.execute(table.delete())
        for table in schema.metadata.sorted_tables:
            if rows[table.name]:
                await conn.execute(insert(table), rows[table.name])


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=databases(), others=databases())
def test_a_round_trip_gives_every_row_back(database_url: str, tmp_path: Path, rows: Rows, others: Rows) -> None:
    others["deletions"], others["guilds"] = [], []  # they would be carried over

    async def run() -> None:
        database = Database(database_url)
        await fill(database, rows)
        await backup.take(database, tmp_path / "backup", at=TAKEN, force=True)
        await fill(database, others)
        await restore.restore(database, tmp_path / "backup", at=TAKEN)
        restored = await of(database)
        await database.close()
        await fill(database, after_a_restore(rows))
        assert restored == await of(database)
        await database.close()

    asyncio.run(run())
