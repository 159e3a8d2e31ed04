"""``python -m tests.bench`` lists the benches, ``python -m tests.bench NAME`` runs one.

A bench compares within one run, since machines differ and are noisy: it prints ``RATIO name value`` lines, or
``SKIP name reason`` where something it needs is not there.
"""

import importlib
import pkgutil
import sys
from pathlib import Path


def benches() -> dict[str, str]:
    """Each bench's name and what it measures."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return {name: _about(name) for name in names if not name.startswith("_")}


def _about(name: str) -> str:
    return (importlib.import_module(f"tests.bench.{name}").__doc__ or "").strip().partition("\n")[0]


def main(arguments: list[str]) -> int:
    known = benches()
    if not arguments:
        for name, about in known.items():
            sys.stdout.write(f"{name:12} {about}\n")
        return 0
    if len(arguments) > 1 or arguments[0] not in known:
        sys.stderr.write(f"There is no such bench; there are: {', '.join(known)}.\n")
        return 2
    for line in importlib.import_module(f"tests.bench.{arguments[0]}").run():
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
