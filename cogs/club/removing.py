"""The question before a club is removed, and its two buttons."""

import discord
from discord import ui

from bot.client import Applecore
from bot.club import wording
from bot.club.layout import layout, notice_layout
from bot.storage import clubs
from bot.storage.records import Club
from cogs.buttons import FromTemplate, answering_errors
from cogs.club.choosing import Interaction, guild_of, require_manager

REMOVE_ID = "applecore:remove-club:{club}:{answer}"


def removal_question(club: Club, title: str) -> ui.LayoutView:
    """Asks once more; the answer works after a restart, too."""
    text = ui.TextDisplay[ui.LayoutView](
        f"Remove the club **{wording.plain(title)}** in <#{club.channel_id}>? "
        "It stops posting for good; what was posted stays, and the reading stays in the library."
    )
    buttons = (
        ui.Button[ui.LayoutView](label=label, style=style, custom_id=REMOVE_ID.format(club=club.id, answer=answer))
        for label, style, answer in (
            ("Remove it", discord.ButtonStyle.danger, "yes"),
            ("Keep it", discord.ButtonStyle.secondary, "no"),
        )
    )
    return layout(text, ui.ActionRow(*buttons))


class RemovalButton(
    FromTemplate,
    ui.DynamicItem[ui.Button[ui.LayoutView]],
    template=r"applecore:remove-club:(?P<club>\d+):(?P<answer>yes|no)",
):
    """*Remove it* or *Keep it*."""

    def __init__(self, club: str, answer: str) -> None:
        super().__init__(ui.Button(custom_id=REMOVE_ID.format(club=club, answer=answer)))
        self.club_id = int(club)
        self.remove = answer == "yes"

    @answering_errors
    async def callback(self, interaction: discord.Interaction[Applecore]) -> None:  # type: ignore[override]
        await interaction.response.defer()
        text = await self._answer(interaction) if self.remove else "The club stays as it is."
        await interaction.edit_original_response(view=notice_layout(text))

    async def _answer(self, interaction: Interaction) -> str:
        async with interaction.client.database.write() as conn:
            await require_manager(interaction, conn)
            club = await clubs.get(conn, guild_of(interaction).id, self.club_id)
            if club is None:
                return "That club was removed already."
            await clubs.remove(conn, club.id)
        interaction.client.engine.poke()
        return f"The club in <#{club.channel_id}> is removed. `/club setup` makes a new one at any time."
