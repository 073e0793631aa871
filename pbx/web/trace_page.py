"""The page of a call's SIP messages: the ladder as SVG, the messages below it.

What phones send is hostile: every word of it goes through `escape`. There are no scripts, and the
page's own style is allowed by its hash only.
"""

from base64 import b64encode
from hashlib import sha256
from html import escape
from time import localtime, strftime
from typing import Final

from pbx.printable import printable
from sip.ladder import US, Ladder, Step

STEPS_MAX: Final = 2_000  # Of a call to hundreds of agents; the pcap has them all.
PEERS_MAX: Final = 40
GAP: Final = 210  # Pixels between two lines of life.
LEFT: Final = 170  # Of the first one: times stand before it.
ROW: Final = 26
TOP: Final = 58

COLOURS: Final = {
    "request": "#1d4ed8",
    "provisional": "#6b7280",
    "success": "#15803d",
    "failure": "#b91c1c",
    "other": "#6b7280",
}
STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; color: #111827; background: #fff; }
h1 { font-size: 1.3rem; } a { color: #1d4ed8; }
.picture { overflow-x: auto; border: 1px solid #e5e7eb; border-radius: 8px; padding: 8px; }
svg text { font: 12px ui-monospace, monospace; }
details { border-bottom: 1px solid #e5e7eb; padding: 4px 0; }
summary { cursor: pointer; font: 13px ui-monospace, monospace; white-space: pre-wrap; }
pre { font-size: 12px; background: #f9fafb; padding: 8px; overflow-x: auto; }
"""
POLICY: Final = (
    "default-src 'none'; style-src 'sha256-"
    + b64encode(sha256(STYLE.encode()).digest()).decode()
    + "'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def page(call: str, ladder: Ladder) -> str:
    name = escape(printable(call))
    when = strftime("%Y-%m-%d %H:%M:%S", localtime(ladder.began_at)) if ladder.steps else ""
    left_out = len(ladder.steps) - STEPS_MAX
    parts = [
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Call {name}</title>',
        f"<style>{STYLE}</style></head><body><h1>SIP messages of call {name}</h1>",
    ]
    if not ladder.steps:
        return "".join([*parts, "<p>No messages of this call are left.</p></body></html>"])
    parts.append(
        f"<p>{when}, {len(ladder.steps)} messages with {len(ladder.peers)} peers."
        f' <a href="trace.pcap" download="{name}.pcap">As a pcap file</a> for Wireshark.'
        " Passwords are starred out.</p>"
    )
    if left_out > 0:
        parts.append(f"<p>{left_out} more are only in the pcap file.</p>")
    parts += ['<div class="picture">', svg(ladder), "</div><h2>Messages</h2>"]
    parts += [_message(ladder, step) for step in ladder.steps[:STEPS_MAX]]
    return "".join([*parts, "</body></html>"])


def svg(ladder: Ladder) -> str:
    peers = ladder.peers[:PEERS_MAX]
    steps = [step for step in ladder.steps[:STEPS_MAX] if step.peer < len(peers)]
    columns = [peers[0], US, *peers[1:]]
    width = LEFT + GAP * (len(columns) - 1) + 120
    height = TOP + ROW * (len(steps) + 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" role="img" aria-label="Message ladder">'
    ]
    for number, name in enumerate(columns):
        x = LEFT + GAP * number
        parts.append(
            f'<line x1="{x}" y1="{TOP - 22}" x2="{x}" y2="{height - 8}" stroke="#9ca3af"/>'
            f'<text x="{x}" y="{TOP - 32}" text-anchor="middle" font-weight="bold"'
            f' fill="#111827">{escape(printable(name)[:32])}</text>'
        )
    parts += [_arrow(step, TOP + ROW * row) for row, step in enumerate(steps)]
    return "".join([*parts, "</svg>"])


def _arrow(step: Step, y: int) -> str:
    us = LEFT + GAP
    there = LEFT if step.peer == 0 else LEFT + GAP * (step.peer + 1)
    begin, end = (us, there) if step.outgoing else (there, us)
    colour = COLOURS[step.kind]
    tip = -8 if end > begin else 8
    dashes = ' stroke-dasharray="5 4"' if step.again else ""
    words = escape(step.label + (" (again)" if step.again else ""))
    # Beside our line, where it is nobody else's.
    middle = us + (GAP // 2 if there > us else -GAP // 2)
    return (
        f"<g><title>{escape(step.text[:400])}</title>"
        f'<text x="8" y="{y + 4}" fill="#6b7280">{step.at:.3f}</text>'
        f'<line x1="{begin}" y1="{y}" x2="{end}" y2="{y}" stroke="{colour}"{dashes}/>'
        f'<path d="M{end} {y} l{tip} -4 v8 z" fill="{colour}"/>'
        f'<text x="{middle}" y="{y - 5}" text-anchor="middle" fill="{colour}">{words}</text></g>'
    )


def _message(ladder: Ladder, step: Step) -> str:
    way = "to" if step.outgoing else "from"
    peer = escape(printable(ladder.peers[step.peer]))
    text = "\n".join(printable(line) for line in step.text.split("\n"))
    return (
        f"<details><summary>{step.at:9.3f} {way} {peer}: {escape(step.label)}</summary>"
        f"<pre>{escape(text)}</pre></details>"
    )
