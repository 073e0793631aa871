"""docs/phones.md: what it says to write can be written, and its figures are the program's own."""

import re

import pytest

from pbx import lamps, messages, qualify
from pbx.config import Config
from pbx.config.check import check
from pbx.config.document import parse
from pbx.config.registrar import QUALIFY_LEAST, RegistrarSettings
from sip.brakes import REFUSALS_MAX
from sip.core import EndpointConfig
from tests.data import ROOT

TEXT = (ROOT / "docs/phones.md").read_text()
SNIPPETS = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_has_no_faults(snippet: str) -> None:
    assert check(Config.model_validate(parse(snippet, "snippet").tree)) == []


def test_every_setting_is_told_of_with_its_default() -> None:
    told = Config.model_validate(parse(SNIPPETS[0], "snippet").tree).sip
    for name in RegistrarSettings.model_fields:
        assert name in told.model_fields_set
        assert getattr(told, name) == getattr(RegistrarSettings(), name)


def test_the_figures() -> None:
    words = TEXT.replace("\n", " ").replace(",", "")
    for figure in (
        f"says nothing for {qualify.PATIENCE_SECONDS:g} s",
        f"The shortest interval is `{QUALIFY_LEAST:g}s`",
        f"no more often than every {lamps.GAP_SECONDS:g} s",
        f"lasts {lamps.SECONDS_MAX} s at most",
        f"at most {lamps.USER_MAX} subscriptions of one extension",
        f"{lamps.SOURCE_MAX} from one address",
        f"{EndpointConfig().subscriptions_max} altogether",
        f"After {REFUSALS_MAX} refusals",
        f"anything for {messages.ANSWER_SECONDS:g} s",
        f"more than {messages.BODY_BYTES_MAX} bytes",
        f"{messages.SENDER_MAX} messages of this sender",
    ):
        assert figure in words, figure
