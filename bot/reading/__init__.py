"""Readings, schedules and importers, as pure functions and models: no discord, no database."""
