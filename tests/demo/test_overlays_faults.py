import asyncio
from contextlib import suppress

import aiohttp
import discord
import pytest
from discord.ext import tasks

from bot.demo.faults import Killed
from tests.demo import BareBot, world

SEND = ("POST", "/channels/*/messages")


async def test_a_refusal_takes_no_effect_and_a_lost_answer_does() -> None:
    async with world() as here:
        faults = here.laid.faults
        faults.fail(*SEND, status=403, code=50013)
        with pytest.raises(discord.Forbidden):
            await here.channel.send("refused")
        faults.fail(*SEND, status=429, times=2)
        for _ in range(2):
            with pytest.raises(discord.HTTPException) as limited:
                await here.channel.send("refused")
            assert limited.value.status == 429
        faults.lose_answer(*SEND, status=502)
        with pytest.raises(discord.DiscordServerError) as lost:
            await here.channel.send("once", nonce="n")
        assert lost.value.status == 502
        await here.channel.send("once", nonce="n")
        assert here.contents() == ["once"]
        assert faults.calls == [("POST", f"/channels/{here.handle.id}/messages")] * 5


@pytest.mark.parametrize(("after", "posted"), [(False, []), (True, ["one"])])
async def test_a_connection_breaks_before_or_after_the_effect(after: bool, posted: list[str]) -> None:
    async with world() as here:
        here.laid.faults.break_connection(*SEND, after=after)
        with pytest.raises(aiohttp.ClientOSError):
            await here.channel.send("one")
        assert here.contents() == posted


class TickingBot(BareBot):
    """Posts three messages an hour, whatever goes wrong."""

    def __init__(self, channel_id: int) -> None:
        super().__init__()
        self.channel_id = channel_id

    async def setup_hook(self) -> None:
        self.tick.start()

    @tasks.loop(hours=1)
    async def tick(self) -> None:
        channel = self.get_partial_messageable(self.channel_id)
        for number in range(3):
            with suppress(Exception):  # a kill must pass even this
                await channel.send(str(number))


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", [1, 2, 3])
async def test_a_killed_bot_makes_no_further_request_until_the_next_one_starts(nth: int, after: bool) -> None:
    async with world() as here:
        faults = here.laid.faults
        faults.kill(*SEND, after=after, nth=nth)
        await here.env.restart_bot(TickingBot(here.handle.id))
        reached = [str(number) for number in range(nth if after else nth - 1)]
        assert faults.killed
        assert here.contents() == reached
        with pytest.raises(Killed):
            await here.channel.send("from the grave")
        ada = here.guild.add_member(here.env.create_user("Ada"))
        assert isinstance(here.env.bot, TickingBot)
        heard = len(here.env.bot.heard)
        await ada.send(here.handle, "anybody?")
        assert len(here.env.bot.heard) == heard
        await here.env.advance_time(7200)
        faults.revive()
        assert faults.killed
        await here.env.restart_bot(TickingBot(here.handle.id))
        assert not faults.killed
        assert here.contents() == [*reached, "anybody?", "0", "1", "2"]
        assert faults.calls.count(("POST", f"/channels/{here.handle.id}/messages")) == 3


def test_a_kill_is_no_ordinary_exception() -> None:
    assert issubclass(Killed, asyncio.CancelledError)
    assert not issubclass(Killed, Exception)


async def test_something_happens_just_before_or_after_a_request_and_the_bot_hears_of_it() -> None:
    async with world() as here:
        backend, channel_id, me = here.env.backend, here.handle.id, here.env.backend.bot_user.id

        def say(text: str) -> None:
            backend.create_message(channel_id, me, text)

        here.laid.faults.meanwhile(*SEND, lambda: say("before the second"), after=False, nth=2)
        here.laid.faults.meanwhile(*SEND, lambda: say("after the first"), after=True)
        for text in ("first", "second", "third"):
            await here.channel.send(text)
        await here.env.settle()
        assert here.contents() == ["first", "after the first", "before the second", "second", "third"]
        assert [message.content for message in here.bot.heard] == here.contents()
