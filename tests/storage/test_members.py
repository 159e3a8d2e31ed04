"""Nobody agreed to anything before they said so, and whoever takes it back is as one who never agreed."""

from sqlalchemy import select

from bot.storage import guilds, members, schema
from bot.storage.database import Database
from bot.storage.records import Consent, GuildSettings, Thoughts
from tests.storage import said
from tests.storage.make import GUILD
from tests.storage.saying import THREAD, talk

OTHER = GUILD + 1


async def test_each_agrees_for_themself_in_each_guild(database: Database) -> None:
    async with database.write() as conn:
        assert await members.consent(conn, GUILD, 7) == Consent(quotes=False, streaks=False)
        await members.set_quotes(conn, GUILD, 7, agreed=True)
        await members.set_streaks(conn, GUILD, 8, agreed=True)
        await members.set_streaks(conn, OTHER, 9, agreed=True)
        assert await members.consent(conn, GUILD, 7) == Consent(quotes=True)
        assert await members.consent(conn, OTHER, 7) == Consent()
        assert await members.agreed(conn, GUILD, quotes=True) == {7}
        assert await members.agreed(conn, GUILD, streaks=True) == {8}
        assert await members.agreed(conn, GUILD, quotes=True, streaks=True) == set()
        assert await members.agreed(conn, GUILD) == set()
        await members.set_streaks(conn, GUILD, 7, agreed=True)
        assert await members.agreed(conn, GUILD, quotes=True, streaks=True) == {7}


async def test_of_one_who_agrees_to_nothing_there_is_no_row(database: Database) -> None:
    async with database.write() as conn:
        await members.set_quotes(conn, GUILD, 7, agreed=True)
        await members.set_streaks(conn, GUILD, 7, agreed=True)
        await members.set_quotes(conn, GUILD, 7, agreed=False)
        assert await members.consent(conn, GUILD, 7) == Consent(streaks=True)
        await members.set_streaks(conn, GUILD, 7, agreed=False)
        await members.set_quotes(conn, GUILD, 8, agreed=False)
        assert (await conn.execute(select(schema.members))).all() == []


async def test_who_is_quoted_no_more_has_no_words_in_picks_of_that_guild(database: Database) -> None:
    async with database.write() as conn:
        for number, guild in enumerate((GUILD, OTHER)):
            post = await talk(conn, guild, thread_id=THREAD + number)
            for author in (7, 8):
                await said.reply(conn, post, 10 * number + author, author, text="kept")
                await said.pick(conn, post, 10 * number + author, text="picked")
        await members.set_quotes(conn, GUILD, 7, agreed=False)
        picks = {row.message_id: row.text for row in await conn.execute(select(schema.picks))}
        assert picks == {7: None, 8: "picked", 17: "picked", 18: "picked"}
        assert set(await conn.scalars(select(schema.replies.c.text))) == {"kept"}


async def test_a_guild_has_defaults_until_its_managers_decide(database: Database) -> None:
    async with database.write() as conn:
        assert await guilds.settings(conn, GUILD) == GuildSettings(0, thread_digests=True, thoughts=Thoughts.AUTO)
        await guilds.set_role(conn, GUILD, 5)
        assert await guilds.settings(conn, GUILD) == GuildSettings()
        await guilds.put_settings(conn, GUILD)
        await guilds.put_settings(conn, GUILD, text_days=30)
        await guilds.put_settings(conn, GUILD, thread_digests=False)
        await guilds.put_settings(conn, OTHER, thoughts=Thoughts.ON)
        assert await guilds.settings(conn, GUILD) == GuildSettings(30, thread_digests=False)
        assert await guilds.settings(conn, OTHER) == GuildSettings(thoughts=Thoughts.ON)
        assert await guilds.role(conn, GUILD) == 5
