"""/discussion: what was said about the excerpts, given back."""

from discord.ext import commands

from bot.client import Applecore
from cogs.discussion.export import Exporting
from cogs.discussion.settings import Settling
from cogs.discussion.telling import Telling


class DiscussionCog(
    Telling,
    Exporting,
    Settling,
    commands.GroupCog,
    group_name="discussion",
    group_description="What people said about the excerpts",
):
    """Tells what each excerpt, each reading and each member brought, and what of it is told unasked."""


async def setup(bot: Applecore) -> None:
    await bot.add_cog(DiscussionCog())
