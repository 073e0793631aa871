"""Text from outside, made safe for a terminal or a log line.

Names and numbers come from the wire. Control characters could move the cursor, forge a second
line or (C1, U+009B) start an escape sequence; bidirectional marks could turn a line around.
"""

import re
from typing import Final

_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL, C1.
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"  # Directions, line separators, BOM.
    "\ud800-\udfff]"  # Lone surrogates cannot be encoded at all.
)


def printable(text: str) -> str:
    r"""Every unsafe character as an escape: "\n" becomes two characters, `\` and `n`."""
    return text if text.isprintable() else _UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
