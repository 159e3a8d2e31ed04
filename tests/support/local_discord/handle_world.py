"""The half of the handle that acts in the world: servers, members, messages, and commands that members use."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

import discord

from tests.support.local_discord.answers import Answered
from tests.support.local_discord.calls import Calls

File = tuple[str, bytes]


class WorldCalls(Calls):
    """Ids are numbers throughout; payloads are raw, as the API sends them."""

    # ---- servers, channels, members

    def create_guild(
        self, name: str, *, permissions: discord.Permissions | None = None, channels: Iterable[str] = ()
    ) -> int:
        """Invites the bot to a new server, with the least permissions it needs unless others are given."""
        value = None if permissions is None else permissions.value
        guild: int = self.control("create_guild", name=name, permissions=value, channels=list(channels))
        return guild

    def create_guilds(self, count: int, *, permissions: discord.Permissions | None = None) -> list[tuple[int, int]]:
        """Many servers with one text channel each: (guild, channel)."""
        value = None if permissions is None else permissions.value
        return [(guild, channel) for guild, channel in self.control("create_guilds", count=count, permissions=value)]

    def create_channel(self, guild: int, name: str) -> int:
        channel: int = self.control("create_channel", guild=guild, name=name)
        return channel

    def create_member(self, guild: int, name: str, *, manager: bool = False) -> int:
        """A manager may Manage Server."""
        member: int = self.control("create_member", guild=guild, name=name, manager=manager)
        return member

    def channels(self, guild: int) -> list[dict[str, Any]]:
        return list(self.control("channels", guild=guild))

    def delete_channel(self, channel: int) -> None:
        self.control("delete_channel", channel=channel)

    def remove_bot(self, guild: int) -> None:
        """GUILD_DELETE; the server is gone with all that was in it."""
        self.control("remove_bot", guild=guild)

    def deny(self, channel: int, **permissions: bool) -> None:
        """Sets the bot's own overwrite in a channel: False denies, True takes the denial back."""
        denied = discord.PermissionOverwrite(**{name: None if value else False for name, value in permissions.items()})
        allow, deny = denied.pair()
        self.control("deny", channel=channel, allow=allow.value, deny=deny.value)

    # ---- messages and threads

    def messages(self, channel: int) -> list[dict[str, Any]]:
        """What everyone sees there, oldest first."""
        return list(self.control("messages", channel=channel))

    def threads(self, of: int) -> list[dict[str, Any]]:
        """Of a guild or a channel, oldest first, archived ones too."""
        return list(self.control("threads", of=of))

    def send(self, channel: int, member: int, text: str, *, reply_to: int | None = None) -> int:
        message: int = self.control("send", channel=channel, member=member, text=text, reply_to=reply_to)
        return message

    def edit(self, channel: int, message: int, text: str) -> None:
        self.control("edit", channel=channel, message=message, text=text)

    def delete(self, channel: int, message: int) -> None:
        self.control("delete", channel=channel, message=message)

    def bulk_delete(self, channel: int, messages: Iterable[int]) -> None:
        self.control("bulk_delete", channel=channel, messages=list(messages))

    def react(self, channel: int, message: int, member: int, emoji: str) -> None:
        self.control("react", channel=channel, message=message, member=member, emoji=emoji)

    def unreact(self, channel: int, message: int, member: int, emoji: str) -> None:
        self.control("unreact", channel=channel, message=message, member=member, emoji=emoji)

    def clear_reactions(self, channel: int, message: int) -> None:
        self.control("clear_reactions", channel=channel, message=message)

    def delete_thread(self, thread: int) -> None:
        self.control("delete_thread", thread=thread)

    def rename_thread(self, thread: int, name: str) -> None:
        self.control("rename_thread", thread=thread, name=name)

    def archive_thread(self, thread: int, *, archived: bool = True, locked: bool = False) -> None:
        self.control("archive_thread", thread=thread, archived=archived, locked=locked)

    # ---- interactions

    def slash(
        self,
        channel: int,
        member: int,
        name: str,
        options: Mapping[str, str | float | bool | File] | None = None,
        *,
        followups: int = 0,
        timeout: float = 30.0,
    ) -> Answered:
        """``/name`` with its subcommand; waits for the answer, the end of "is thinking", and so many followups."""
        given = {key: _wire(value) for key, value in (options or {}).items()}
        answer = self.control(
            "slash", channel=channel, member=member, name=name, options=given, followups=followups, timeout=timeout
        )
        return Answered(**answer)

    def autocomplete(
        self,
        channel: int,
        member: int,
        name: str,
        option: str,
        value: str,
        filled: Mapping[str, Any] | None = None,
        *,
        timeout: float = 30.0,
    ) -> list[dict[str, Any]]:
        """The choices that the bot offers for what was typed so far."""
        asked = {"channel": channel, "member": member, "name": name, "option": option, "value": value}
        answer = self.control("autocomplete", **asked, filled=dict(filled or {}), timeout=timeout)
        return list(answer["choices"] or [])

    def click(
        self,
        channel: int,
        message: int,
        member: int,
        custom_id: str,
        *,
        values: Iterable[str] | None = None,
        followups: int = 0,
        timeout: float = 30.0,
    ) -> Answered:
        """A button, or a select menu with the values chosen in it."""
        chosen = None if values is None else list(values)
        clicked = {"channel": channel, "message": message, "member": member, "custom_id": custom_id}
        return Answered(**self.control("click", **clicked, values=chosen, followups=followups, timeout=timeout))

    def submit_modal(
        self,
        shown: Answered,
        values: Mapping[str, str | list[str]],
        *,
        followups: int = 0,
        timeout: float = 30.0,
    ) -> Answered:
        """Fills the modal that answered an interaction, by custom_id: text inputs and string selects."""
        answer = self.control(
            "submit_modal", interaction=shown.id, values=dict(values), followups=followups, timeout=timeout
        )
        return Answered(**answer)

    def commands(self) -> list[str]:
        """The global commands that the bot has synchronised, by name."""
        return list(self.control("commands"))


def _wire(value: Any) -> Any:
    """A file goes as its name and base64."""
    if isinstance(value, tuple):
        name, content = value
        return [name, base64.b64encode(content).decode()]
    return value
