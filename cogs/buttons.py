"""What all buttons and selects have in common."""

import functools
import re
from collections.abc import Awaitable, Callable
from typing import Any, Self, TypeVar

import discord

from bot.client import Applecore, answer_error


class FromTemplate:
    """Makes a ``DynamicItem`` from the named groups of its template, handed to its constructor as strings."""

    @classmethod
    async def from_custom_id(cls, _: Any, item: Any, match: re.Match[str], /) -> Self:
        return cls(**match.groupdict())


Item = TypeVar("Item")
Callback = Callable[[Item, discord.Interaction[Applecore]], Awaitable[None]]


def answering_errors(callback: Callback[Item]) -> Callback[Item]:
    """Has a component's errors answered like those of a command; discord.py itself would only log them."""

    @functools.wraps(callback)
    async def answered(self: Item, interaction: discord.Interaction[Applecore]) -> None:
        try:
            await callback(self, interaction)
        except Exception as error:  # noqa: BLE001 - answer_error logs what is not meant for people
            await answer_error(interaction, error)

    return answered
