"""A Discord on the loopback, in a process of its own, for tests of any discord.py project: see README.md."""

from tests.support.local_discord.answers import Answered, Request, SessionState
from tests.support.local_discord.handle import DiscordProblems, LocalDiscord, local_discord

__all__ = ["Answered", "DiscordProblems", "LocalDiscord", "Request", "SessionState", "local_discord"]
