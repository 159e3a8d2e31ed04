""" "Take back my thought": a message command that deletes what the bot posted for the member."""

from contextlib import suppress

import discord
from discord import app_commands

from bot.client import Applecore
from bot.club.outcome import Failure, Outcome
from bot.discussion.taking_back import take_back
from bot.discussion.thoughts import thought_author
from bot.errors import ApplecoreError
from cogs.club.choosing import Interaction, guild_of

PATIENCE = 60.0
"""Seconds that Discord may make us wait."""


@app_commands.context_menu(name="Take back my thought")
async def take_back_thought(interaction: Interaction, message: discord.Message) -> None:
    await interaction.response.defer(ephemeral=True)
    bot, guild = interaction.client, guild_of(interaction)
    _require_author(interaction, message)
    posted = (guild.id, message.channel.id, message.id)
    left = await take_back(bot, bot.collector, [posted], seconds=PATIENCE)
    if posted in left:
        raise ApplecoreError(_still_there(left[posted]))
    with suppress(ApplecoreError):  # it is noted, and will be in the database as soon as that can be written
        await bot.collector.flush()
    await interaction.followup.send("Your thought is deleted, and does not count any more.", ephemeral=True)


def _require_author(interaction: Interaction, message: discord.Message) -> None:
    """Raises ApplecoreError for whoever did not write the thought, or where there is none."""
    me = interaction.client.user
    author_id = thought_author(message, me.id) if me is not None else None
    if author_id is None:
        raise ApplecoreError(
            "That is no thought that I posted for a member. What you wrote yourself you can delete in Discord."
        )
    if author_id != interaction.user.id:
        raise ApplecoreError(
            f"Only <@{author_id}> can take it back, whose thought it is. "
            "If it breaks a rule, whoever may **Manage Messages** can delete it."
        )


def _still_there(failure: Failure) -> str:
    if failure.outcome is Outcome.REFUSED:
        return f"I could not delete it. {failure.reason} Please ask someone who may **Manage Messages** to do it."
    return f"It may still be there. {failure.reason} Please try again in a moment."


async def setup(bot: Applecore) -> None:
    bot.tree.add_command(take_back_thought)
