""" "Add to the digest": a message command that picks a reply for its post's digest, or takes it out again."""

import discord
from discord import app_commands

from bot.client import Applecore
from bot.discussion.messages import COUNTED, storable
from bot.discussion.thoughts import Thought, thought_in
from bot.errors import ApplecoreError
from bot.storage import deletions, discussions, members, picks, replies
from bot.storage.database import Connection
from bot.storage.records import Reply
from cogs.club.choosing import Interaction, guild_of, require_manager


@app_commands.context_menu(name="Add to the digest")
async def add_to_digest(interaction: Interaction, message: discord.Message) -> None:
    await interaction.response.defer(ephemeral=True)
    await interaction.client.collector.flush()  # the reply may be a moment old
    async with interaction.client.database.write() as conn:
        said = await _turned(interaction, conn, message)
    await interaction.followup.send(said, ephemeral=True)


async def _turned(interaction: Interaction, conn: Connection, message: discord.Message) -> str:
    """Picks the reply, or takes it out where it was picked; what to say about it."""
    await deletions.version(conn)  # nobody's data is deleted while something of it is being kept
    reply = await _reply(interaction, conn, message)
    own = reply.author_id == interaction.user.id
    if not own:
        await require_manager(interaction, conn)
    if await picks.remove(conn, reply.message_id):
        return "Removed from the digest. The same command adds it again."
    if reply.edited_at is not None and (message.edited_at is None or message.edited_at < reply.edited_at):
        raise ApplecoreError("Its author changed the reply just now. Please use the command again.")
    text = _words(message, _thought(interaction, message))
    quotes = own or (await members.consent(conn, reply.guild_id, reply.author_id)).quotes
    by = await deletions.unless_forgotten(conn, interaction.user.id) or deletions.NOBODY
    at = interaction.client.clock()
    await picks.add(conn, reply, by=by, at=at, text=text if quotes else None)
    return f"Added to the digest{_how(own=own, quotes=quotes, text=text)} The same command takes it out again."


async def _reply(interaction: Interaction, conn: Connection, message: discord.Message) -> Reply:
    """Raises ApplecoreError where the message is none that a digest can have."""
    discussion = await discussions.by_thread(conn, message.channel.id)
    if discussion is None or discussion.guild_id != guild_of(interaction).id:
        raise ApplecoreError("Only what is said in the thread under an excerpt can be in its digest.")
    if (reply := await replies.get(conn, message.id)) is not None:
        return reply
    thought, by_person = _thought(interaction, message), not message.author.bot and message.webhook_id is None
    if thought is None and not (by_person and message.type in COUNTED):
        raise ApplecoreError("Only what members say can be in a digest.")
    author_id = thought.author_id if thought else message.author.id
    if author_id != interaction.user.id:
        await require_manager(interaction, conn)
    raise ApplecoreError(
        "I keep nothing about this message: I have not seen it yet, which `/club refresh` puts right, "
        "or its author asked me to keep nothing, which `/privacy join` takes back."
    )


def _thought(interaction: Interaction, message: discord.Message) -> Thought | None:
    me = interaction.client.user
    return thought_in(message, me.id) if me is not None else None


def _words(message: discord.Message, thought: Thought | None) -> str | None:
    """What the digest may quote; of a thought without the line that says whose it is."""
    return picks.kept(storable(thought.text if thought else message.content))


def _how(*, own: bool, quotes: bool, text: str | None) -> str:
    if text is None:
        return ", as a link."
    if own:
        return ". It quotes your words, with your name: adding them yourself allows that."
    if quotes:
        return ", with its words: its author agreed to be quoted."
    return ", as a link without its words: its author has not agreed to be quoted (`/privacy quotes`)."


async def setup(bot: Applecore) -> None:
    bot.tree.add_command(add_to_digest)
