"""The parts of `applecore run` that a process cannot be made to show at will."""

import asyncio

from bot.runner import end_task


async def connects_for_ever(broken_off: asyncio.Event) -> None:
    """As discord.py does, whose ``wait_for`` of Python 3.11 keeps a cancellation that comes with the answer."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        broken_off.set()
    await asyncio.Event().wait()


async def test_a_task_ends_that_kept_its_first_cancellation_to_itself() -> None:
    broken_off = asyncio.Event()
    task = asyncio.create_task(connects_for_ever(broken_off))
    await asyncio.sleep(0)
    await asyncio.wait_for(end_task(task), timeout=10)
    assert task.cancelled()
    assert broken_off.is_set()
