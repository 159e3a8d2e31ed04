"""Several of simcord's Previews over one world: a browser page for each channel and thread."""

import asyncio
import contextlib
import logging
from typing import Any

import simcord
from simcord import SetupError

from bot.demo.world import ZONE, World

log = logging.getLogger(__name__)


class _All:
    """Stands where simcord keeps its one Preview, and passes on to all what it is told (private in 3.2.1)."""

    _closed = False

    def __init__(self) -> None:
        self.open: dict[int, simcord.Preview] = {}

    def _mark_action_dispatched(self) -> None:
        for preview in self.open.values():
            preview._mark_action_dispatched()


class Previews:
    """Opens a Preview when it is first asked for, and keeps all of them in step with the world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._all = _All()
        self._opening = asyncio.Lock()
        self._stack = contextlib.AsyncExitStack()
        self._seen = 0

    async def url(self, channel: simcord.ChannelHandle) -> str:
        """The address of a channel's page; its fragment is a secret that lets the browser act."""
        async with self._opening:
            preview = self._all.open.get(channel.id)
            if preview is None or preview._closed:  # "End preview session" on the page closes it
                preview = await self._open(channel)
            return preview.url

    async def _open(self, channel: simcord.ChannelHandle) -> simcord.Preview:
        env: Any = self._world.env
        viewers = [member for member in self._world.members if self._may_see(member, channel)]
        env._preview = None
        try:
            preview: simcord.Preview = await self._stack.enter_async_context(
                env.preview(channel, viewers=viewers, layout="channel", timezone=ZONE.key)
            )
        finally:
            env._preview = self._all
        self._all.open[channel.id] = preview
        return preview

    def _may_see(self, member: simcord.MemberActor, channel: simcord.ChannelHandle) -> bool:
        try:
            channel.history(viewer=member)
        except SetupError:
            return False
        return True

    async def keep_fresh(self) -> None:
        """Republishes the pages when something happened, and bounds simcord's logs; runs until cancelled."""
        while True:
            await asyncio.sleep(0.4)
            try:
                await self._refresh()
            except Exception:
                log.exception("the pages were not refreshed; trying again")

    async def _refresh(self) -> None:
        transcript = self._world.env.backend.transcript
        if len(transcript) == self._seen or self.busy:
            return
        self._world.overlays.trim()
        happened = len(transcript)
        for preview in [preview for preview in self._all.open.values() if not preview._closed]:
            try:
                await preview.refresh()
                await _look_at_newest(preview)
            except SetupError:  # somebody began to act meanwhile: the next look will do
                return
        self._seen = happened

    @property
    def busy(self) -> bool:
        """Whether somebody acts at this moment: simcord takes one action at a time."""
        return self._world.env._operation_task is not None

    async def close(self) -> None:
        await self._stack.aclose()


async def _look_at_newest(preview: simcord.Preview) -> None:
    """A page that is opened or reloaded from now on begins there."""
    history = preview.channel.history(viewer=preview.viewers[0])
    if history:
        await preview.show(history[-1])
