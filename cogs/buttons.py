"""What all buttons and selects have in common."""

import functools
from collections.abc import Awaitable, Callable
from typing import TypeVar

import discord

from bot.client import Applecore, answer_error

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
