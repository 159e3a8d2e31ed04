from datetime import timedelta

import discord
import pytest
import simcord

from bot.demo.overlays import install
from tests.demo import BareBot, world


async def test_install_answers_one_handle_and_leaves_other_worlds_alone() -> None:
    async with world() as here:
        assert install(here.env) is here.laid
    async with world(overlaid=False) as there:
        first = await there.channel.send("one", nonce="n")
        assert (await there.channel.send("one", nonce="n")).id != first.id


async def test_an_enforced_nonce_answers_the_message_it_made() -> None:
    async with world() as here:
        first = await here.channel.send("one", nonce="part-1")
        again = await here.channel.send("one", nonce="part-1")
        other = await here.channel.send("two", nonce="part-2")
        await here.env.settle()
    assert first.id == again.id != other.id
    assert here.contents() == ["one", "two"]
    assert (first.nonce, again.nonce) == ("part-1", "part-1")
    assert [message.nonce for message in here.bot.heard] == ["part-1", "part-2"]


async def test_a_nonce_belongs_to_its_channel_and_is_forgotten_after_its_window() -> None:
    async with world() as here:
        here.laid.nonce_window = timedelta(minutes=2)
        elsewhere = here.guild.create_text_channel("other")
        await here.env.settle()
        other = here.bot.get_channel(elsewhere.id)
        assert isinstance(other, discord.TextChannel)
        await here.channel.send("one", nonce="n")
        await other.send("one", nonce="n")
        await here.env.advance_time(119)
        await here.channel.send("one", nonce="n")
        assert here.contents() == here.contents(elsewhere.id) == ["one"]
        await here.env.advance_time(1)
        await here.channel.send("one", nonce="n")
        assert here.contents() == ["one", "one"]


async def test_the_nonce_of_a_deleted_message_answers_unknown_message() -> None:
    async with world() as here:
        await (await here.channel.send("one", nonce="n")).delete()
        with pytest.raises(discord.NotFound) as refused:
            await here.channel.send("one", nonce="n")
    assert refused.value.code == 10008


@pytest.mark.sends_invalid("a nonce of 26 characters")
async def test_a_nonce_is_remembered_across_a_restart_and_has_25_characters_at_most() -> None:
    async with world() as here:
        first = await here.channel.send("one", nonce="n" * 25)
        await here.env.restart_bot(BareBot())
        assert (await here.channel.send("one", nonce="n" * 25)).id == first.id
        with pytest.raises(discord.HTTPException) as refused:
            await here.channel.send("one", nonce="n" * 26)
    assert refused.value.code == 50035


@pytest.mark.parametrize(("overlaid", "walked"), [(False, 100), (True, 250)])
async def test_history_after_a_message_walks_everything_oldest_first(overlaid: bool, walked: int) -> None:
    async with world(overlaid=overlaid) as here:
        marker = here.env.backend.create_message(here.handle.id, here.env.backend.bot_user.id, "marker")
        for number in range(250):
            here.env.backend.create_message(here.handle.id, here.env.backend.bot_user.id, str(number))
        await here.env.settle()
        past = [m async for m in here.channel.history(after=discord.Object(marker.id), limit=None)]
        from_start = [m async for m in here.channel.history(oldest_first=True, limit=3)]
        newest = [m async for m in here.channel.history(limit=2)]
        around = [m async for m in here.channel.history(around=discord.Object(marker.id), limit=3)]
    assert len(past) == walked
    assert [m.content for m in newest] == ["249", "248"]
    assert marker.id in {m.id for m in around}
    if overlaid:
        assert [m.content for m in past] == [str(number) for number in range(250)]
        assert [m.content for m in from_start] == ["marker", "0", "1"]


async def test_history_is_empty_without_read_message_history() -> None:
    async with world() as here:
        await here.channel.send("one")
        here.forbid_bot(read_message_history=True)
        here.env.backend.guilds[here.guild.id].everyone_role.permissions &= ~(
            discord.Permissions(read_message_history=True).value
        )
        assert [m async for m in here.channel.history(limit=5)] == []


@pytest.mark.parametrize("overlaid", [False, True])
async def test_reaction_users_are_paged_in_order_of_id(overlaid: bool) -> None:
    async with world(overlaid=overlaid) as here:
        message = await here.channel.send("one")
        users = [here.env.create_user(f"user{number}") for number in range(130)]
        ids = [user.id for user in users]
        for user in reversed(users):
            here.env.backend.add_reaction(here.handle.id, message.id, "👍", user.id)
        reaction = (await here.channel.fetch_message(message.id)).reactions[0]
        page = [u.id async for u in reaction.users(limit=2, after=discord.Object(ids[1]))]
        if not overlaid:
            assert len(page) == 130
            return
        assert sorted(page) == ids[2:4]  # discord.py yields each page backwards
        everyone = [u.id async for u in reaction.users()]
        assert sorted(everyone) == ids
        raw = await here.bot.http.get_reaction_users(here.handle.id, message.id, "👍", limit=3)
        assert [int(user["id"]) for user in raw] == ids[:3]
        assert [u async for u in reaction.users(type=discord.ReactionType.burst)] == []


