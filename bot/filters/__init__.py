"""Matching and restoring, as pure functions: no discord, no database."""

from bot.filters.declared import Restoration, RestoredText, restore_declared

__all__ = ["Restoration", "RestoredText", "restore_declared"]
