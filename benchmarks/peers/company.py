"""The company that the side-by-side drivers call: `python -m benchmarks.peers.company DIRECTORY`.

Extension `plain` leads to a phone at 127.0.0.2:7060, which also answers for 500 agents; queues of
50 and 500 of them by three strategies; accounts p00001/pw00001 and on for registrations. Calls from
127.0.0.3 need no password.
"""

import json
import sys
from pathlib import Path
from typing import Any

AGENTS = 500
ACCOUNTS = 1000
PHONES = "127.0.0.2:7060"
STRATEGIES = {"rrmemory": "round_robin", "leastrecent": "longest_idle", "ringall": "ring_all"}
SOUNDS = Path(__file__).resolve().parents[2] / "sounds"


def configuration(directory: Path, sip_port: int, web_port: int, workers: int) -> dict[str, Any]:
    agents = [f"a{n:04d}" for n in range(1, AGENTS + 1)]
    extensions: dict[str, Any] = {"plain": {"contact": f"sip:uas@{PHONES}"}}
    extensions |= {name: {"contact": f"sip:{name}@{PHONES}"} for name in agents}
    extensions |= {f"p{n:05d}": {} for n in range(1, ACCOUNTS + 1)}
    return {
        "company": "Bench",
        "sip": {"host": "127.0.0.1", "port": sip_port, "trusted": ["127.0.0.3"]},
        "web": {"host": "127.0.0.1", "port": web_port},
        "media": {"host": "127.0.0.1", "workers": workers, "ports": "20000-31999"},
        "storage": {"path": str(directory / "pbx.sqlite")},
        "secrets": str(directory / "secrets.yaml"),
        "sounds": {"path": str(SOUNDS)},
        "extensions": extensions,
        "agents": {name: {"signed_in": "always"} for name in agents},
        "queues": {
            f"q{size}-{name}": {
                "strategy": strategy,
                "members": agents[:size],
                "music": "hold",
                "max_length": 0,
            }
            for size in (50, AGENTS)
            for name, strategy in STRATEGIES.items()
        },
    }


def write(
    directory: Path, *, sip_port: int = 5090, web_port: int = 18090, workers: int = 1
) -> Path:
    """The configuration and its passwords as files; returns the first one's path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "pbx.yaml"
    _ = path.write_text(json.dumps(configuration(directory, sip_port, web_port, workers)))
    secrets = directory / "secrets.yaml"
    lines = [f"extension_p{n:05d}: pw{n:05d}\n" for n in range(1, ACCOUNTS + 1)]
    _ = secrets.write_text("".join(lines))
    secrets.chmod(0o600)
    return path


if __name__ == "__main__":
    print(write(Path(sys.argv[1])))
