"""What people do on Discord, without the bot: servers, channels, members, and what those write and delete."""

import gc
from typing import Any

import discord
from simcord.backend import permissions, serializers
from simcord.backend.models import Channel, Guild, Member, Message, Overwrite, Role
from simcord.enums import OverwriteType

from bot.club.permissions import least
from tests.support.local_discord.world import World

EVERYONE = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    read_message_history=True,
    add_reactions=True,
    use_application_commands=True,
    create_public_threads=True,
).value


class People:
    """Ids are numbers; every method changes the world at once and tells the bots that may hear it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._backend = world.backend
        self._owner: int | None = None

    # ---- servers and channels

    def create_guild(self, name: str, permissions: int | None = None, channels: tuple[str, ...] = ()) -> int:
        """The bot is invited to it, with those permissions or the least it needs."""
        guild = self._new_guild(name, permissions, self._backend.snowflake())
        for channel in channels:
            self._new_channel(guild, channel)
        self._backend.emit("GUILD_CREATE", serializers.guild_create_payload(self._backend, guild))
        return guild.id

    def create_guilds(self, count: int, permissions: int | None = None) -> list[list[int]]:
        """Many servers with a channel each, as pairs of ids; spread evenly over any number of shards."""
        backend = self._backend
        now = backend.snowflake() >> 22
        made = []
        for index in range(count):
            guild = self._new_guild(f"Guild {index}", permissions, backend._allocate_at(now - index))
            channel = self._new_channel(guild, "reading")
            made.append([guild.id, channel.id])
            if backend.subscribers:
                backend.emit("GUILD_CREATE", serializers.guild_create_payload(backend, guild))
        gc.collect()
        gc.freeze()  # they stay for good: no later collection need look at them
        return made

    def _new_guild(self, name: str, allowed: int | None, guild_id: int) -> Guild:
        backend = self._backend
        if self._owner is None:
            self._owner = backend.make_user("owner").id
        guild = Guild(id=guild_id, name=name, owner_id=self._owner)
        guild.roles[guild_id] = Role(id=guild_id, name="@everyone", permissions=EVERYONE, position=0)
        mine = Role(
            id=backend.snowflake(),
            name=backend.bot_user.name,
            permissions=least().value if allowed is None else allowed,
            position=1,
            managed=True,
        )
        guild.roles[mine.id] = mine
        joined = backend.now_iso()
        for user, roles in ((self._owner, []), (backend.bot_user.id, [mine.id])):
            guild.members[user] = Member(user_id=user, role_ids=roles, joined_at=joined)
        backend.guilds[guild_id] = guild
        return guild

    def _new_channel(self, guild: Guild, name: str) -> Channel:
        return self._backend.create_channel(guild.id, name, announce=False)

    def create_channel(self, guild: int, name: str) -> int:
        return self._backend.create_channel(guild, name).id

    def channels(self, guild: int) -> list[dict[str, Any]]:
        of = self._backend.get_guild(guild).channel_ids
        return [dict(serializers.channel_payload(self._backend, self._backend.get_channel(one))) for one in of]

    def delete_channel(self, channel: int) -> None:
        """Its threads go with it; Discord sends no event for them."""
        backend = self._backend
        guild = backend.get_guild(self._guild_of(channel))
        for thread in [one for one in guild.thread_ids if backend.channels[one].parent_id == channel]:
            guild.thread_ids.remove(thread)
            del backend.channels[thread]
            backend.messages.pop(thread, None)
        backend.delete_channel(channel)

    def delete_thread(self, thread: int) -> None:
        self._backend.delete_channel(self._backend.get_thread(thread).id)

    def rename_thread(self, thread: int, name: str) -> None:
        self._backend.edit_channel(self._backend.get_thread(thread).id, {"name": name})

    def archive_thread(self, thread: int, archived: bool = True, locked: bool = False) -> None:
        state = {"archived": archived, "locked": locked}
        self._backend.edit_channel(self._backend.get_thread(thread).id, {}, thread_metadata=state)

    def remove_bot(self, guild: int) -> None:
        self._backend.remove_guild(guild)

    def deny(self, channel: int, allow: int, deny: int) -> None:
        me = self._backend.bot_user.id
        self._backend.set_overwrite(channel, Overwrite(me, OverwriteType.MEMBER, allow=allow, deny=deny))

    def create_member(self, guild: int, name: str, manager: bool = False) -> int:
        """A manager may Manage Server."""
        backend = self._backend
        roles = []
        if manager:
            managers = [role.id for role in backend.get_guild(guild).roles.values() if role.name == "Managers"]
            allowed = permissions.flag("manage_guild") | permissions.flag("manage_messages")
            roles = managers or [backend.create_role(guild, "Managers", permissions=allowed).id]
        user = backend.make_user(name)
        backend.add_member(guild, user.id, roles=roles, announce=True)
        return user.id

    # ---- messages

    def messages(self, channel: int) -> list[dict[str, Any]]:
        """Those that everyone sees, oldest first."""
        found = self._backend.messages.get(channel, {})
        return [self._payload(found[one]) for one in sorted(found) if not found[one].is_ephemeral]

    def threads(self, of: int) -> list[dict[str, Any]]:
        """Of a guild or a channel, oldest first, archived ones too."""
        backend = self._backend
        guild = of if of in backend.guilds else self._guild_of(of)
        found = [backend.channels[one] for one in sorted(backend.get_guild(guild).thread_ids)]
        return [dict(serializers.thread_payload(backend, one)) for one in found if of in (guild, one.parent_id)]

    def send(self, channel: int, member: int, text: str, reply_to: int | None = None) -> int:
        backend = self._backend
        name = "send_messages_in_threads" if backend.get_channel(channel).is_thread else "send_messages"
        backend.require_permissions(self._guild_of(channel), member, channel, name)
        reference = None
        if reply_to is not None:
            reference = backend.normalize_message_reference(channel, {"message_id": str(reply_to)})
        return backend.create_message(channel, member, text, reference=reference).id

    def edit(self, channel: int, message: int, text: str) -> None:
        self._backend.edit_message(channel, message, {"content": text})

    def delete(self, channel: int, message: int) -> None:
        self._backend.delete_message(channel, message)

    def bulk_delete(self, channel: int, messages: list[int]) -> None:
        self._backend.bulk_delete_messages(channel, messages)

    def react(self, channel: int, message: int, member: int, emoji: str) -> None:
        self._backend.add_reaction(channel, message, emoji, member)

    def unreact(self, channel: int, message: int, member: int, emoji: str) -> None:
        self._backend.remove_reaction(channel, message, emoji, member)

    def clear_reactions(self, channel: int, message: int) -> None:
        self._backend.clear_reactions(channel, message)

    def _payload(self, message: Message) -> dict[str, Any]:
        return dict(serializers.message_payload(self._backend, message))

    def _guild_of(self, channel: int) -> int:
        guild = self._backend.get_channel(channel).guild_id
        if guild is None:
            raise ValueError(f"{channel} is no channel of a server")
        return guild
