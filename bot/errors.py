"""Errors whose text is written for the person who reads it."""


class ApplecoreError(Exception):
    """Something a person can put right. Its text is one sentence that says what to do, and is shown as it is."""


class UnavailableError(ApplecoreError):
    """A thing that was asked for is not there (any more): a reading, a club, a channel."""
