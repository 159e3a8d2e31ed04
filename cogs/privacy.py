"""/privacy: what is kept about a member, and how to have it deleted; for managers, how long text is kept."""

import asyncio
import io
import logging
from typing import Literal

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.client import Applecore
from bot.club.layout import gathered, layout, notice_layout
from bot.discussion import personal as showing
from bot.discussion.taking_back import take_back
from bot.errors import ApplecoreError
from bot.reading.digest_wording import counted, message_url
from bot.storage import deletions, guilds, members, personal, retention
from bot.storage.database import Connection
from cogs.buttons import FromTemplate, answering_errors
from cogs.club.choosing import Interaction, guild_of, require_manager

log = logging.getLogger(__name__)

DELETE_ID = "applecore:privacy-delete:{answer}"

QUESTION = """## Delete everything I keep about you?
In **every server**, at once and for good: that you replied and reacted and what I kept of your words, the reactions \
to your replies, your bookmarks and your answers about quotes and streaks. Thoughts that I posted for you I delete \
from their threads first. Clubs that you set up and readings that you added stay, without your name.

What you wrote in Discord yourself stays there: only you or a moderator can delete it. Digests that stand in a \
channel already stay as they are.

From then on I collect nothing about you, in no server, until you use `/privacy join`. I keep a fingerprint of your \
id, so that I know, and so that no backup brings you back."""

NOT_JOINED = "You asked me to keep nothing about you, so I cannot keep this either. `/privacy join` changes that."

LINKS = 10
"""How many messages that could not be deleted are linked in the answer; more of them become a file."""

Switch = Literal["on", "off"]


