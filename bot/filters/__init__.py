"""Matching and restoring, as pure functions: no discord, no database."""
