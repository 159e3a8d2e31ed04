"""Previous and Next under an excerpt that is longer than one message may be."""

import re

import discord
from discord import ui
from discord.ext import commands

from bot.client import Applecore
from bot.club.excerpts import lay_out_excerpt
from bot.club.layout import PAGE_ID, PAGE_TEMPLATE, excerpt_layout
from bot.errors import UnavailableError
from bot.storage import readings
from cogs.buttons import answering_errors


class PageButton(ui.DynamicItem[ui.Button[ui.LayoutView]], template=PAGE_TEMPLATE):
    """Turns the page for the member who pressed it, in a message that only they see; the post itself stays."""

    def __init__(self, reading_id: int, position: int, page: int) -> None:
        super().__init__(ui.Button(custom_id=PAGE_ID.format(reading=reading_id, position=position, page=page)))
        self.reading_id, self.position, self.page = reading_id, position, page

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[discord.Client],
        item: ui.Item[ui.LayoutView],
        match: re.Match[str],
        /,
    ) -> "PageButton":
        return cls(int(match["reading"]), int(match["position"]), int(match["page"]))

    @answering_errors
    async def callback(self, interaction: discord.Interaction[Applecore]) -> None:  # type: ignore[override]
        async with interaction.client.database.read() as conn:
            reading = await readings.get(conn, interaction.guild_id or 0, self.reading_id)
            laid_out = await lay_out_excerpt(conn, reading, self.position) if reading else None
        if laid_out is None:
            raise UnavailableError("This reading is not kept here any more, so I cannot turn the page.")
        view = excerpt_layout(laid_out, self.page)
        if interaction.message is not None and interaction.message.flags.ephemeral:
            await interaction.response.edit_message(view=view)
        else:
            await interaction.response.send_message(view=view, ephemeral=True)


async def setup(bot: commands.Bot) -> None:
    bot.add_dynamic_items(PageButton)
