"""A club with a post, and members who say what they think of it through the bot."""

from typing import Any

import discord
import simcord

from bot.club.permissions import least
from bot.storage import guilds
from bot.storage.records import Thoughts
from tests.cogs.manners import last
from tests.support.club_world import ClubWorld, answers, reading_of

BUTTON = "My thought"
KEYWORD, SPAM, PRESET = 1, 3, 4


async def posted(
    world: ClubWorld, thoughts: Thoughts | None = Thoughts.ON, *, heading: str = "", **reading: Any
) -> discord.Message:
    """The first excerpt of a club; ``thoughts`` is what the server's managers decided, None for nothing."""
    if thoughts is not None:
        await decided(world, thoughts)
    text = reading_of(3, **reading)
    if heading:
        text = text.model_copy(
            update={"excerpts": tuple(each.model_copy(update={"heading": heading}) for each in text.excerpts)}
        )
    await world.import_reading(text)
    await world.setup(reading="A short reading")
    await world.until(9, 1)
    [post] = world.posts()
    return post


async def decided(world: ClubWorld, thoughts: Thoughts) -> None:
    async with world.bot.database.write() as conn:
        await guilds.put_settings(conn, world.guild.id, thoughts=thoughts)


def grant(world: ClubWorld, **permissions: bool) -> None:
    """To the bot, server-wide, beyond the least that it asks for."""
    allowed = least()
    allowed.update(**permissions)
    for role in world.guild.roles.values():
        if role.name == world.env.backend.bot_user.name:
            world.env.backend.edit_role(world.guild.id, role.id, {"permissions": allowed.value})


def automod(world: ClubWorld, trigger: int = KEYWORD, **fields: Any) -> Any:
    """A rule of the server; answers simcord's own record of it."""
    metadata = {name: fields.pop(name) for name in list(fields) if name in {"keyword_filter", "presets"}}
    return world.env.backend.create_auto_mod_rule(
        world.guild.id,
        world.manager.id,
        {
            "name": "House rules",
            "event_type": 1,
            "trigger_type": trigger,
            "trigger_metadata": metadata,
            "actions": [{"type": 1, "metadata": {}}],
            **fields,
        },
    )


async def think(
    world: ClubWorld, text: str, *, member: simcord.MemberActor | None = None, post: Any = None
) -> simcord.InteractionResult:
    """Presses the button, which has to open the window, and sends it off; the answer to that."""
    actor = member or world.member
    return await send(world, await press(world, member=actor, post=post), text, member=actor)


async def press(
    world: ClubWorld, *, member: simcord.MemberActor | None = None, post: Any = None
) -> simcord.InteractionResult:
    return await (member or world.member).click(post or world.posts()[0], label=BUTTON)


async def send(
    world: ClubWorld, opened: simcord.InteractionResult, text: str, *, member: simcord.MemberActor | None = None
) -> simcord.InteractionResult:
    assert opened.modal is not None, answers(opened)
    return await (member or world.member).submit_modal(opened, {"text": text})


def thoughts(world: ClubWorld) -> list[discord.Message]:
    """The bot's messages in the first post's thread."""
    return world.own(world.threads()[0])


def automod_requests(world: ClubWorld) -> int:
    return sum(request.path.endswith("/auto-moderation/rules") for request in world.env.http_requests)


def given_back(result: Any) -> str:
    """The answer to a window that could not be posted: why not, then the member's words."""
    text = answers(result)
    assert last(result).ephemeral
    assert "This is what you wrote:\n> " in text
    return text
