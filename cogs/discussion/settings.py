"""/discussion settings: what the bot says in the threads by itself, and lets members say through it."""

from discord import app_commands
from discord.ext import commands

from bot.errors import ApplecoreError
from bot.storage import guilds
from bot.storage.records import Thoughts
from cogs.club.choosing import Interaction, guild_of, require_manager

DIGESTS = {
    True: "**Thread digests: on.** Before a thread closes, I say there what it brought, if anybody said anything.",
    False: "**Thread digests: off.** Threads close without a word; `/discussion digest` still tells what each brought.",
}

THOUGHTS = {
    Thoughts.AUTO: (
        "**My thought: auto.** Members can answer an excerpt by its button, but only while I can read every AutoMod "
        "rule that would look at a message of theirs."
    ),
    Thoughts.ON: (
        "**My thought: on.** Members can answer an excerpt by its button. I keep to the keyword rules that I can read; "
        "other AutoMod rules do not look at what I post for members."
    ),
    Thoughts.OFF: "**My thought: off.** Members write in the threads themselves.",
}

CHOICES = [
    app_commands.Choice(name="auto: where I can read every AutoMod rule that would apply", value=Thoughts.AUTO.value),
    app_commands.Choice(name="on: even where I cannot read every rule", value=Thoughts.ON.value),
    app_commands.Choice(name="off: members write in the threads themselves", value=Thoughts.OFF.value),
]


class Settling(commands.Cog):
    """The command that changes what a server's discussions are like."""

    @app_commands.command(description="Thread digests and the “My thought” button: see how they are set, or set them")
    @app_commands.describe(
        thread_digests="Whether I say in each thread, just before it closes, what it brought",
        thoughts="Whether members may answer an excerpt through me, by a button",
    )
    @app_commands.choices(thoughts=CHOICES)
    async def settings(
        self, interaction: Interaction, thread_digests: bool | None = None, thoughts: str | None = None
    ) -> None:
        await interaction.response.defer(ephemeral=True)
        guild = guild_of(interaction)
        wished = _thoughts(thoughts)
        async with interaction.client.database.write() as conn:
            await require_manager(interaction, conn)
            if thread_digests is not None:
                await guilds.put_settings(conn, guild.id, thread_digests=thread_digests)
            if wished is not None:
                await guilds.put_settings(conn, guild.id, thoughts=wished)
            now = await guilds.settings(conn, guild.id)
        lines = [DIGESTS[now.thread_digests], THOUGHTS[now.thoughts]]
        if thread_digests is None and wished is None:
            lines.append("-# The options of this command change that.")
        await interaction.followup.send("\n".join(lines), ephemeral=True)


def _thoughts(asked: str | None) -> Thoughts | None:
    try:
        return None if asked is None else Thoughts(asked)
    except ValueError:
        raise ApplecoreError("Please choose one of the three that `thoughts:` offers.") from None
