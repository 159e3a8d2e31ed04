"""What the demo's members say and do about the excerpts: their part is scripted, the bot's is not."""

import discord
import simcord

from bot.demo.world import World

PICK = "Add to the digest"

A_WHILE = 1500.0
"""Seconds that people take to answer."""


async def talk(world: World, day: int, post: discord.Message, thread: simcord.ChannelHandle) -> None:
    """What they make of that day's post."""
    await {1: _first, 2: _second, 3: _third, 4: _fourth}[day](world, post, thread)


ASIDES = {
    3: "Ada has pressed My thought under the excerpt and typed hers into the window that opened.",
    4: f"Ben has typed /privacy quotes switch:on, and chosen “{PICK}” from the menu of his reply.",
}
"""What they did on a day that cannot be seen in the channel, in words."""

ASIDE_MEANWHILE = "Ben has taken his 🍎 for the excerpt back."


async def _first(world: World, post: discord.Message, thread: simcord.ChannelHandle) -> None:
    await world.ada.react(post, "💡")
    await world.ben.react(post, "🍎")
    hers = await world.ada.send(thread, "Free-riding is a hard word. Is adopting a good idea not how everyone starts?")
    await world.env.advance_time(A_WHILE)
    await world.ben.send(thread, "It is. What counts is what comes after.", reply_to=hers)
    await world.ben.react(hers, "💡")


async def _second(world: World, post: discord.Message, thread: simcord.ChannelHandle) -> None:
    await world.ben.react(post, "🍎")
    await world.ben.send(thread, "Confidence first, capital second: I would not have guessed.")
    await world.env.advance_time(A_WHILE)
    hers = await world.ada.send(thread, "Curiosity cannot be ordered.")
    await world.mia.react(hers, "👍")
    await world.ben.react(hers, "👍")


async def talk_on(world: World, post: discord.Message, thread: simcord.ChannelHandle) -> None:
    """What they go on to say about the second day's post while the bot is away; one takes something back."""
    hers = await world.mia.send(thread, "“Only making money”: that is every report I have ever read.")
    await world.env.advance_time(A_WHILE)
    await world.ben.send(thread, "Old habits outlive what they were good for.", reply_to=hers)
    await world.ada.react(hers, "😄")
    await world.ben.react(hers, "😄")
    await world.ben.unreact(post, "🍎")


async def _third(world: World, post: discord.Message, thread: simcord.ChannelHandle) -> None:
    window = await world.ada.click(post, label="My thought")
    await world.ada.submit_modal(window, {"text": "Bell Labs is what I thought of, too.\nWhere is its like today?"})
    if (hers := thread.last_message) is not None:
        await world.ben.react(hers, "🤔")
    await world.env.advance_time(A_WHILE)
    await world.ben.send(thread, "In a garage, as ever.")
    await world.mia.react(post, "🍎")


async def _fourth(world: World, post: discord.Message, thread: simcord.ChannelHandle) -> None:
    his = await world.ben.send(thread, "So that is what hardcore innovation needs: examples to look at.")
    await world.ada.react(his, "❤️")
    await world.mia.react(his, "🍎")
    await world.ben.slash(thread, "privacy quotes", switch="on")
    await world.ben.context_menu(thread, PICK, his)
    await world.ada.react(post, "🍎")
