#!/bin/bash
# Dzvin with the company of the side-by-side drivers on udp 127.0.0.1:5090, in the foreground.
# start.sh [DIRECTORY]: where its files go (default: build/peers)
set -euo pipefail
cd "$(dirname "$0")/../.."
python=.venv/bin/python
exec "$python" -m pbx.cli run --log-level warning "$("$python" -m benchmarks.peers.company "${1:-build/peers}")"
