"""`applecore run`: one bot from login to a clean end."""

import asyncio
import contextlib
import logging
import os
import signal
import threading

import aiohttp
import discord

from bot import logs
from bot.checkup import LOGIN_REFUSED, SWITCH_ON, unreachable
from bot.client import Applecore, create_bot
from bot.errors import ApplecoreError, ConfigurationError
from bot.settings import Settings

log = logging.getLogger(__name__)

AUTHENTICATION_FAILED = 4004
"""Discord's close code for a token that it no longer takes (topics/opcodes-and-status-codes.mdx)."""

WRONG_SHARDS = range(4010, 4014)
"""Its close codes for an invalid shard, for too few shards, and for an API version or intents that it does not know."""

AT_THE_LATEST = 9.0
"""Seconds from a signal to the end of the process, whatever hangs: a thread that waits for a disk, a database or the
address of a name cannot be cancelled, and Python would wait for it."""

CANCEL_AGAIN = 0.5
"""Seconds after which a task that should have ended is told so again."""


def run(settings: Settings) -> int:
    """Runs until SIGINT or SIGTERM; answers the exit code.

    Raises:
        ApplecoreError: the bot cannot work with these settings.
    """
    logs.configure(settings)
    try:
        return asyncio.run(_run(settings))
    except ApplecoreError as error:
        if settings.log_format != "json":
            raise
        log.critical("%s", error)  # who reads JSON reads nothing else
        return error.exit_code


async def _run(settings: Settings) -> int:
    stop = asyncio.Event()

    def begin_to_stop() -> None:
        if not stop.is_set():
            log.info("stopping: finishing the step in hand")
            _end_at_the_latest()
            stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # on Windows, where Ctrl+C ends asyncio.run
            asyncio.get_running_loop().add_signal_handler(number, begin_to_stop)
    bot = create_bot(settings)
    try:
        await bot.database.open()  # before anything is asked of Discord
        await _until_stopped(bot, settings, stop)
    except discord.LoginFailure:
        raise ConfigurationError(f"token: {LOGIN_REFUSED}") from None
    except discord.PrivilegedIntentsRequired:
        raise ConfigurationError(f"message_content: Discord refuses the intent. {SWITCH_ON}") from None
    except discord.ConnectionClosed as error:
        raise _closed(error.code) from None
    except (aiohttp.ClientError, TimeoutError, discord.HTTPException, discord.GatewayNotFound) as error:
        raise ApplecoreError(unreachable(settings.api_url, error)) from error
    finally:
        await _close(bot)
    if stop.is_set():
        log.info("stopped")
    return 0


async def _until_stopped(bot: Applecore, settings: Settings, stop: asyncio.Event) -> None:
    token = settings.token.get_secret_value() if settings.token else ""
    running = asyncio.create_task(bot.start(token))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait((running, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not stop.is_set():
        return await running
    if bot.is_ready():
        await _close(bot)
    await end_task(running)  # where it waits for Discord, nothing else would end it
    return None


async def end_task(task: asyncio.Task[None]) -> None:
    """Cancels the task until it has ended; what it raises is not asked for any more.

    Once is not always enough: where what it waits for came to its end in the same moment, Python 3.11's ``wait_for``
    keeps the cancellation to itself, and discord.py, which connects under one, tries again for ever.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_AGAIN)


async def _close(bot: Applecore) -> None:
    """May be called twice. Where the database refuses to take our claims back, they run out by themselves."""
    try:
        await bot.close()
    except Exception:
        log.exception("the end was not clean; the next start goes on from what the database says")


def _end_at_the_latest() -> None:
    def end() -> None:
        log.warning("something hangs, so the process ends without it; the next start goes on from what is stored")
        logging.shutdown()
        os._exit(0)

    timer = threading.Timer(AT_THE_LATEST, end)
    timer.daemon = True
    timer.start()


def _closed(code: int) -> ApplecoreError:
    """Why Discord closed a connection for good."""
    if code == AUTHENTICATION_FAILED:
        return ConfigurationError(f"token: {LOGIN_REFUSED}")
    if code in WRONG_SHARDS:
        return ConfigurationError(
            f"Discord closed the connection (code {code}). Check shard_count and shard_ids: "
            "without them the bot asks Discord what is right."
        )
    return ApplecoreError(f"Discord closed the connection for good (code {code}). Start the bot again.")
