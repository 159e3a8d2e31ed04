"""Discord's rules that simcord's model lacks: threads, their archiving, and the text limit of Components V2.

Not modelled: the exact moment of auto-archiving (it happens when virtual time next moves past it), a thread's
slow mode, and what becomes of HAS_THREAD when the thread is deleted (not established for Discord either).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import discord
from simcord.backend import Backend, errors, permissions, serializers
from simcord.backend.errors import BackendError
from simcord.backend.models import Channel, Message, Overwrite, SystemMessageMetadata
from simcord.components import walk_components
from simcord.enums import ChannelType, MessageType

from bot.demo.overlays.bursts import BURST, BurstReactions

if TYPE_CHECKING:
    from bot.demo.faults import Faults

HAS_THREAD = 1 << 5
TEXT_DISPLAY = 10
V2_TEXT_LIMIT = 4000
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Blocked:
    """A message that AutoMod kept out of its channel."""

    channel_id: int
    author_id: int
    content: str
    at: datetime


def thread_archived() -> BackendError:
    return BackendError(400, 50083, "Thread is archived")


def thread_locked() -> BackendError:
    return BackendError(403, 160005, "This thread is locked")


class OverlaidBackend(BurstReactions, Backend):
    """simcord's model of one Discord, with the overlays' state. `install` turns a Backend into this class."""

    # Set by install(), since no __init__ runs when an instance changes its class.
    overlays: Any
    scripted: Faults  # "faults" is the list behind simcord's own inject_error
    nonce_window: timedelta = timedelta(minutes=5)
    nonces: dict[tuple[int, str], tuple[int, datetime]]  # (channel, nonce) -> (message, when)
    pending_nonce: str | int | None = None  # of the message that is being created
    auto_archive: bool = True
    next_archive: datetime  # no open thread falls due before this
    blocked: list[Blocked]

    # ---- messages

    def prepare_message(self, channel_id: int, author_id: int, content: str | None = "", **fields: Any) -> Message:
        _check_text_length(fields.get("components"))
        return super().prepare_message(channel_id, author_id, content, **fields)

    def commit_message(self, message: Message, *, broadcast: bool = True) -> Message:
        thread = self._closed_thread(message.channel_id)
        if thread is not None and message.system_metadata is None and message.interaction_metadata is None:
            self._check_open_to(thread, message)
        committed = super().commit_message(message, broadcast=False)
        if message.id not in self.messages[message.channel_id]:
            self.blocked.append(Blocked(message.channel_id, message.author_id, message.content, self.clock.now()))
            return committed
        if thread is not None and message.system_metadata is None and _metadata(thread).archived:
            self.edit_channel(thread.id, {}, thread_metadata={"archived": False})
        if broadcast:
            self.announce_message_create(message)
        return committed

    def edit_message(self, channel_id: int, message_id: int, fields: dict[str, Any]) -> Message:
        self._refuse_archived(channel_id)
        _check_text_length(fields.get("components"))
        return super().edit_message(channel_id, message_id, fields)

    def set_reaction(self, channel_id: int, message_id: int, emoji: str, user_id: int, reacted: bool) -> None:
        self._refuse_archived(channel_id)
        super().set_reaction(channel_id, message_id, emoji, user_id, reacted)

    def set_burst(self, channel_id: int, message_id: int, emoji: str, user_id: int, given: bool) -> None:
        self._refuse_archived(channel_id)
        super().set_burst(channel_id, message_id, emoji, user_id, given)

    # ---- threads

    def create_thread(
        self,
        parent_id: int,
        name: str,
        owner_id: int,
        *,
        type: int = ChannelType.PUBLIC_THREAD,  # noqa: A002 - simcord's signature
        auto_archive_duration: int = 1440,
        message_id: int | None = None,
        applied_tags: Iterable[int] = (),
        broadcast: bool = True,
    ) -> Channel:
        self.next_archive = _LONG_AGO
        thread = super().create_thread(
            parent_id,
            name,
            owner_id,
            type=type,
            auto_archive_duration=auto_archive_duration,
            message_id=message_id,
            applied_tags=applied_tags,
            # simcord announces a thread with a "started a thread" message; Discord does so only for a thread
            # that was not started from a message.
            broadcast=broadcast and message_id is None,
        )
        if message_id is not None and broadcast:
            source = self.get_message(parent_id, message_id)
            source.flags |= HAS_THREAD
            self.announce_thread_create(thread)
            self.emit("MESSAGE_UPDATE", dict(serializers.message_payload(self, source)))
            self._add_starter_message(thread, source)
        return thread

    def edit_channel(
        self,
        channel_id: int,
        changes: Mapping[str, Any],
        *,
        overwrites: list[Overwrite] | None = None,
        thread_metadata: Mapping[str, Any] | None = None,
    ) -> Channel:
        if thread_metadata and "archived" in thread_metadata:
            thread_metadata = {"archive_timestamp": self.now_iso(), **thread_metadata}
        self.next_archive = _LONG_AGO
        return super().edit_channel(channel_id, changes, overwrites=overwrites, thread_metadata=thread_metadata)

    def delete_channel(self, channel_id: int) -> None:
        """Its threads go with it; of them Discord need not tell."""
        super().delete_channel(channel_id)
        orphans = [one for one in self.channels.values() if one.is_thread and one.parent_id == channel_id]
        for thread in orphans:
            del self.channels[thread.id]
            self.messages.pop(thread.id, None)
            if thread.guild_id is not None:
                self.guilds[thread.guild_id].thread_ids.remove(thread.id)

    def archive_idle(self, now: datetime) -> None:
        if now < self.next_archive:
            return
        upcoming = [_NEVER]
        for guild in self.guilds.values():
            for thread in [self.channels[thread_id] for thread_id in guild.thread_ids]:
                metadata = _metadata(thread)
                if metadata.archived:
                    continue
                due = _last_activity(thread) + timedelta(minutes=metadata.auto_archive_duration)
                if due <= now:
                    self.edit_channel(thread.id, {}, thread_metadata={"archived": True})
                else:
                    upcoming.append(due)
        self.next_archive = min(upcoming)

    def advance_clock(self, seconds: float) -> None:
        super().advance_clock(seconds)
        if self.auto_archive:
            self.archive_idle(self.clock.now())

    # ---- the gateway

    def emit(self, event: str, payload: Mapping[str, Any]) -> None:
        if event == "GUILD_CREATE":
            # Discord sends the active threads only; with simcord's own payload the cache of a restarted bot
            # would hold the archived ones too.
            active = [t for t in payload["threads"] if not t["thread_metadata"]["archived"]]
            payload = {**payload, "threads": active}
        if event == "MESSAGE_CREATE" and self.pending_nonce is not None:
            payload = {**payload, "nonce": self.pending_nonce}
        if self.bursting:
            payload = {**payload, "burst": True, "type": BURST}
        if self.scripted.killed:
            self.transcript.append(("DROPPED", event, "the bot was killed"))
            return
        super().emit(event, payload)

    # ---- helpers

    def _add_starter_message(self, thread: Channel, source: Message) -> None:
        """Discord's first message of a thread that was started from a message: empty, pointing at it."""
        starter = Message(
            id=self.snowflake(),
            channel_id=thread.id,
            author_id=thread.owner_id or self.bot_user.id,
            content="",
            timestamp=self.now_iso(),
            type=int(MessageType.THREAD_STARTER_MESSAGE),
            system_metadata=SystemMessageMetadata(
                referenced_channel_id=source.channel_id, referenced_message_id=source.id
            ),
        )
        self.commit_message(starter)
        thread.message_count -= 1  # Discord does not count it

    def _closed_thread(self, channel_id: int) -> Channel | None:
        """The channel, if it is a thread that is archived or locked."""
        channel = self.get_channel(channel_id)
        metadata = channel.thread_metadata
        return channel if metadata is not None and (metadata.archived or metadata.locked) else None

    def _refuse_archived(self, channel_id: int) -> None:
        thread = self._closed_thread(channel_id)
        if thread is not None and _metadata(thread).archived:
            raise thread_archived()

    def _check_open_to(self, thread: Channel, message: Message) -> None:
        metadata = _metadata(thread)
        if not metadata.locked:
            return
        if metadata.archived:
            raise thread_archived()  # posting opens a thread again unless it was locked
        if message.webhook_id is None and not self.may_manage_threads(thread, message.author_id):
            raise thread_locked()

    def may_manage_threads(self, thread: Channel, user_id: int) -> bool:
        if thread.guild_id is None:
            raise errors.cannot_execute_on_channel_type()
        granted = self.compute_permissions(thread.guild_id, user_id, thread.id)
        return bool(granted & permissions.flag("manage_threads"))


def _metadata(thread: Channel) -> Any:
    if thread.thread_metadata is None:
        raise errors.cannot_execute_on_channel_type()
    return thread.thread_metadata


def _last_activity(thread: Channel) -> datetime:
    opened = datetime.fromisoformat(_metadata(thread).archive_timestamp)
    if thread.last_message_id is None:
        return opened
    return max(opened, discord.utils.snowflake_time(thread.last_message_id))


def _check_text_length(components: list[dict[str, Any]] | None) -> None:
    """simcord counts code points. Which unit Discord counts is not documented, so count the stricter one."""
    total = sum(
        len(str(component.get("content", "")).encode("utf-16-le", "surrogatepass")) // 2
        for component in walk_components(components or [])
        if component.get("type") == TEXT_DISPLAY
    )
    if total > V2_TEXT_LIMIT:
        raise errors.invalid_form_body(f"components: text of {total} UTF-16 units exceeds {V2_TEXT_LIMIT}")
