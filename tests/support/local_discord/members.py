"""REQUEST_GUILD_MEMBERS (opcode 8): by ids or by the beginning of a name."""

from collections.abc import Iterator
from typing import Any

from simcord.backend import Backend, serializers

CHUNK = 1000


def member_chunks(backend: Backend, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The payloads of GUILD_MEMBERS_CHUNK; nothing for an unknown guild, as on Discord."""
    guild = backend.guilds.get(int(asked["guild_id"]))
    if guild is None:
        return
    members = list(guild.members.values())
    if asked.get("user_ids"):
        wanted = asked["user_ids"] if isinstance(asked["user_ids"], list) else [asked["user_ids"]]
        ids = {int(one) for one in wanted}
        members = [one for one in members if one.user_id in ids]
    elif asked.get("query"):
        prefix = str(asked["query"]).lower()
        members = [
            one
            for one in members
            if backend.users[one.user_id].name.lower().startswith(prefix) or (one.nick or "").lower().startswith(prefix)
        ]
    members = members[: asked.get("limit") or None]
    chunks = [members[start : start + CHUNK] for start in range(0, len(members), CHUNK)] or [[]]
    for index, chunk in enumerate(chunks):
        payload: dict[str, Any] = {
            "guild_id": str(guild.id),
            "members": [dict(serializers.member_payload(backend, guild, one)) for one in chunk],
            "chunk_index": index,
            "chunk_count": len(chunks),
        }
        if asked.get("nonce"):
            payload["nonce"] = asked["nonce"]
        yield payload