@app_commands.guild_only()
class PrivacyCog(commands.GroupCog, group_name="privacy", group_description="What I keep about you, and for how long"):
    """Shows, deletes, and asks before anything is quoted."""

    @app_commands.command(description="All that I keep about you, in every server; only you see it")
    async def show(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        bot, here = interaction.client, guild_of(interaction)
        await bot.collector.flush()
        async with bot.database.read() as conn:
            kept = await personal.of_member(conn, interaction.user.id)
        names = {each.guild_id: guild.name for each in kept.guilds if (guild := bot.get_guild(each.guild_id))}
        *earlier, last = gathered(showing.summary(kept, names, here.id))
        for text in earlier:
            await interaction.followup.send(view=notice_layout(text), ephemeral=True)
        await interaction.followup.send(view=notice_layout(last), ephemeral=True)
        if kept.guilds:
            name, data = await asyncio.to_thread(showing.as_file, kept, names)
            await interaction.followup.send(file=discord.File(io.BytesIO(data), name), ephemeral=True)

    @app_commands.command(description="Deletes all that I keep about you, in every server, after asking")
    async def delete(self, interaction: Interaction) -> None:
        await interaction.response.send_message(view=_question(), ephemeral=True)

    @app_commands.command(description="Lets me collect again what you say, after /privacy delete")
    async def join(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        async with interaction.client.database.write() as conn:
            lifted = await deletions.join(conn, interaction.user.id, interaction.client.clock())
        await interaction.followup.send(
            "Welcome back. What you say and which reactions you give in the threads counts again from now on, and so "
            "may what you left in threads that are still open. Nothing that was deleted comes back."
            if lifted
            else "Nothing to change: what you say in the threads counts. `/privacy show` shows what I keep of it.",
            ephemeral=True,
        )

    @app_commands.command(description="For how many days I keep the text of replies here; for those who run the clubs")
    @app_commands.describe(days="0 keeps no text, and drops what was kept (at most 365)")
    async def retention(
        self, interaction: Interaction, days: app_commands.Range[int, 0, retention.LONGEST_DAYS]
    ) -> None:
        await interaction.response.defer(ephemeral=True)
        bot, guild = interaction.client, guild_of(interaction)
        await bot.collector.flush()
        async with bot.database.write() as conn:
            await require_manager(interaction, conn)
            await guilds.put_settings(conn, guild.id, text_days=days)
        dropped = 0
        while True:
            async with bot.database.write() as conn:
                some = await retention.drop_texts(conn, guild.id, bot.clock())
            if not some:
                break
            dropped += some
        if dropped:
            await bot.database.scrub()
        await interaction.followup.send(
            _retention_text(days, dropped, reads=bot.intents.message_content), ephemeral=True
        )

    @app_commands.command(description="Whether digests here may quote what you write (off until you say on)")
    @app_commands.describe(switch="on: yes, with your name; off: only links, and what was kept for it is dropped")
    async def quotes(self, interaction: Interaction, switch: Switch) -> None:
        await interaction.response.defer(ephemeral=True)
        bot, guild, user = interaction.client, guild_of(interaction), interaction.user
        agreed = switch == "on"
        await bot.collector.flush()
        async with bot.database.write() as conn:
            await _require_joined(conn, user.id, agreed=agreed)
            await members.set_quotes(conn, guild.id, user.id, agreed=agreed)
        if not agreed:
            await bot.database.scrub()
        await interaction.followup.send(
            "Thank you: digests in this server may quote what you write, with your name. `/privacy quotes` takes it "
            "back at any time."
            if agreed
            else "I quote you no more in this server, and dropped what I kept for it; digests only link to what you "
            "write. Digests that were posted already stay as they are.",
            ephemeral=True,
        )

    @app_commands.command(description="Whether you appear in streaks and leaderboards here (off until you say on)")
    @app_commands.describe(switch="on: yes, with your name; off: no")
    async def streaks(self, interaction: Interaction, switch: Switch) -> None:
        await interaction.response.defer(ephemeral=True)
        guild, user, agreed = guild_of(interaction), interaction.user, switch == "on"
        async with interaction.client.database.write() as conn:
            await _require_joined(conn, user.id, agreed=agreed)
            await members.set_streaks(conn, guild.id, user.id, agreed=agreed)
        await interaction.followup.send(
            "You appear in this server's streaks and leaderboards, with your name. `/privacy streaks` takes it back "
            "at any time."
            if agreed
            else "You appear in no streaks and leaderboards of this server any more.",
            ephemeral=True,
        )


class DeletionButton(
    FromTemplate,
    ui.DynamicItem[ui.Button[ui.LayoutView]],
    template=r"applecore:privacy-delete:(?P<answer>yes|no)",
):
    """*Delete everything* or *Keep it*: of whoever presses it, and nobody else sees it."""

    def __init__(self, answer: str) -> None:
        super().__init__(ui.Button(custom_id=DELETE_ID.format(answer=answer)))
        self.delete = answer == "yes"

    @answering_errors
    async def callback(self, interaction: discord.Interaction[Applecore]) -> None:  # type: ignore[override]
        await interaction.response.defer()
        text = await _delete(interaction) if self.delete else "I keep it. `/privacy show` shows what it is."
        await interaction.edit_original_response(view=notice_layout(text))


async def _delete(interaction: Interaction) -> str:
    bot, user_id = interaction.client, interaction.user.id
    await bot.collector.flush()  # what it still holds is in the database, and goes with the rest
    async with bot.database.read() as conn:
        thoughts = await personal.thoughts(conn, user_id)
    if thoughts:
        doing = f"I delete the {counted(len(thoughts), 'thought')} that I posted for you, which may take some minutes."
        await interaction.edit_original_response(view=notice_layout(f"{doing} Then everything else goes."))
    left = await take_back(bot, bot.collector, thoughts)
    await bot.collector.flush()
    async with bot.database.write() as conn:
        late = [each for each in await personal.thoughts(conn, user_id) if each not in thoughts]
        gone = await deletions.forget_member(conn, user_id, bot.clock())
    await bot.database.scrub()
    log.info("deleted what was stored about a member who asked for it")
    left |= await take_back(bot, bot.collector, late)  # said while the others went
    lines = [showing.what_went(gone)]
    if taken := len(thoughts) + len(late) - len(left):
        lines.append(f"I deleted {counted(taken, 'thought')} that I had posted for you.")
    lines.append("From now on I collect nothing about you, until you use `/privacy join`.")
    if left:
        lines.append(await _say_what_is_left(interaction, [message_url(*each) for each in left]))
    return "\n".join(lines)


async def _say_what_is_left(interaction: Interaction, links: list[str]) -> str:
    """What to do about thoughts that would not go; nobody but the member has the links any more."""
    would_not = f"{counted(len(links), 'thought')} that I posted for you would not go"
    what_to_do = "please use *Take back my thought* there, or ask a moderator to delete it"
    if len(links) <= LINKS:
        return f"{would_not}; {what_to_do}: {', '.join(links)}"
    file = discord.File(io.BytesIO("\n".join(links).encode()), "thoughts-left.txt")
    await interaction.followup.send(file=file, ephemeral=True)
    return f"{would_not}; {what_to_do}. The file below has the links."


async def _require_joined(conn: Connection, user_id: int, *, agreed: bool) -> None:
    """Raises ApplecoreError where somebody agrees of whom nothing may be kept."""
    await deletions.version(conn)  # nobody's data is deleted while something of theirs is being kept
    if agreed and (await deletions.forgotten(conn)).holds(user_id):
        raise ApplecoreError(NOT_JOINED)


def _question() -> ui.LayoutView:
    buttons = (
        ui.Button[ui.LayoutView](label=label, style=style, custom_id=DELETE_ID.format(answer=answer))
        for label, style, answer in (
            ("Delete everything", discord.ButtonStyle.danger, "yes"),
            ("Keep it", discord.ButtonStyle.secondary, "no"),
        )
    )
    return layout(ui.TextDisplay(QUESTION), ui.ActionRow(*buttons))


def _retention_text(days: int, dropped: int, *, reads: bool) -> str:
    gone = f" I dropped the text of {counted(dropped, 'reply', 'replies')}." if dropped else ""
    if days == 0:
        return (
            f"I keep no text of what members write here.{gone} Only of replies in a digest, whose authors allowed it, "
            f"I keep the beginning for {counted(retention.PICKED.days, 'day')}."
        )
    text = f"From now on I keep the text of replies in the threads for {counted(days, 'day')}, then I drop it.{gone}"
    if not reads:
        text += (
            " But I may not read what members write, since this bot runs without the Message Content intent: only "
            "of thoughts that I post for members I know the text."
        )
    return text


async def setup(bot: Applecore) -> None:
    bot.add_dynamic_items(DeletionButton)
    await bot.add_cog(PrivacyCog())
