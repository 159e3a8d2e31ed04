"""A club's talk as files: what is in them, what is not, and how large they may become."""

import csv
import io
import json
import re
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.discussion.export import REACTION_COLUMNS, REPLY_COLUMNS, Exported, Sheet, export
from bot.errors import ApplecoreError
from bot.storage import exports, members
from bot.storage.database import Connection, Database
from bot.storage.records import BURST, NORMAL, Club
from tests.storage.make import CHANNEL, GUILD, NOW, club
from tests.storage.said import post, reaction, reply

ANN, BOB, CAT = 11, 12, 13
FIRST, SECOND = 1_420_070_400_000_001_000, 1_420_070_400_000_002_000
"""The posts' messages; the replies to each have the next numbers."""


async def talk(conn: Connection) -> Club:
    """Two posts of one club that were talked about, and one of another."""
    mine, others = await club(conn), await club(conn, channel_id=CHANNEL + 1)
    first, second = await post(conn, mine, 0, FIRST), await post(conn, mine, 1, SECOND)
    elsewhere = await post(conn, others, 0, SECOND + 500)
    await reply(conn, first, FIRST + 1, ANN, text="Ann's words")
    await reply(conn, first, FIRST + 2, BOB, NOW + timedelta(hours=1), text="Bob's words")
    await reply(conn, second, SECOND + 1, BOB)
    await reply(conn, elsewhere, SECOND + 501, CAT, text="Said elsewhere")
    await reaction(conn, first, FIRST, CAT)
    await reaction(conn, first, FIRST + 1, BOB)
    await reaction(conn, first, FIRST + 1, BOB, "77", name="apple")
    await reaction(conn, second, SECOND + 1, ANN, at=None)
    return mine


def table(exported: Exported, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(exported.files[name].decode("utf-8-sig"))))


def loaded(exported: Exported) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(exported.files["discussion.json"])
    return content


async def packed(database: Database, chosen: Club, **options: Any) -> Exported:
    async with database.snapshot() as conn:
        return await export(conn, chosen, at=NOW, **options)


async def filled(database: Database) -> Club:
    async with database.write() as conn:
        return await talk(conn)


async def test_every_reply_and_reaction_of_the_club_is_in_it(database: Database) -> None:
    exported = await packed(database, await filled(database))
    assert list(exported.files) == ["replies.csv", "reactions.csv", "discussion.json"]
    assert (exported.replies, exported.reactions, exported.members) == (3, 4, 3)
    replies, reactions = table(exported, "replies.csv"), table(exported, "reactions.csv")
    assert [tuple(row) for row in (replies[0], reactions[0])] == [REPLY_COLUMNS, REACTION_COLUMNS]
    shown = [(row["excerpt"], row["message_id"], row["member"], row["at"], row["reactions"]) for row in replies]
    assert shown == [
        ("1", str(FIRST + 1), "member 1", "2026-03-01T09:30:15Z", "2"),
        ("1", str(FIRST + 2), "member 2", "2026-03-01T10:30:15Z", "0"),
        ("2", str(SECOND + 1), "member 2", "2026-03-01T09:30:15Z", "1"),
    ]
    given = [(row["message_id"], row["emoji"], row["emoji_name"], row["member"], row["at"]) for row in reactions]
    at = "2026-03-01T09:30:15Z"
    assert given == [
        (str(FIRST), "👍", "", "member 3", at),
        (str(FIRST + 1), "77", "apple", "member 2", at),
        (str(FIRST + 1), "👍", "", "member 2", at),
        (str(SECOND + 1), "👍", "", "member 1", ""),
    ]
    assert {row["reading"] for row in (*replies, *reactions)} == {"Émile"}


async def test_the_json_says_the_same(database: Database) -> None:
    exported = await packed(database, await filled(database))
    content = loaded(exported)
    assert content["exported_at"] == "2026-03-01T09:30:15Z"
    for name, columns in (("replies", REPLY_COLUMNS), ("reactions", REACTION_COLUMNS)):
        assert [tuple(row) for row in content[name]] == [columns] * len(content[name])
        written = [[as_cell(value) for value in row.values()] for row in content[name]]
        assert written == [list(row.values()) for row in table(exported, f"{name}.csv")]
    assert content["replies"][0]["message_id"] == str(FIRST + 1), "as text, which no program rounds"


def as_cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


async def test_one_post_alone(database: Database) -> None:
    mine = await filled(database)
    async with database.read() as conn:
        second = (await exports.posts(conn, mine.id))[1]
    exported = await packed(database, mine, post_id=second.post_id)
    assert [row["message_id"] for row in table(exported, "replies.csv")] == [str(SECOND + 1)]
    assert [row["member"] for row in loaded(exported)["replies"]] == ["member 1"], "numbered anew"
    assert exported.reactions == 1


