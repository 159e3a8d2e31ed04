"""Burst reactions, which simcord has none of."""

import discord
import pytest

from tests.demo import World, world


async def _kinds(here: World, message_id: int) -> list[tuple[str, int, int, int]]:
    fetched = await here.channel.fetch_message(message_id)
    return [(str(one.emoji), one.count, one.normal_count, one.burst_count) for one in fetched.reactions]


async def test_burst_reactions_are_counted_and_answered_apart_from_normal_ones() -> None:
    async with world() as here:
        backend, channel_id = here.laid.backend, here.handle.id
        message = backend.create_message(channel_id, backend.bot_user.id, "well")
        both, one = (here.env.create_user(name).id for name in ("both", "one"))
        backend.add_reaction(channel_id, message.id, "👍", both)
        backend.set_burst(channel_id, message.id, "👍", both, given=True)
        backend.set_burst(channel_id, message.id, "👍", one, given=True)
        backend.set_burst(channel_id, message.id, "apple:77", one, given=True)
        assert await _kinds(here, message.id) == [("👍", 3, 1, 2), ("<:apple:77>", 1, 0, 1)]
        reactions = (await here.channel.fetch_message(message.id)).reactions
        given = {
            (str(reaction.emoji), kind): sorted([user.id async for user in reaction.users(type=kind)])
            for reaction in reactions
            for kind in discord.ReactionType
        }
        normal, burst = discord.ReactionType.normal, discord.ReactionType.burst
        assert given == {
            ("👍", normal): [both],
            ("👍", burst): [both, one],
            ("<:apple:77>", normal): [],
            ("<:apple:77>", burst): [one],
        }
        backend.set_burst(channel_id, message.id, "👍", one, given=False)
        backend.remove_reaction(channel_id, message.id, "👍", both)
        assert await _kinds(here, message.id) == [("👍", 1, 0, 1), ("<:apple:77>", 1, 0, 1)]
        backend.clear_reaction(channel_id, message.id, "👍")
        assert await _kinds(here, message.id) == [("<:apple:77>", 1, 0, 1)]
        backend.clear_reactions(channel_id, message.id)
        assert await _kinds(here, message.id) == []


async def test_burst_reactions_are_announced_as_such() -> None:
    async with world() as here:
        heard: list[tuple[str, bool, discord.ReactionType]] = []

        async def on_raw_reaction_add(event: discord.RawReactionActionEvent) -> None:
            heard.append(("add", event.burst, event.type))

        async def on_raw_reaction_remove(event: discord.RawReactionActionEvent) -> None:
            heard.append(("remove", event.burst, event.type))

        here.bot.add_listener(on_raw_reaction_add)
        here.bot.add_listener(on_raw_reaction_remove)
        backend, channel_id = here.laid.backend, here.handle.id
        message = backend.create_message(channel_id, backend.bot_user.id, "well")
        user = here.env.create_user("somebody").id
        for given in (True, True, False, False):
            backend.set_burst(channel_id, message.id, "👍", user, given=given)
        backend.add_reaction(channel_id, message.id, "👍", user)
        await here.env.settle()
    burst, normal = (True, discord.ReactionType.burst), (False, discord.ReactionType.normal)
    assert heard == [("add", *burst), ("remove", *burst), ("add", *normal)]


async def test_an_archived_thread_takes_no_burst_reaction() -> None:
    async with world() as here:
        backend = here.laid.backend
        post = backend.create_message(here.handle.id, backend.bot_user.id, "post")
        thread = backend.create_thread(here.handle.id, "talk", backend.bot_user.id, message_id=post.id)
        reply = backend.create_message(thread.id, backend.bot_user.id, "reply")
        backend.edit_channel(thread.id, {}, thread_metadata={"archived": True})
        with pytest.raises(Exception, match="archived"):
            backend.set_burst(thread.id, reply.id, "👍", backend.bot_user.id, given=True)
