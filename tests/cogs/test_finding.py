"""/excerpt and /find, for members."""

import re

import discord
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from bot.demo.transcript import buttons_of
from bot.reading.models import Excerpt, Reading
from bot.reading.splitting import utf16_len
from bot.storage import discussions
from tests.cogs.manners import last, one_sentence, polite_world
from tests.support.club_world import ClubWorld, answers, reading_of


async def begun(world: ClubWorld, reading: Reading | None = None, **options: object) -> None:
    reading = reading or reading_of(4)
    await world.import_reading(reading)
    await world.setup(reading=reading.title, **options)


async def excerpt(world: ClubWorld, number: int, **options: object) -> str:
    return answers(await world.member.slash(world.general, "excerpt", number=number, **options))


async def find(world: ClubWorld, text: str, **options: object) -> str:
    return answers(await world.member.slash(world.general, "find", text=text, **options))


def hide(world: ClubWorld) -> None:
    """From the member, the club's channel."""
    deny = discord.Permissions(view_channel=True).value
    overwrite = Overwrite(target_id=world.member.id, type=OverwriteType.MEMBER, allow=0, deny=deny)
    world.env.backend.set_overwrite(world.channel.id, overwrite)


async def test_an_earlier_excerpt_with_its_post_and_thread(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.until(9, 1, days=2)
        first, *_ = world.posts()
        said = await excerpt(world, 1)
        assert "Passage number 1." in said
        at = f"https://discord.com/channels/{world.guild.id}"
        assert f"Number 1 of 4, posted <t:{int(first.created_at.timestamp())}:D>: " in said
        assert f"[post]({at}/{world.channel.id}/{first.id}) · [thread]({at}/{first.id})" in said
        assert "Passage number 3." in await excerpt(world, 3)


async def test_what_is_to_come_is_not_given_away(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.until(9, 1)
        said = one_sentence(await world.member.slash(world.general, "excerpt", number=2))
        assert re.fullmatch(
            r"Number 2 of \*\*A short reading\*\* has not been posted yet. The next comes <t:\d+:F> \(<t:\d+:R>\)\.",
            said,
        )
        said = one_sentence(await world.member.slash(world.general, "excerpt", number=5))
        assert said == "**A short reading** has only 4 excerpts."
        await world.manager.slash(world.general, "club pause")
        assert (await excerpt(world, 4)).endswith("has not been posted yet. The club is paused.")
        assert "Passage" not in await excerpt(world, 4)


async def test_whoever_runs_the_club_may_look_ahead(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        said = answers(await world.manager.slash(world.general, "excerpt", number=4))
        assert "Passage number 4." in said
        assert "Not posted: members cannot see this one. The next comes <t:" in said
        said = one_sentence(await world.manager.slash(world.general, "excerpt", number=5))
        assert "only 4 excerpts" in said


async def test_an_excerpt_that_was_left_out(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.manager.slash(world.general, "club skip")
        await world.until(9, 1)
        said = one_sentence(await world.member.slash(world.general, "excerpt", number=1))
        assert "it was left out, or its post was deleted" in said
        assert "Passage number 2." in await excerpt(world, 2)


async def test_an_excerpt_is_for_those_who_see_the_club(database_url: str) -> None:
    async with polite_world(database_url) as world:
        assert "no club here yet" in one_sentence(await world.member.slash(world.general, "excerpt", number=1))
        await begun(world)
        await world.until(9, 1)
        hide(world)
        assert "no club here yet" in one_sentence(await world.member.slash(world.general, "excerpt", number=1))
        assert "Nothing has been posted yet" in one_sentence(
            await world.member.slash(world.general, "find", text="passage")
        )


async def test_a_long_excerpt_is_paged(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, reading_of(2, quote="The word. " * 900 + "{n}"))
        await world.until(9, 1, days=1)
        result = await world.member.slash(world.general, "excerpt", number=1)
        page = result.response or result.followups[0]
        await world.member.click(page, label="Next page")
        assert buttons_of(page.message) == ["Previous page", "Next page"]


async def test_a_deleted_thread_is_not_linked(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.until(9, 1)
        [post] = world.posts()
        async with world.bot.database.write() as conn:
            await discussions.thread_deleted(conn, post.id, world.env.now())
        said = await excerpt(world, 1)
        assert "[post]" in said
        assert "[thread]" not in said


async def test_words_are_found_in_what_was_posted_alone(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        assert "Nothing has been posted yet" in await find(world, "passage")
        await world.until(9, 1, days=1)
        first, second = world.posts()
        said = await find(world, "PASSÂGE  number")
        assert said.startswith("2 excerpts have “PASSÂGE number”:\n\n**Number 1** · [post](https://")
        assert said.count("> **Passage number** ") == 2
        assert said.index(str(first.id)) < said.index(str(second.id))
        assert "**Number 2**" in await find(world, "number 2")
        assert await find(world, "number 3") == (
            "None of the 2 excerpts has “number 3”. I look through what was posted, not through the threads."
        )


async def test_a_word_that_a_filter_had_refused_is_found_either_way(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await world.setup(reading="deepseek")
        await world.until(9, 1, days=3)
        for text in ("hardcore", 'hard"apple"core', "hard“Apple”core"):
            said = await find(world, text)
            assert said.startswith("One excerpt has"), text
            assert "**Number 4**" in said
            assert "In the future, **hardcore** innovation will become" in said


async def test_each_part_of_an_excerpt_is_looked_through(database_url: str) -> None:
    async with polite_world(database_url) as world:
        only = Excerpt(heading="A heading", comment="A comment?", quote="A quote.", remark="A remark.")
        await begun(world, Reading(title="Parts", excerpts=(only,)))
        await world.until(9, 1)
        assert "> A **heading**" in await find(world, "heading")
        assert "· A heading\n> A **comment**?" in await find(world, "comment")
        assert "> A **quote**." in await find(world, "quote")
        assert "> A **remark**." in await find(world, "remark")
        assert "The one excerpt posted so far does not have “nothing”" in await find(world, "nothing")


async def test_marks_in_what_is_looked_for_do_nothing(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.until(9, 1)
        assert "“\\*\\*x\\*\\* \\<@1>”" in await find(world, "**x** <@1>")
        assert "There is no word in that" in one_sentence(
            await world.member.slash(world.general, "find", text="\u200b")
        )


async def test_ten_hits_at_most_and_within_a_message(database_url: str) -> None:
    async with polite_world(database_url) as world:
        worst = "*_" * 40 + "needle" + "_*" * 40
        parts = tuple(Excerpt(heading=f"{n:02}" + "*" * 98, quote=worst) for n in range(12))
        await begun(world, Reading(title="_" * 100, excerpts=parts))
        await world.until(9, 1, days=9)
        assert (await find(world, "needle")).startswith("10 excerpts have “needle”:")
        await world.until(9, 1)
        said = await find(world, "needle")
        assert said.startswith("11 excerpts have “needle”; these are 10 of them. A longer text finds fewer.")
        assert said.count("**needle**") == 10
        assert 1500 < utf16_len(said) <= 4000


async def test_several_clubs_at_once_or_one_of_them(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        second = world.guild.create_text_channel("second")
        await begun(world, reading_of(2, title="Another"), channel=second)
        await world.until(9, 1)
        said = await find(world, "passage")
        assert "**Number 1** of A short reading · [post]" in said
        assert "**Number 1** of Another · [post]" in said
        offered = await world.member.autocomplete(world.general, "find", "club", "second")
        said = await find(world, "passage", club=offered[0]["value"])
        assert said.startswith("One excerpt has")
        assert str(second.id) in said
        hide(world)
        said = await find(world, "passage")
        assert said.startswith("One excerpt has")
        assert str(second.id) in said


async def test_what_was_read_before_is_found_as_well(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.until(9, 1)
        await world.import_reading(reading_of(2, title="Another"))
        await world.manager.slash(world.general, "club edit", reading="Another")
        await world.until(9, 1)
        assert (await find(world, "passage")).index("of Another") < (await find(world, "passage")).index(
            "of A short reading"
        )
        assert "of 2, posted" in await excerpt(world, 1), "a number is one of what is read now"


async def test_the_answers_are_the_members_own(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.until(9, 1)
        asked: dict[str, dict[str, object]] = {"excerpt": {"number": 1}, "find": {"text": "passage"}}
        for command, options in asked.items():
            assert last(await world.member.slash(world.general, command, **options)).ephemeral
