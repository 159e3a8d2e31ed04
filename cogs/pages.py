"""Previous and Next under an excerpt that is longer than one message may be."""

import discord
from discord import ui
from discord.ext import commands

from bot.client import Applecore
from bot.club.excerpts import lay_out_excerpt
from bot.club.layout import PAGE_ID, PAGE_TEMPLATE, answered_post, excerpt_layout
from bot.errors import UnavailableError
from bot.storage import discussions, readings
from bot.storage.database import Connection
from cogs.buttons import FromTemplate, answering_errors


class PageButton(FromTemplate, ui.DynamicItem[ui.Button[ui.LayoutView]], template=PAGE_TEMPLATE):
    """Turns the page for the member who pressed it, in a message that only they see; the post itself stays."""

    def __init__(self, reading: str, position: str, page: str) -> None:
        super().__init__(ui.Button(custom_id=PAGE_ID.format(reading=reading, position=position, page=page)))
        self.reading_id, self.position, self.page = int(reading), int(position), int(page)

    @answering_errors
    async def callback(self, interaction: discord.Interaction[Applecore]) -> None:  # type: ignore[override]
        async with interaction.client.database.read() as conn:
            reading = await readings.get(conn, interaction.guild_id or 0, self.reading_id)
            laid_out = await lay_out_excerpt(conn, reading, self.position) if reading else None
            post_id = await _answered(conn, interaction.message) if interaction.message else None
        if laid_out is None:
            raise UnavailableError("This reading is not kept here any more, so I cannot turn the page.")
        view = excerpt_layout(laid_out, self.page, post_id=post_id)
        if interaction.message is not None and interaction.message.flags.ephemeral:
            await interaction.response.edit_message(view=view)
        else:
            await interaction.response.send_message(view=view, ephemeral=True)


async def _answered(conn: Connection, message: discord.Message) -> int | None:
    """The post that the button "My thought" beside the page buttons answers, so that each page has it as well.

    Of a post itself our own note of it is asked: its button may come from before the database was restored.
    """
    post_id = answered_post(message)
    if post_id is None or message.flags.ephemeral:
        return post_id
    discussion = await discussions.by_thread(conn, message.id)
    return post_id if discussion is None else discussion.post_id


async def setup(bot: commands.Bot) -> None:
    bot.add_dynamic_items(PageButton)