def _layout(text: str, pieces: int = 1) -> discord.ui.LayoutView:
    view = discord.ui.LayoutView(timeout=None)
    for _ in range(pieces):
        view.add_item(discord.ui.TextDisplay(text))
    return view


@pytest.mark.sends_invalid("41 components")
@pytest.mark.parametrize("overlaid", [False, True])
async def test_the_text_of_a_layout_is_counted_in_utf16_units(overlaid: bool) -> None:
    async with world(overlaid=overlaid) as here:
        await here.channel.send(view=_layout("x" * 2000, 2))
        astral = _layout("𝔵" * 2001)  # 2,001 code points, 4,002 UTF-16 units
        if not overlaid:
            await here.channel.send(view=astral)
            return
        sent = await here.channel.send(view=_layout("short"))
        with pytest.raises(discord.HTTPException) as refused:
            await here.channel.send(view=astral)
        with pytest.raises(discord.HTTPException) as refused_edit:
            await sent.edit(view=astral)
        with pytest.raises(discord.HTTPException) as too_many:
            await here.channel.send(view=_CrowdedView())
    assert [error.value.code for error in (refused, refused_edit, too_many)] == [50035] * 3
    assert len(here.contents()) == 2


class _CrowdedView(discord.ui.LayoutView):
    """41 components, which discord.py itself would refuse to build."""

    def to_components(self) -> list[dict[str, object]]:
        return [{"type": 10, "content": "x"} for _ in range(41)]


async def test_a_message_that_automod_blocks_is_recorded() -> None:
    async with world() as here:
        backend = here.env.backend
        backend.create_auto_mod_rule(
            here.guild.id,
            backend.bot_user.id,
            {
                "name": "words",
                "event_type": 1,
                "trigger_type": 1,
                "trigger_metadata": {"keyword_filter": ["*core*"]},
                "actions": [{"type": 1}],
            },
        )
        member = here.guild.add_member(here.env.create_user("Ada"))
        await member.send(here.handle, "a hardcore apple")
        await member.send(here.handle, "an apple")
    assert here.contents() == ["an apple"]
    assert [(b.author_id, b.channel_id, b.content.strip()) for b in here.laid.blocked] == [
        (member.id, here.handle.id, "a hardcore apple")
    ]


async def test_trim_bounds_the_logs() -> None:
    async with world() as here:
        for number in range(10):
            await here.channel.send(str(number))
        here.laid.trim(keep=4)
        backend = here.env.backend
        assert [len(log) for log in (backend.transcript, backend.http_requests, here.laid.faults.calls)] == [4] * 3
        assert (backend.http_requests[-1].json or {})["content"] == "9"
        here.laid.trim(keep=0)
        assert backend.transcript == []
        here.laid.trim()


class _Buttons(discord.ui.LayoutView):
    def __init__(self) -> None:
        super().__init__(timeout=None)
        self.add_item(discord.ui.TextDisplay("before"))
        row: discord.ui.ActionRow[_Buttons] = discord.ui.ActionRow()
        button: discord.ui.Button[_Buttons] = discord.ui.Button(label="Go", custom_id="go")
        button.callback = self.go  # type: ignore[method-assign]
        row.add_item(button)
        self.add_item(row)

    async def go(self, interaction: discord.Interaction) -> None:
        await interaction.response.edit_message(view=_layout("after"))


async def test_the_calls_that_our_bot_makes_are_honoured() -> None:
    async with world() as here:
        tree = here.bot.tree

        @tree.command()
        async def status(interaction: discord.Interaction) -> None:
            """Defers, then answers with a layout."""
            await interaction.response.defer(ephemeral=True)
            await interaction.edit_original_response(view=_layout("all well"))

        await tree.sync()
        member = here.guild.add_member(here.env.create_user("Ada"))
        message = await here.channel.send(view=_Buttons(), nonce="n", allowed_mentions=discord.AllowedMentions.none())
        await member.click(message, custom_id="go")
        assert "after" in str(here.env.backend.messages[here.handle.id][message.id].components)
        await message.edit(view=_layout("again"))
        assert "again" in str(here.env.backend.messages[here.handle.id][message.id].components)
        answer = await member.slash(here.handle, "status")
        assert answer.response is not None
        assert answer.response.ephemeral
        assert isinstance(answer, simcord.InteractionResult)
