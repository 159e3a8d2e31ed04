"""Errors whose text is written for the person who reads it."""

from typing import ClassVar


class ApplecoreError(Exception):
    """Something a person can put right. Its text is one sentence that says what to do, and is shown as it is."""

    exit_code: ClassVar[int] = 1
    """With which a command ends that it ends."""


class ConfigurationError(ApplecoreError):
    """Trying again is of no use: a setting, the token, an intent or the installed version has to be changed first."""

    exit_code = 78  # EX_CONFIG of sysexits.h; os.EX_CONFIG is not there on Windows


class UnavailableError(ApplecoreError):
    """A thing that was asked for is not there (any more): a reading, a club, a channel."""
