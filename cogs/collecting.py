"""Hands what the gateway tells about messages, reactions and threads to the collector."""

import discord
from discord.ext import commands

from bot.client import Applecore
from bot.discussion.messages import emoji_of, reply_in, storable
from bot.storage.records import BURST, NORMAL

Listener = commands.Cog.listener


class Collecting(commands.Cog):
    """Listens to raw events: of the messages themselves none is kept in memory."""

    def __init__(self, bot: Applecore) -> None:
        self._bot = bot
        self._collector = bot.collector

    @Listener()
    async def on_message(self, message: discord.Message) -> None:
        if message.guild is None:
            return
        ours = message.author.id == self._me and message.webhook_id is None
        if ours and not isinstance(message.channel, discord.Thread):
            self._collector.watch(message.id)
        self._note(message)

    @Listener()
    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        self._note(payload.message)

    @Listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        self._collector.deleted(payload.channel_id, payload.message_id)

    @Listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        for message_id in payload.message_ids:
            self._collector.deleted(payload.channel_id, message_id)

    @Listener()
    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        if payload.member is None:
            # The server is not known at the moment: this may be a bot's.
            self._collector.missed(payload.channel_id, payload.message_id)
        elif not payload.member.bot:
            emoji, name = emoji_of(payload.emoji)
            kind = BURST if payload.burst else NORMAL
            self._collector.reacted(payload.channel_id, payload.message_id, emoji, payload.user_id, kind, name)

    @Listener()
    async def on_raw_reaction_remove(self, payload: discord.RawReactionActionEvent) -> None:
        emoji, _ = emoji_of(payload.emoji)
        kind = BURST if payload.burst else NORMAL
        self._collector.unreacted(payload.channel_id, payload.message_id, emoji, payload.user_id, kind)

    @Listener()
    async def on_raw_reaction_clear(self, payload: discord.RawReactionClearEvent) -> None:
        self._collector.cleared(payload.channel_id, payload.message_id)

    @Listener()
    async def on_raw_reaction_clear_emoji(self, payload: discord.RawReactionClearEmojiEvent) -> None:
        emoji, _ = emoji_of(payload.emoji)
        self._collector.cleared(payload.channel_id, payload.message_id, emoji)

    @Listener()
    async def on_thread_create(self, thread: discord.Thread) -> None:
        name = storable(thread.name)
        self._collector.thread_changed(thread.id, name, archived=thread.archived, locked=thread.locked)

    @Listener()
    async def on_raw_thread_update(self, payload: discord.RawThreadUpdateEvent) -> None:
        state = payload.data["thread_metadata"]
        self._collector.thread_changed(
            payload.thread_id,
            storable(payload.data["name"]),
            archived=state["archived"],
            locked=state.get("locked", False),
        )

    @Listener()
    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        self._collector.thread_deleted(payload.thread_id)

    @Listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        self._collector.channel_deleted(channel.id)

    def _note(self, message: discord.Message) -> None:
        if not self._collector.follows(message.channel.id):
            return
        said = reply_in(message, me=self._me, reads_content=self._bot.intents.message_content)
        if said is not None:
            self._collector.said(said)

    @property
    def _me(self) -> int | None:
        return self._bot.user.id if self._bot.user is not None else None


async def setup(bot: Applecore) -> None:
    await bot.add_cog(Collecting(bot))
