"""/club: the commands of those who run a reading club."""

from discord.ext import commands

from bot.client import Applecore
from cogs.club.editing import Editing
from cogs.club.refreshing import Refreshing
from cogs.club.removing import RemovalButton
from cogs.club.running import Running
from cogs.club.setting_up import SettingUp


class ClubCog(
    SettingUp,
    Editing,
    Running,
    Refreshing,
    commands.GroupCog,
    group_name="club",
    group_description="Run a reading club",
):
    """Makes, changes and steers clubs."""


async def setup(bot: Applecore) -> None:
    bot.add_dynamic_items(RemovalButton)
    await bot.add_cog(ClubCog())
