"""Whatever is written, what comes out is a configuration or a list of faults, each with a place."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from pbx.config import Config, ConfigError, ConfigErrors, load, to_distribution
from pbx.config.document import Document, Tree, parse
from pbx.config.load import validate
from tests.data import ROOT

QUICKSTART = (ROOT / "config/quickstart/pbx.yaml").read_text()
# Words of the language and of the model, so that many texts come far.
PIECES = st.sampled_from(
    [
        *("sip", "port", "queues", "sales", "members", "901", "agents", "extensions", "strategy"),
        *("on_timeout", "queue:sales", "include", "pbx.yaml", "secrets", "sounds", "path"),
        *(": ", ":\n  ", ":\n    ", "\n", "- ", "\n  - ", "[", "]", "{", "}", ", ", '"', "'"),
        *("&a ", "*a", "!secret x", "!env x", "!!int ", "null", "true", "-1", "1.5", "15s", "#"),
        *("\t", "|", ">", "%", "---", "...", "\x00", "\x85", "\ufeff", "\ud800", "é"),
    ]
)
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join))
INNER = PIECES | st.text(max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | INNER,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(INNER, inner, max_size=4),
    max_leaves=20,
)
Result = TypeVar("Result")


def outcome(read: Callable[[], Result]) -> Result | tuple[ConfigError, ...]:
    """What was read, or what was wrong, each with a place and on one line."""
    try:
        return read()
    except ConfigErrors as fault:
        errors = fault.errors
    assert len(errors) > 0
    assert not [error for error in errors if "\n" in str(error) or not error.message]
    return errors


@given(TEXTS)
def test_any_text_is_parsed_or_refused(text: str) -> None:
    match outcome(lambda: parse(text, "f")):
        case Document() as document:
            assert set(document.keys) <= set(document.values)
        case errors:
            assert all(error.line > 0 and error.column > 0 for error in errors)


@given(TEXTS | st.binary())
def test_any_file_is_loaded_or_refused(content: str | bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pbx.yaml")
        data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        _ = path.write_bytes(data)
        result = outcome(lambda: load(path, {}))
        assert isinstance(result, Config | tuple)


@given(VALUES, st.sampled_from([*Config.model_fields, "queues.sales", "agents.901", "sip.port"]))
def test_any_value_of_any_setting(value: Tree, setting: str) -> None:
    tree: Tree = value
    for key in reversed(setting.split(".")):
        tree = {key: tree}
    assert isinstance(tree, dict)
    document = Document(tree)
    assert isinstance(outcome(lambda: validate(document)), Config | tuple)


@given(st.data())
def test_a_file_with_a_piece_missing_or_strange(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(QUICKSTART)))
    end = data.draw(st.integers(start, min(start + 30, len(QUICKSTART))))
    text = QUICKSTART[:start] + data.draw(PIECES | st.just("")) + QUICKSTART[end:]
    match outcome(lambda: validate(parse(text, "f"))):
        case Config() as config:
            assert len(to_distribution(config).queues) == len(config.queues)
        case errors:
            assert all(error.line > 0 for error in errors)
