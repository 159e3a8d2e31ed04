"""Slash commands, buttons and modals: what a member does, as INTERACTION_CREATE, and how the bot answered."""

import base64
from collections.abc import Callable
from typing import Any

from simcord import interactions
from simcord.backend import serializers
from simcord.backend.command_access import command_access
from simcord.backend.models import Interaction
from simcord.components import walk_components
from simcord.enums import AppCommandType, ComponentType, InteractionType, OptionType

from tests.support.local_discord.rest import Rest
from tests.support.local_discord.world import World

_TEXT_CONTROLS = (ComponentType.TEXT_INPUT, ComponentType.STRING_SELECT)


class Acting:
    def __init__(self, world: World, rest: Rest) -> None:
        self._world = world
        self._backend = world.backend
        self._rest = rest

    async def slash(
        self, channel: int, member: int, name: str, options: dict[str, Any], followups: int = 0
    ) -> dict[str, Any]:
        """A whole name such as ``club setup``. Ids stand for members, channels and roles; a file is [name, base64]."""
        root, leaf, nesting = self._command(channel, member, name)
        interactions_options, resolved = self._options(name, leaf, options, channel)
        data = self._command_data(root, nesting, interactions_options, resolved)
        record = self._emit(InteractionType.APPLICATION_COMMAND, channel, member, data)
        return await self._answered(record, followups)

    async def autocomplete(
        self, channel: int, member: int, name: str, option: str, value: str, filled: dict[str, Any]
    ) -> dict[str, Any]:
        root, leaf, nesting = self._command(channel, member, name)
        declared = {one["name"]: one for one in leaf.get("options") or []}
        if not declared[option].get("autocomplete"):
            raise ValueError(f"/{name} does not complete {option}")
        built, resolved = self._options(name, {"options": list(declared.values())}, filled, channel, partial=True)
        built.append({"name": option, "type": declared[option]["type"], "value": value, "focused": True})
        data = self._command_data(root, nesting, built, resolved)
        return await self._answered(self._emit(InteractionType.APPLICATION_COMMAND_AUTOCOMPLETE, channel, member, data))

    async def click(
        self,
        channel: int,
        message: int,
        member: int,
        custom_id: str,
        values: list[str] | None = None,
        followups: int = 0,
    ) -> dict[str, Any]:
        """A button, or a select menu with the values chosen in it."""
        stored = self._backend.get_message(channel, message)
        found = [one for one in walk_components(stored.components) if one.get("custom_id") == custom_id]
        if len(found) != 1 or found[0].get("disabled"):
            raise ValueError(f"message {message} has no single enabled component {custom_id!r}")
        data: dict[str, Any] = {"custom_id": custom_id, "component_type": found[0]["type"]}
        if found[0].get("id") is not None:
            data["id"] = found[0]["id"]
        if values is not None:
            data["values"] = values
        record = self._emit(InteractionType.MESSAGE_COMPONENT, channel, member, data, source=message)
        return await self._answered(record, followups)

    async def submit_modal(
        self, interaction: int, values: dict[str, str | list[str]], followups: int = 0
    ) -> dict[str, Any]:
        """Fills the modal that answered an interaction; values by custom_id, of text inputs and string selects."""
        shown = self._backend.interactions[interaction]
        if shown.modal is None or shown.modal_consumed:
            raise ValueError("that interaction has no open modal")
        left = dict(values)
        components = [self._filled(one, left) for one in shown.modal["components"]]
        if left:
            raise ValueError(f"the modal has no {sorted(left)}")
        shown.modal_consumed = True
        data = {"custom_id": shown.modal["custom_id"], "components": components}
        record = self._emit(
            InteractionType.MODAL_SUBMIT, shown.channel_id, shown.user_id, data, source=shown.source_message_id
        )
        return await self._answered(record, followups)

    # ---- building

    def _command(self, channel: int, member: int, name: str) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
        first, *rest = name.split()
        guild = self._backend.get_channel(channel).guild_id
        root = self._backend.find_command(first, guild, type=AppCommandType.CHAT_INPUT)
        if root is None:
            raise ValueError(f"the bot has synchronised no command /{first}")
        access = command_access(self._backend, root, user_id=member, channel_id=channel)
        if not access.allowed:
            raise ValueError(f"this member does not see /{first} there: {access.reason}")
        leaf, nesting = interactions.walk_to_subcommand(root, rest)
        return root, leaf, nesting

    def _command_data(
        self, root: dict[str, Any], nesting: list[str], options: list[dict[str, Any]], resolved: dict[str, Any]
    ) -> dict[str, Any]:
        data: dict[str, Any] = {
            "id": root["id"],
            "name": root["name"],
            "type": root["type"],
            "options": interactions.nest_options(root, nesting, options),
        }
        if resolved:
            data["resolved"] = resolved
        if root.get("guild_id"):
            data["guild_id"] = root["guild_id"]
        return data

    def _options(
        self, name: str, leaf: dict[str, Any], given: dict[str, Any], channel: int, *, partial: bool = False
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        declared = {one["name"]: one for one in leaf.get("options") or []}
        unknown = sorted(given.keys() - declared.keys())
        missing = [one for one, spec in declared.items() if spec.get("required") and one not in given]
        if unknown or (missing and not partial):
            raise ValueError(f"/{name}: no option {unknown}, or missing {missing}; it has {sorted(declared)}")
        resolved: dict[str, Any] = {}
        built = []
        for option, value in given.items():
            spec = declared[option]
            if spec["type"] in (OptionType.USER, OptionType.CHANNEL, OptionType.ROLE, OptionType.MENTIONABLE):
                self._resolve(spec["type"], int(value), channel, resolved)
                wire: Any = str(value)
            elif spec["type"] == OptionType.ATTACHMENT:
                filename, content = value
                wire = interactions.store_interaction_attachment(
                    self._backend, channel, filename, base64.b64decode(content), resolved
                )
            else:
                wire = interactions.validate_option_value(name, spec, value)
            built.append({"name": option, "type": spec["type"], "value": wire})
        return built, resolved

    def _resolve(self, kind: int, wanted: int, channel: int, resolved: dict[str, Any]) -> None:
        backend = self._backend
        guild = backend.get_guild(backend.get_channel(channel).guild_id or 0)
        wire = str(wanted)
        if kind == OptionType.CHANNEL:
            payload = dict(serializers.channel_payload(backend, backend.get_channel(wanted)))
            payload["permissions"] = str(backend.compute_permissions(guild.id, backend.bot_user.id, wanted))
            resolved.setdefault("channels", {})[wire] = payload
        elif kind == OptionType.ROLE or (kind == OptionType.MENTIONABLE and wanted in guild.roles):
            resolved.setdefault("roles", {})[wire] = dict(serializers.role_payload(guild.roles[wanted]))
        else:
            member = serializers.member_payload(backend, guild, guild.members[wanted], with_user=False)
            resolved.setdefault("users", {})[wire] = dict(serializers.user_payload(backend.users[wanted]))
            resolved.setdefault("members", {})[wire] = dict(member)

    def _filled(self, component: dict[str, Any], values: dict[str, str | list[str]]) -> dict[str, Any]:
        kind = component["type"]
        filled: dict[str, Any] = {"type": kind, "id": component.get("id", 0)}
        if kind == ComponentType.ACTION_ROW:
            filled["components"] = [self._filled(one, values) for one in component["components"]]
        elif kind == ComponentType.LABEL:
            filled["component"] = self._filled(component["component"], values)
        elif kind in _TEXT_CONTROLS:
            filled["custom_id"] = component["custom_id"]
            given = values.pop(component["custom_id"], None)
            if kind == ComponentType.TEXT_INPUT:
                filled["value"] = given or ""
            else:
                filled["values"] = given or []
        elif kind != ComponentType.TEXT_DISPLAY:
            raise NotImplementedError(f"submit_modal fills no component of type {kind}")
        return filled

    def _emit(
        self, kind: InteractionType, channel: int, member: int, data: dict[str, Any], source: int | None = None
    ) -> Interaction:
        backend = self._backend
        record, payload = interactions.base_payload(
            backend,
            type=kind,
            channel_id=channel,
            guild_id=backend.get_channel(channel).guild_id,
            user_id=member,
            data=data,
        )
        record.initial_response_deadline = backend.iso_after(self._world.interaction_seconds)
        if source is not None:
            payload["message"] = dict(serializers.message_payload(backend, backend.get_message(channel, source)))
            record.source_message_id = source
        backend.emit("INTERACTION_CREATE", payload)
        return record

    # ---- waiting

    async def _answered(self, record: Interaction, followups: int = 0) -> dict[str, Any]:
        """After the answer, the end of "is thinking", and that many followups."""

        def done() -> bool:
            return record.responded and not record.loading and len(record.followup_ids) >= followups

        await self.until(done)
        return {
            "id": record.id,
            "kind": str(record.response_kind),
            "ephemeral": record.ephemeral,
            "messages": self._messages(record),
            "modal": record.modal,
            "choices": record.autocomplete_choices,
        }

    async def until(self, done: Callable[[], bool]) -> None:
        """Looks again after every request."""
        while not done():
            await self._rest.changed.wait()

    def _messages(self, record: Interaction) -> list[dict[str, Any]]:
        stored = self._backend.messages.get(record.channel_id, {})
        ids = [record.message_id, *record.followup_ids]
        return [dict(serializers.message_payload(self._backend, stored[one])) for one in ids if one in stored]
