"""All texts as tables of Markdown, for docs/prompts.md: `python3 -m sounds.texts.listing`."""

import sys
from typing import Final

from . import LANGUAGES, TEXTS

HEADLINE: Final = "## All prompts\n"


def listing() -> str:
    """First what all languages have, then the words that only some grammars need."""
    everywhere = [name for name in TEXTS["en"] if all(name in texts for texts in TEXTS.values())]
    names = dict.fromkeys(name for texts in TEXTS.values() for name in texts)
    rest = [name for name in names if name not in everywhere]
    return "\n".join(
        [
            HEADLINE,
            *_table(everywhere),
            "",
            "Words that only some languages need:",
            "",
            *_table(rest),
            "",
        ]
    )


def _table(names: list[str]) -> list[str]:
    head = ["name", *LANGUAGES]
    return [
        _row(head),
        _row(["---"] * len(head)),
        *(
            _row([f"`{name}`", *(TEXTS[each].get(name, "") for each in LANGUAGES)])
            for name in names
        ),
    ]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    _ = sys.stdout.write(listing())
