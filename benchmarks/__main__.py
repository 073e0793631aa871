"""`make bench`: what things cost on this machine. `make bench ONLY=relay` measures one group.

Prints machine and versions, then `bench NAME VALUE UNIT` a line; the same goes to build/bench.json.
"""

import json
import os
import platform
import sys
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

Figure = tuple[str, float, str]
GROUPS: Final = (
    "decisions",
    "parse",
    "calls",
    "relay",
    "record",
    "srtp",
    "signalling",
    "transports",
    "day",
    "journal",
    "memory",
    "startup",
    "abuse",
    "overload",
    "plain",
    "mix",
    "transcode",
)
OUTPUT: Final = Path("build/bench.json")


def main() -> int:
    chosen = sys.argv[1:] or list(GROUPS)
    unknown = [group for group in chosen if group not in GROUPS]
    if unknown:
        print(f"there is no group {', '.join(unknown)}; there are {', '.join(GROUPS)}")
        return 2
    machine = describe_machine()
    for name, value in machine.items():
        print(f"# {name}: {value}", flush=True)
    figures: list[Figure] = []
    for number, group in enumerate(chosen, start=1):
        print(f"# {number}/{len(chosen)} {group} …", file=sys.stderr, flush=True)
        run: Callable[[], list[Figure]] = import_module(f"benchmarks.{group}").run
        for figure in run():
            print(f"bench {figure[0]} {figure[1]:g} {figure[2]}", flush=True)
            figures.append(figure)
    save(machine, figures)
    return 0


def describe_machine() -> dict[str, str]:
    return {
        "date": time.strftime("%Y-%m-%d %H:%M:%S"),
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count()),
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("dzvin", "uvloop", "numpy", "msgspec")},
    }


def save(machine: dict[str, str], figures: list[Figure]) -> None:
    """Figures measured earlier stay, those measured now replace theirs."""
    before: dict[str, dict[str, object]] = {}
    if OUTPUT.exists():
        before = json.loads(OUTPUT.read_text()).get("figures", {})
    for name, value, unit in figures:
        before[name] = {"value": value, "unit": unit}
    OUTPUT.parent.mkdir(exist_ok=True)
    _ = OUTPUT.write_text(json.dumps({"machine": machine, "figures": before}, indent=1) + "\n")


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    sys.exit(main())
