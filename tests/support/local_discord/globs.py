"""Routes as a test names them: a method or ``*``, and a glob on the API path such as ``/channels/*/messages``."""

import re
from dataclasses import dataclass, field
from fnmatch import translate


@dataclass(frozen=True)
class Glob:
    """``*`` in the path stands for anything, slashes too."""

    method: str
    path: str
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_pattern", re.compile(translate(self.path)))

    def matches(self, method: str, path: str) -> bool:
        return self.method in ("*", method) and self._pattern.match(path) is not None
