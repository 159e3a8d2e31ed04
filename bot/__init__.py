"""Applecore's machine: importable and testable without a Discord connection."""

__version__ = "0.1.0"
