"""Hands what the gateway tells about messages, reactions and threads to the collector."""

import discord
from discord.ext import commands

from bot.client import Applecore
from bot.discussion.messages import emoji_of, reply_in, storable
from bot.storage.records import BURST, NORMAL


class Collecting(commands.Cog):
    """Hears of raw events: of the messages themselves none is kept in memory."""

    def __init__(self, bot: Applecore) -> None:
        self._bot = bot
        self._collector = bot.collector

    async def cog_load(self) -> None:
        hear = self._bot.hear
        hear("message", self.message_came)
        hear("raw_message_edit", self.message_edited)
        hear("raw_message_delete", self.message_deleted)
        hear("raw_bulk_message_delete", self.messages_deleted)
        hear("raw_reaction_add", self.reaction_given)
        hear("raw_reaction_remove", self.reaction_taken_back)
        hear("raw_reaction_clear", self.reactions_cleared)
        hear("raw_reaction_clear_emoji", self.emoji_cleared)
        hear("thread_create", self.thread_created)
        hear("raw_thread_update", self.thread_changed)
        hear("raw_thread_delete", self.thread_deleted)
        hear("guild_channel_delete", self.channel_deleted)

    def message_came(self, message: discord.Message) -> None:
        if message.guild is None:
            return
        ours = message.author.id == self._me and message.webhook_id is None
        if ours and not isinstance(message.channel, discord.Thread):
            self._collector.watch(message.id)
        self._note(message)

    def message_edited(self, payload: discord.RawMessageUpdateEvent) -> None:
        self._note(payload.message)

    def message_deleted(self, payload: discord.RawMessageDeleteEvent) -> None:
        self._collector.deleted(payload.channel_id, payload.message_id)

    def messages_deleted(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        for message_id in payload.message_ids:
            self._collector.deleted(payload.channel_id, message_id)

    def reaction_given(self, payload: discord.RawReactionActionEvent) -> None:
        if payload.member is None:
            # The server is not known at the moment: this may be a bot's.
            self._collector.missed(payload.channel_id, payload.message_id)
        elif not payload.member.bot:
            emoji, name = emoji_of(payload.emoji)
            kind = BURST if payload.burst else NORMAL
            self._collector.reacted(payload.channel_id, payload.message_id, emoji, payload.user_id, kind, name)

    def reaction_taken_back(self, payload: discord.RawReactionActionEvent) -> None:
        emoji, _ = emoji_of(payload.emoji)
        kind = BURST if payload.burst else NORMAL
        self._collector.unreacted(payload.channel_id, payload.message_id, emoji, payload.user_id, kind)

    def reactions_cleared(self, payload: discord.RawReactionClearEvent) -> None:
        self._collector.cleared(payload.channel_id, payload.message_id)

    def emoji_cleared(self, payload: discord.RawReactionClearEmojiEvent) -> None:
        emoji, _ = emoji_of(payload.emoji)
        self._collector.cleared(payload.channel_id, payload.message_id, emoji)

    def thread_created(self, thread: discord.Thread) -> None:
        name = storable(thread.name)
        self._collector.thread_changed(thread.id, name, archived=thread.archived, locked=thread.locked)

    def thread_changed(self, payload: discord.RawThreadUpdateEvent) -> None:
        state = payload.data["thread_metadata"]
        self._collector.thread_changed(
            payload.thread_id,
            storable(payload.data["name"]),
            archived=state["archived"],
            locked=state.get("locked", False),
        )

    def thread_deleted(self, payload: discord.RawThreadDeleteEvent) -> None:
        self._collector.thread_deleted(payload.thread_id)

    def channel_deleted(self, channel: discord.abc.GuildChannel) -> None:
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
