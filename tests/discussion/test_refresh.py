"""`/club refresh`, and what `/status` says while the bot looks through what it missed."""

from pathlib import Path

import pytest

from tests.discussion.outages import Talked, talked
from tests.discussion.truth import posts
from tests.support.club_world import answers, reading_of


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    template: Path = request.getfixturevalue("_sqlite_template")
    file = tmp_path / "applecore.db"
    file.write_bytes(template.read_bytes())
    return f"sqlite:///{file}"


async def refresh(here: Talked) -> str:
    return answers(await here.world.manager.slash(here.world.general, "club refresh"))


async def test_it_finds_what_was_missed_and_says_how_much_it_looks_through(database_url: str) -> None:
    async with talked(database_url) as here:
        with here.deaf():
            here.react(here.say().id, 1)
        said = await refresh(here)
        assert said.startswith(f"I am looking through 1 thread in <#{here.world.channel.id}> for what I may have")
        assert "`/status`" in said
        await here.settled()
        assert await here.is_complete()
        shown = answers(await here.world.manager.slash(here.world.general, "status"))
        assert "missed" not in shown
        await here.world.until(9, 1)
        assert "2 threads" in await refresh(here)


async def test_threads_that_were_closed_within_a_week_are_looked_through_as_well(database_url: str) -> None:
    async with talked(database_url, thread_days=1) as here:
        world = here.world
        await world.manager.slash(world.general, "club pause")
        await world.advance(days=2)
        closed = (await here.discussion()).closed_at
        assert closed is not None
        with here.deaf():
            here.say()
        await here.session_begins()
        with pytest.raises(AssertionError):
            await here.is_complete()  # nobody is expected to say anything in a closed thread
        assert "1 thread " in await refresh(here)
        await here.settled()
        assert await here.is_complete()
        await world.advance(seconds=(closed - world.env.now()).total_seconds() + 7 * 86_400)
        assert "1 thread " in await refresh(here)
        await world.advance(seconds=1)
        assert await refresh(here) == (
            f"There is nothing to look through: in <#{world.channel.id}> no thread is open or was closed within a week."
        )


async def test_it_is_for_managers_and_for_one_club(database_url: str) -> None:
    async with talked(database_url) as here:
        world = here.world
        refused = answers(await world.member.slash(world.general, "club refresh"))
        assert "Only members with **Manage Server**" in refused
        await world.import_reading(reading_of(3, title="Another"))
        await world.setup(channel=world.notices, reading="Another", time="10:00")
        await world.until(10, 1)
        assert len(await posts(world)) == 2
        world.overlays.faults.revive()
        result = await world.manager.slash(world.general, "club refresh", club="2")
        assert f"1 thread in <#{world.notices.id}>" in answers(result)
        await here.settled()
        asked = {path for method, path in world.overlays.faults.calls if method == "GET" and path.count("/") == 2}
        assert asked == {f"/channels/{max(await posts(world))}"}


async def test_status_says_how_far_it_is(database_url: str) -> None:
    async with talked(database_url) as here:
        world = here.world
        await world.until(9, 1)
        seen: list[str] = []

        def look() -> None:
            progress = world.bot.reconciler.progress
            assert progress is not None
            seen.append(f"{progress.done} of {progress.total}, {progress.requests}")

        for nth in (1, 2):
            world.overlays.faults.meanwhile("GET", "/channels/*/messages", look, after=False, nth=nth)
        assert "2 threads" in await refresh(here)
        await here.settled()
        assert seen == ["0 of 2, 3", "1 of 2, 6"]
        assert world.bot.reconciler.progress is None
        world.overlays.faults.fail("GET", "/channels/*", status=403, code=50001, times=None)
        await refresh(here)
        await here.settled()
        shown = answers(await world.manager.slash(world.general, "status"))
        assert "So I cannot look through all threads for what I may have missed; I try again by myself." in shown
