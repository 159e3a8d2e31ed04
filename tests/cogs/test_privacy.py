"""/privacy: what members are shown of what is kept, and that it goes when they say so."""

import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import simcord
from sqlalchemy import Table, func, insert, select

from bot.club.layout import gathered
from bot.discussion import export, personal
from bot.discussion.personal import LINKS, SERVERS, as_file, summary
from bot.reading.splitting import utf16_len
from bot.storage import guilds, members, schema
from bot.storage.personal import Personal, PersonalGuild
from bot.storage.records import Consent, Deletion, DeletionKind, Reply
from tests.cogs.manners import check_manners, last, one_sentence
from tests.cogs.thinking import posted, think, thoughts
from tests.storage.make import NOW
from tests.support.club_world import ClubWorld, answers, club_world

WORDS = "I think the narrator is lying."
SAID = (schema.replies, schema.reactions, schema.picks, schema.bookmarks, schema.members)


@asynccontextmanager
async def talking(database_url: str, **settings: Any) -> AsyncIterator[ClubWorld]:
    """A club with a post, about which member and manager said something, and reacted to it and to each other."""
    async with club_world(database_url, **settings) as world:
        post = await posted(world)
        thread = world.threads()[0]
        said = await world.member.send(thread, WORDS)
        other = await world.manager.send(thread, "And I do not.")
        await world.member.react(post, "🍎")
        await world.member.react(other, "🍎")
        await world.manager.react(said, "🍏")
        yield world
        check_manners(world)