async def test_no_member_s_id_is_in_it(database: Database) -> None:
    async with database.write() as conn:
        mine = await club(conn)
        row = await post(conn, mine, 0, FIRST)
        await reply(conn, row, FIRST + 1, 987_654_321_012_345_678)
        await reaction(conn, row, FIRST + 1, 876_543_210_123_456_789)
    for content in (await packed(database, mine)).files.values():
        assert not re.search(rb"987654321012345678|876543210123456789", content)


async def test_words_are_in_it_with_consent_alone(database: Database) -> None:
    mine = await filled(database)
    exported = await packed(database, mine)
    assert not any(b"words" in content for content in exported.files.values())
    async with database.write() as conn:
        await members.set_quotes(conn, GUILD, BOB, agreed=True)
        await members.set_streaks(conn, GUILD, ANN, agreed=True)
        await members.set_quotes(conn, GUILD + 1, ANN, agreed=True)
    exported = await packed(database, mine)
    assert [row["text"] for row in table(exported, "replies.csv")] == ["", "Bob's words", ""]
    assert [row["text"] for row in loaded(exported)["replies"]] == [None, "Bob's words", None]


async def test_where_nobody_said_anything(database: Database) -> None:
    async with database.write() as conn:
        mine = await club(conn)
        await post(conn, mine, 0, FIRST)
    with pytest.raises(ApplecoreError, match="nothing to export"):
        await packed(database, mine)


async def test_kinds_of_reactions(database: Database) -> None:
    async with database.write() as conn:
        mine = await club(conn)
        row = await post(conn, mine, 0, FIRST)
        for user, kinds in enumerate((NORMAL, BURST, NORMAL | BURST), 1):
            await reaction(conn, row, FIRST, user, kinds=kinds)
    written = [line["kind"] for line in table(await packed(database, mine), "reactions.csv")]
    assert written == ["normal", "burst", "normal and burst"]


# Limits


async def test_at_the_limit_of_an_attachment_and_one_byte_past_it(database: Database) -> None:
    mine = await filled(database)
    whole = await packed(database, mine)
    size = sum(map(len, whole.files.values()))
    assert await packed(database, mine, most_bytes=size) == whole

    zipped = await packed(database, mine, most_bytes=size - 1)
    [(name, content)] = zipped.files.items()
    assert name == "discussion.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == whole.files
    assert (zipped.replies, zipped.reactions, zipped.members) == (3, 4, 3)

    assert await packed(database, mine, most_bytes=len(content)) == zipped
    with pytest.raises(ApplecoreError, match="one excerpt at a time, with `excerpt:`"):
        await packed(database, mine, most_bytes=len(content) - 1)
    async with database.read() as conn:
        [first, _] = await exports.posts(conn, mine.id)
    with pytest.raises(ApplecoreError, match="this excerpt cannot be exported"):
        await packed(database, mine, post_id=first.post_id, most_bytes=100)


async def test_at_the_most_rows_and_one_past_them(database: Database) -> None:
    mine = await filled(database)
    assert (await packed(database, mine, most_rows=7)).replies == 3
    with pytest.raises(ApplecoreError, match="7 replies and reactions are more than I pack at once"):
        await packed(database, mine, most_rows=6)


@pytest.mark.parametrize("portion", [1, 2, 3, 1000])
async def test_portions_leave_nothing_out_and_bring_nothing_twice(database: Database, portion: int) -> None:
    mine = await filled(database)
    async with database.read() as conn:
        first = (await exports.posts(conn, mine.id))[0].post_id
        said = [part async for part in exports.replies(conn, first, portion=portion)]
        given = [part async for part in exports.reactions(conn, first, portion=portion)]
    assert [len(part) for part in said] == {1: [1, 1]}.get(portion, [2])
    assert [row.message_id for part in said for row in part] == [FIRST + 1, FIRST + 2]
    keys = [(row.message_id, row.user_id, row.emoji) for part in given for row in part]
    assert len(keys) == len(set(keys)) == 3


# What a spreadsheet makes of it


def cells(*texts: str | None) -> list[str]:
    sheet = Sheet(["text"])
    sheet.write({"text": text} for text in texts)
    return [row["text"] for row in csv.DictReader(io.StringIO(sheet.as_csv().decode("utf-8-sig"), newline=""))]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", " =", "\n+"])
def test_no_cell_is_a_formula(start: str) -> None:
    assert cells(f"{start}1+1") == [f"'{start}1+1"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_whatever_people_write_every_row_has_its_text_and_no_formula(texts: list[str]) -> None:
    read = cells(*texts)
    assert [cell.removeprefix("'") if cell != text else cell for cell, text in zip(read, texts, strict=True)] == texts
    assert not any(cell.lstrip()[:1] in tuple("=+-@") for cell in read)


def test_plain_text_stays_as_it_is() -> None:
    assert cells("I = a reader", "1-2", "“So,” he said", None, "a\nb") == [
        "I = a reader",
        "1-2",
        "“So,” he said",
        "",
        "a\nb",
    ]
