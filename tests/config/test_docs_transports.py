"""docs/transports.md: what it says to write can be written, and nothing is left out."""

import re

import pytest

from pbx.config import Config
from pbx.config.check import check
from pbx.config.document import parse
from pbx.config.model import SipSettings
from pbx.config.transports import CertificateSettings, TlsSettings, WebSettings
from pbx.web.doors import PATIENCE_SECONDS
from sip.crowd import CrowdLimits
from sip.parser import MESSAGE_BYTES_MAX
from sip.transport import FIRST_MESSAGE_SECONDS
from tests.data import ROOT

TEXT = (ROOT / "docs/transports.md").read_text()
SNIPPETS = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
ELSEWHERE = {"password"}


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.split("\n")[0])
def test_a_snippet_has_no_faults(snippet: str) -> None:
    config = Config.model_validate(parse(snippet, "snippet").tree)
    found = [fault for fault in check(config) if not fault.message.startswith("there is no file")]
    assert found == []


def test_every_setting_is_told_of() -> None:
    models = (CertificateSettings, TlsSettings, WebSettings)
    settings = {name for model in models for name in model.model_fields} - ELSEWHERE
    told = set(re.findall(r"[`.{, ]([a-z_]+)[`:]", TEXT)) | set(
        re.findall(r"`[a-z]+\.([a-z]+)`", TEXT)
    )
    assert settings - told == set()


def test_figures_are_as_told() -> None:
    config, limits = Config(), CrowdLimits()
    assert f"port {config.sip.port} (UDP and TCP)" in TEXT
    assert f"| {TlsSettings().port} TCP | phones and trunks over TLS | `sip.tls.port` |" in TEXT
    assert f"| {config.web.port} TCP |" in TEXT
    assert f"| {config.media.ports} UDP | sound | `media.ports` |" in TEXT
    assert FIRST_MESSAGE_SECONDS == PATIENCE_SECONDS
    assert f"within {PATIENCE_SECONDS:.0f} s is closed" in TEXT
    assert f"at most {limits.source_max:,} connections" in TEXT
    assert f"{limits.source_half_open_max} of them silent" in TEXT
    assert f"together have {limits.all_max:,}" in TEXT
    assert f"at most {round(MESSAGE_BYTES_MAX / 1024)} KiB" in TEXT
    assert SipSettings().host == ("0.0.0.0",)
    assert WebSettings().host == ("127.0.0.1",)