async def count(world: ClubWorld, *tables: Table) -> list[int]:
    await world.bot.collector.flush()
    async with world.bot.database.read() as conn:
        return [await conn.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


async def keep_text(world: ClubWorld, days: int) -> str:
    return one_sentence(await world.manager.slash(world.general, "privacy retention", days=days))


async def texts(world: ClubWorld) -> list[str | None]:
    await world.bot.collector.flush()
    async with world.bot.database.read() as conn:
        return list(await conn.scalars(select(schema.replies.c.text).order_by(schema.replies.c.message_id)))


async def count_texts(world: ClubWorld) -> int:
    """Of the picks."""
    async with world.bot.database.read() as conn:
        return await conn.scalar(select(func.count(schema.picks.c.text))) or 0


async def pick(world: ClubWorld, text: str) -> None:
    """As "Add to the digest" on the member's reply."""
    await world.bot.collector.flush()
    async with world.bot.database.write() as conn:
        mine = schema.replies.c.author_id == world.member.id
        reply = (await conn.execute(select(schema.replies).where(mine))).one()
        row = {name: getattr(reply, name) for name in ("message_id", "post_id", "guild_id")}
        row |= {"picked_by": world.manager.id, "picked_at": NOW, "text": text}
        await conn.execute(insert(schema.picks).values(row))


async def delete(world: ClubWorld, label: str = "Delete everything") -> simcord.InteractionResult:
    question = last(await world.member.slash(world.general, "privacy delete"))
    assert question.ephemeral
    return await world.member.click(question, label=label)


def attached(result: simcord.InteractionResult) -> Any:
    [file] = [file for message in result.followups for file in message.message.attachments]
    return file


async def test_what_is_kept_is_shown_to_the_member_alone(database_url: str) -> None:
    async with talking(database_url) as world:
        await world.member.slash(world.general, "bookmark")
        await world.member.slash(world.general, "privacy quotes", switch="on")
        shown = await world.member.slash(world.general, "privacy show")
        assert all(message.ephemeral for message in shown.followups)
        text = answers(shown)
        assert "### Readers\n- 1 reply, without their text: [<t:" in text
        assert f"/{world.guild.id}/{world.threads()[0].id}/" in text
        assert "2 reactions that you gave" in text
        assert "1 bookmark" in text
        assert "may quote you" in text
        [kept] = json.loads(await attached(shown).read())["servers"]
        assert (kept["server"], kept["name"], kept["may_be_quoted"]) == (str(world.guild.id), "Readers", True)
        assert [reply["text"] for reply in kept["replies"]] == [None]
        assert {reaction["emoji"] for reaction in kept["reactions"]} == {"🍎"}
        assert kept["bookmarks"][0]["excerpt"] == 1

        theirs = answers(await world.manager.slash(world.general, "privacy show"))
        assert f"you set up the club in <#{world.channel.id}>" in theirs
        assert "you added the reading **A short reading**" in theirs
        assert "bookmark" not in theirs


async def test_what_other_servers_keep_is_shown_as_well(database_url: str) -> None:
    async with talking(database_url) as world:
        async with world.bot.database.write() as conn:
            await members.set_streaks(conn, 77, world.member.id, agreed=True)
        assert "### Server 77\n- that you appear in streaks" in answers(
            await world.member.slash(world.general, "privacy show")
        )


async def test_who_said_nothing_is_told_that_nothing_is_kept(database_url: str) -> None:
    async with talking(database_url) as world:
        other = world.guild.add_member(world.env.create_user("silent"))
        shown = await other.slash(world.general, "privacy show")
        assert answers(shown) == "## What I keep about you\nNothing."
        assert not any(message.message.attachments for message in shown.followups)


def _reply(number: int, text: str | None = None) -> tuple[int, Reply]:
    big = 2**63 - 1
    return big, Reply(big - number, 1, big, 7, NOW, None, None, None, text, thought=False)


def test_a_summary_names_some_and_counts_the_rest() -> None:
    def of(number: int) -> Personal:
        awkward = ["*_~|" * 100] * 9
        server = PersonalGuild(
            guild_id=2**63 - 1,
            replies=[_reply(each) for each in range(number)],
            readings=awkward,
            club_channels=[2**63 - 1] * 9,
            consent=Consent(quotes=True, streaks=True),
        )
        return Personal([server] * number, Deletion("", "", DeletionKind.MEMBER, NOW, NOW))

    names = {2**63 - 1: "*" * 100}
    at_most, more = summary(of(LINKS), names, 1), summary(of(LINKS + 1), names, 1)
    assert "more:" not in "".join(at_most)
    assert "5 replies, without their text: [" in at_most[-1]
    assert at_most[-1].count("](https") == more[-1].count("](https") == LINKS
    assert "… and 1 more\n" in more[-1]
    assert "more server" not in "".join(summary(of(SERVERS), names, 1))
    assert summary(of(SERVERS + 1), names, 1)[-1] == "… and 1 more server, which the file has."
    for text in (*summary(of(SERVERS + 5), names, 1), *gathered(summary(of(SERVERS + 5), names, 1))):
        assert utf16_len(text) < 4000


def test_a_file_too_large_for_discord_is_compressed(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Personal([PersonalGuild(1, replies=[_reply(1, "word " * 100)])], None)
    name, data = as_file(kept, {})
    assert name == "about-me.json"
    monkeypatch.setattr(personal, "MOST_BYTES", len(data))
    assert as_file(kept, {}) == (name, data)
    monkeypatch.setattr(personal, "MOST_BYTES", len(data) - 1)
    name, compressed = as_file(kept, {})
    assert name == "about-me.json.gz"
    assert gzip.decompress(compressed) == data
    assert export.MOST_BYTES == 10 * 1024 * 1024


async def test_deleting_takes_all_and_nothing_comes_again_before_joining(database_url: str) -> None:
    async with talking(database_url) as world:
        await world.member.slash(world.general, "bookmark")
        await world.member.slash(world.general, "privacy streaks", switch="on")
        await pick(world, WORDS)
        assert await count(world, *SAID) == [2, 3, 1, 1, 1]
        await world.member.send(world.threads()[0], "Said a moment ago.")  # the collector may hold it still
        said = answers(await delete(world))
        assert "Deleted: " in said
        assert "2 replies" in said
        assert await count(world, *SAID) == [1, 0, 0, 0, 0], "the manager's reply stays"

        thread = world.threads()[0]
        again = await world.member.send(thread, "And again.")
        await world.member.react(world.posts()[0], "🍐")
        await world.manager.react(again, "🍐")
        assert await count(world, *SAID) == [1, 0, 0, 0, 0]
        await world.restart()
        await world.env.settle()
        assert await count(world, *SAID) == [1, 0, 0, 0, 0], "nor by comparing with Discord"
        shown = answers(await world.member.slash(world.general, "privacy show"))
        assert "You had everything deleted <t:" in shown
        assert shown.endswith("Nothing else.")
        for command in ("quotes", "streaks"):
            refused = one_sentence(await world.member.slash(world.general, f"privacy {command}", switch="on"))
            assert "`/privacy join`" in refused
            await world.member.slash(world.general, f"privacy {command}", switch="off")

        assert "counts again" in one_sentence(await world.member.slash(world.general, "privacy join"))
        assert "Nothing to change" in one_sentence(await world.member.slash(world.general, "privacy join"))
        await world.member.send(thread, "Here I am.")
        await world.member.react(world.posts()[0], "🍊")
        assert await count(world, schema.replies, schema.reactions) == [2, 1]
        assert "You joined again" in answers(await world.member.slash(world.general, "privacy show"))


async def test_the_question_may_be_answered_later_and_with_no(database_url: str) -> None:
    async with talking(database_url) as world:
        assert "I keep it." in answers(await delete(world, "Keep it"))
        assert await count(world, schema.replies) == [2]
        question = last(await world.member.slash(world.general, "privacy delete"))
        await world.restart()
        await world.env.settle()
        await world.member.click(question, label="Delete everything")
        assert await count(world, schema.replies) == [1]


async def test_thoughts_posted_for_a_member_go_from_discord_too(database_url: str) -> None:
    async with club_world(database_url) as world:
        await posted(world)
        await think(world, WORDS)
        await think(world, "The manager's", member=world.manager)
        assert len(thoughts(world)) == 2
        await delete(world)
        [left] = thoughts(world)
        assert f"<@{world.manager.id}>" in left.content
        assert await count(world, schema.replies) == [1]


async def test_a_thought_that_discord_does_not_let_go_is_named(database_url: str) -> None:
    async with club_world(database_url) as world:
        await posted(world)
        await think(world, WORDS)
        [thought] = thoughts(world)
        world.env.inject_error("DELETE", "/channels/*/messages/*", status=403, code=50013)
        said = answers(await delete(world))
        assert "1 thought that I posted for you would not go" in said
        assert f"/{world.threads()[0].id}/{thought.id}" in said
        assert await count(world, schema.replies) == [0]


async def test_managers_decide_how_long_text_is_kept(database_url: str) -> None:
    async with talking(database_url, message_content=True) as world:
        refused = one_sentence(await world.member.slash(world.general, "privacy retention", days=3))
        assert "Manage Server" in refused
        assert await texts(world) == [None, None]
        said = await keep_text(world, 365)
        assert said == "From now on I keep the text of replies in the threads for 365 days, then I drop it."
        thread = world.threads()[0]
        await world.member.send(thread, "Kept.")
        assert await texts(world) == [None, None, "Kept."], "from now on"
        await world.advance(days=3)
        await world.member.send(thread, "Kept, too.")
        assert "dropped the text of 1 reply." in await keep_text(world, 2)
        assert await texts(world) == [None, None, None, "Kept, too."]
        said = await keep_text(world, 0)
        assert "I keep no text" in said
        assert "Only of replies in a digest, whose authors allowed it" in said
        await world.member.send(thread, "Not kept.")
        assert await texts(world) == [None] * 5


@pytest.mark.parametrize(("days", "taken"), [(0, True), (365, True), (-1, False), (366, False)])
async def test_the_days_have_bounds(database_url: str, days: int, taken: bool) -> None:
    async with club_world(database_url, message_content=True) as world:
        if taken:
            await keep_text(world, days)
        else:
            with pytest.raises(Exception, match="days"):
                await world.manager.slash(world.general, "privacy retention", days=days)
        async with world.bot.database.read() as conn:
            assert (await guilds.settings(conn, world.guild.id)).text_days == (days if taken else 0)


async def test_without_the_intent_managers_are_told_that_there_is_little_to_keep(database_url: str) -> None:
    async with club_world(database_url) as world:
        said = answers(await world.manager.slash(world.general, "privacy retention", days=1))
        assert "1 day," in said
        assert "Message Content intent" in said


async def test_who_is_quoted_no_more_has_no_words_kept_for_it(database_url: str) -> None:
    async with talking(database_url) as world:
        said = one_sentence(await world.member.slash(world.general, "privacy quotes", switch="on"))
        assert "may quote what you write" in said
        await pick(world, WORDS)
        async with world.bot.database.read() as conn:
            assert await members.consent(conn, world.guild.id, world.member.id) == Consent(quotes=True)
        shown = await attached(await world.member.slash(world.general, "privacy show")).read()
        assert WORDS in shown.decode()
        await world.manager.slash(world.general, "privacy quotes", switch="off")
        assert await count_texts(world) == 1, "another's"
        said = one_sentence(await world.member.slash(world.general, "privacy quotes", switch="off"))
        assert "quote you no more" in said
        assert await count_texts(world) == 0
        async with world.bot.database.read() as conn:
            assert await members.consent(conn, world.guild.id, world.member.id) == Consent()
