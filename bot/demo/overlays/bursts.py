"""Burst reactions ("super reactions"), which simcord's model lacks: the same emoji given in another way.

Of one member, a message counts a normal and a burst reaction with one emoji apart (resources/message.mdx).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simcord.backend import Backend, serializers
from simcord.backend.models import Message

NORMAL, BURST = 0, 1
"""Discord's reaction types."""


class BurstReactions(Backend):
    """What `OverlaidBackend` has of them."""

    bursts: dict[int, dict[str, list[int]]]  # message -> emoji, as simcord writes it -> who
    bursting = False  # while such a reaction is being announced

    def set_burst(self, channel_id: int, message_id: int, emoji: str, user_id: int, given: bool) -> None:
        """A member gives one or takes it back."""
        message = self.get_message(channel_id, message_id)
        users = self.bursts.setdefault(message_id, {}).setdefault(emoji, [])
        if (user_id in users) is given:
            return
        if given:
            users.append(user_id)
        else:
            users.remove(user_id)
        self.bursting = True
        try:
            self._emit_reaction(f"MESSAGE_REACTION_{'ADD' if given else 'REMOVE'}", message, emoji, user_id)
        finally:
            self.bursting = False

    def burst_users(self, message: Message, emoji: str) -> list[int]:
        return self.bursts.get(message.id, {}).get(emoji, [])

    def clear_reactions(self, channel_id: int, message_id: int) -> None:
        self.bursts.pop(message_id, None)
        super().clear_reactions(channel_id, message_id)

    def clear_reaction(self, channel_id: int, message_id: int, emoji: str) -> None:
        self.bursts.get(message_id, {}).pop(emoji, None)
        super().clear_reaction(channel_id, message_id, emoji)

    def count_bursts(self, message: Message, reactions: list[dict[str, Any]]) -> None:
        """Completes the `reactions` of a message's payload."""
        for emoji, users in self.bursts.get(message.id, {}).items():
            if not users:
                continue
            described = serializers.emoji_payload(emoji)
            counted = next((one for one in reactions if one["emoji"] == described), None)
            if counted is None:
                counted = _uncounted(described)
                reactions.append(counted)
            counted["count"] += len(users)
            counted["count_details"]["burst"] = len(users)


def _uncounted(emoji: Mapping[str, Any]) -> dict[str, Any]:
    details = {"normal": 0, "burst": 0}
    return {
        "emoji": emoji,
        "count": 0,
        "count_details": details,
        "me": False,
        "me_burst": False,
        "burst_colors": [],
    }
