"""The library: revisions, names, guilds kept apart."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from bot.errors import ApplecoreError
from bot.reading.models import Reading
from bot.storage import readings, schema
from bot.storage.database import Database
from bot.storage.records import StoredReading
from tests.storage.make import GUILD, NOW, club, reading


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("The Art of War", "the-art-of-war"),
        ("  Émile, or: On Education!  ", "emile-or-on-education"),
        ("Don't Panic", "dont-panic"),
        ("ÆSOP’S Straße", "æsops-strasse"),
        ("Война и мир: й", "война-и-мир-й"),
        ("हिन्दी कविता", "हिन्दी-कविता"),
        ("孫子兵法", "孫子兵法"),
        ("カタカナ がぎ", "カタカナ-がぎ"),
        ("Ⅳ. ½", "iv-1-2"),
    ],
)
def test_slug(title: str, name: str) -> None:
    assert readings.slug(title) == name


def test_titles_that_a_slug_cannot_hold_stay_apart() -> None:
    assert readings.slug("!!!").startswith("reading-")
    assert readings.slug("!!!") != readings.slug("???")
    long = "word " * 50
    assert readings.slug(long + "a") != readings.slug(long + "b")
    assert readings.slug(long).startswith("word-word-")
    assert len(readings.slug("x" * 300)) == 80


@given(st.text(max_size=300))
def test_slug_is_never_empty_nor_long(title: str) -> None:
    name = readings.slug(title)
    assert 0 < len(name) <= 80
    assert name == readings.slug(title)
    assert not name.startswith("-")
    assert not name.endswith("-")
    assert "--" not in name


async def test_saved_reading_comes_back_whole(database: Database) -> None:
    original = reading()
    async with database.write() as conn:
        stored = await readings.save(conn, GUILD, original, added_by=GUILD, at=NOW)
        assert stored == StoredReading(
            id=stored.id,
            guild_id=GUILD,
            slug="emile",
            revision=1,
            total=3,
            title="Émile",
            author="Rousseau",
            source="https://example.org",
            translator="B. Foxley",
            licence="Public domain",
            workarounds=("apple",),
            workaround_reason="The filter.",
            introduction="One.\n\nTwo.",
            added_by=GUILD,
            added_at=NOW,
        )
        assert await readings.get(conn, GUILD, stored.id) == stored
        assert await readings.get(conn, GUILD + 1, stored.id) is None
        assert await readings.find(conn, GUILD, "emile") == stored
        assert await readings.find(conn, GUILD + 1, "emile") is None
        assert await readings.load(conn, stored.id) == original
        assert await readings.load(conn, stored.id + 1) is None
        assert await readings.excerpt(conn, stored.id, 1) == original.excerpts[1]
        assert await readings.excerpt(conn, stored.id, 3) is None
        assert await readings.excerpts(conn, stored.id) == list(original.excerpts)


async def test_revisions(database: Database) -> None:
    first, second = reading("Émile"), reading("EMILE", "other")
    async with database.write() as conn:
        one = await readings.save(conn, GUILD, first, added_by=None, at=NOW)
        assert await readings.save(conn, GUILD, first, added_by=8, at=NOW) == one
        two = await readings.save(conn, GUILD, second, added_by=None, at=NOW)
        assert (two.slug, two.revision) == (one.slug, 2)
        three = await readings.save(conn, GUILD, first, added_by=None, at=NOW)
        assert three.revision == 3
        elsewhere = await readings.save(conn, GUILD + 1, first, added_by=None, at=NOW)
        assert elsewhere.revision == 1
        other = await readings.save(conn, GUILD, reading("a Book"), added_by=None, at=NOW)
        assert await readings.newest(conn, GUILD) == [other, three]
        assert await readings.find(conn, GUILD, "emile") == three
        assert await readings.count(conn, GUILD) == 2
        assert await readings.count(conn, GUILD + 2) == 0
        assert await readings.load(conn, three.id) == first
        assert await readings.load(conn, two.id) is None, "nobody reads it"


async def test_same_title_saved_at_once(database: Database, database_url: str) -> None:
    other = Database(database_url)
    await other.open()

    async def save(through: Database, text: Reading) -> StoredReading:
        async with through.write() as conn:
            return await readings.save(conn, GUILD, text, added_by=None, at=NOW)

    texts = [reading("Émile", f"text {number % 3}") for number in range(9)]
    saved = await asyncio.gather(
        *(save(through, text) for text in texts for through in (database, other)), return_exceptions=False
    )
    by_id = {stored.id: stored for stored in saved}
    assert sorted(stored.revision for stored in by_id.values()) == list(range(1, len(by_id) + 1))
    await other.close()


async def test_nul_is_refused_in_words(database: Database) -> None:
    async with database.write() as conn:
        with pytest.raises(ApplecoreError, match="NUL"):
            await readings.save(conn, GUILD, reading("Émile", "a\0b"), added_by=None, at=NOW)


async def test_revisions_that_nobody_reads_do_not_add_up(database: Database) -> None:
    async with database.write() as conn:
        read_by_club = (await club(conn)).reading_id
        for number in range(5):
            newest = await readings.save(conn, GUILD, reading("Émile", f"text {number}"), added_by=None, at=NOW)
        assert newest.revision == 6
        kept = (await conn.execute(select(schema.readings.c.revision).order_by(schema.readings.c.revision))).scalars()
        assert list(kept) == [1, 6]
        assert await readings.load(conn, read_by_club) is not None
