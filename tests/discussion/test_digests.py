"""Digests gathered from the database, and laid out."""

import discord
import pytest

from bot.discussion.digests import Composed, digest_layout, post_digest, reading_digest
from bot.storage import clubs
from bot.storage.database import Database
from tests.storage.make import NOW, club
from tests.storage.said import post, reaction, reply


async def test_where_nothing_was_said_there_is_none(database: Database) -> None:
    async with database.write() as conn:
        mine = await club(conn)
        assert await reading_digest(conn, mine.id, 1) is None
        first, second = [await post(conn, mine, position, 1000 * (position + 1)) for position in (0, 1)]
        assert await post_digest(conn, first.id) is None
        assert await reading_digest(conn, mine.id, 1) is None
        assert await post_digest(conn, 10**9) is None
        await reaction(conn, second, 2000, 5)
        assert await post_digest(conn, first.id) is None
        assert await post_digest(conn, second.id) is not None
        whole = await reading_digest(conn, mine.id, 1)
        assert whole is not None
        assert [talk.reactions for talk in whole.comparison] == [0, 1]
        assert await reading_digest(conn, mine.id, 2) is None


async def test_hours_are_those_of_the_club(database: Database) -> None:
    async with database.write() as conn:
        mine = await club(conn)
        only = await post(conn, mine, 0, 1000)
        await reply(conn, only, 1001, 5, NOW)  # 09:30 in UTC
        await reaction(conn, only, 1001, 6, at=None)
        digest = await post_digest(conn, only.id)
        assert digest is not None
        assert (digest.liveliest_hour, digest.untimed, digest.people) == (10, 1, 2), "Amsterdam in winter"
        assert digest.excerpt is not None
        assert digest.excerpt.heading == "Day 1"

        await clubs.remove(conn, mine.id)
        alone = await post_digest(conn, only.id)
        assert alone is not None
        assert (alone.liveliest_hour, alone.zone, alone.replies) == (9, "UTC", 1)


async def test_another_run_is_another_reading(database: Database) -> None:
    async with database.write() as conn:
        mine = await club(conn)
        first = await post(conn, mine, 0, 1000)
        again = await clubs.begin(conn, mine.id, reading_id=mine.reading_id, since=NOW)
        second = await post(conn, again, 0, 2000)
        for number, each in enumerate((first, second, second)):
            await reply(conn, each, 5000 + number, 5)
        digests = [await post_digest(conn, first.id), await post_digest(conn, second.id)]
        assert [[talk.replies for talk in digest.comparison] for digest in digests if digest] == [[1], [2]]
        whole = await reading_digest(conn, mine.id, 1)
        assert whole is not None
        assert whole.replies == 1


@pytest.mark.parametrize("texts", [("one",), ("one", "two"), ("one", "two", "three", "four")])
def test_the_layout(texts: tuple[str, ...]) -> None:
    composed = Composed(texts, b"PNG", "bars")
    [container] = digest_layout(composed, marker=77).to_components()  # type: ignore[no-untyped-call]
    assert container["id"] == 77
    gallery = [part for part in container["components"] if part["type"] == discord.ComponentType.media_gallery.value]
    assert [item["media"]["url"] for part in gallery for item in part["items"]] == ["attachment://digest.png"]
    assert [item["description"] for part in gallery for item in part["items"]] == ["bars"]
    shown = [part["content"] for part in container["components"] if part["type"] == 10]
    assert shown == list(texts)
    assert composed.file().fp.read() == composed.file().fp.read() == b"PNG"

    [container] = digest_layout(composed.without_picture()).to_components()  # type: ignore[no-untyped-call]
    assert [part["type"] for part in container["components"]] == [10] * len(texts)
    with pytest.raises(ValueError, match="no picture"):
        composed.without_picture().file()
