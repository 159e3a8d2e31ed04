"""/discussion export."""

import csv
import io
import json

import pytest
import simcord

from bot.storage import guilds
from tests.club.talking import posted, talk
from tests.cogs.manners import one_sentence, polite_world
from tests.support.club_world import ClubWorld, answers, club_world

PLANTED = "A sentence that nobody else may read."


async def files_of(result: simcord.InteractionResult) -> dict[str, bytes]:
    messages = {each.id: each for each in (*([result.response] if result.response else []), *result.followups)}
    return {file.filename: await file.read() for each in messages.values() for file in each.message.attachments}


async def exported(world: ClubWorld, **options: object) -> tuple[str, dict[str, bytes]]:
    result = await world.manager.slash(world.general, "discussion export", **options)
    return answers(result), await files_of(result)


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


async def test_managers_get_the_talk_of_their_club(database_url: str) -> None:
    async with polite_world(database_url) as world:
        thread = await posted(world)
        reply = await talk(world, thread, PLANTED)
        await world.manager.send(thread, "And I too.", reply_to=reply)
        said, files = await exported(world)
        assert "2 replies and 1 reaction by 2 people" in said
        assert list(files) == ["replies.csv", "reactions.csv", "discussion.json"]
        first, second = table(files["replies.csv"])
        assert (first["message_id"], first["reactions"], first["excerpt"]) == (str(reply.id), "1", "1")
        assert (second["reply_to"], second["member"]) == (str(reply.id), "member 2")
        assert [row["member"] for row in table(files["reactions.csv"])] == ["member 2"]
        assert len(json.loads(files["discussion.json"])["replies"]) == 2


async def test_words_need_retention_and_consent(database_url: str) -> None:
    async with club_world(database_url, message_content=True) as world:
        thread = await posted(world)
        await talk(world, thread, PLANTED)
        async with world.bot.database.write() as conn:
            await guilds.put_settings(conn, world.guild.id, text_days=30)
        await talk(world, thread, f"Again: {PLANTED}")
        said, files = await exported(world)
        assert PLANTED not in said
        assert not [name for name, content in files.items() if PLANTED.encode() in content]
        await world.member.slash(world.general, "privacy quotes", switch="on")
        _, files = await exported(world)
        assert [row["text"] for row in table(files["replies.csv"])] == ["", f"Again: {PLANTED}"]


async def test_one_excerpt(database_url: str) -> None:
    async with polite_world(database_url) as world:
        thread = await posted(world)
        await talk(world, thread)
        await world.until(9, 1)
        other = await talk(world, world.threads()[-1])
        _, files = await exported(world, excerpt="2")
        assert [row["message_id"] for row in table(files["replies.csv"])] == [str(other.id)]
        said, _ = await exported(world, excerpt="9")
        assert "I know no such excerpt here" in said


async def test_where_there_is_nothing(database_url: str) -> None:
    async with polite_world(database_url) as world:
        assert "There is no club here yet" in (await exported(world))[0]
        await posted(world)
        said, files = await exported(world)
        assert said == "Nobody has replied or reacted yet, so there is nothing to export."
        assert files == {}


@pytest.mark.parametrize("options", [{}, {"excerpt": "1"}])
async def test_members_get_nothing(database_url: str, options: dict[str, str]) -> None:
    async with polite_world(database_url) as world:
        await talk(world, await posted(world))
        result = await world.member.slash(world.general, "discussion export", **options)
        assert one_sentence(result) == "Only members with **Manage Server** may do this."
        assert await files_of(result) == {}
