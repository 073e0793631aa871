"""Whatever is written, what comes out is a configuration or a list of faults, each with a place."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pbx.config import Config, ConfigError, ConfigErrors, load, to_distribution
from pbx.config.check import check
from pbx.config.document import Document, Tree, parse
from pbx.config.load import validate
from pbx.distribution.config import Newcomer, Strategy, TagCount, WithinTier
from pbx.distribution.core import Distribution
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


TIMES = st.sampled_from([0, 0.1, 0.7, 1, "20s", "1m30s", "7d"])
AGENTS = st.sampled_from(["901", "902", "903"])
MEMBERS = AGENTS | st.fixed_dictionaries(
    {"agent": AGENTS},
    optional={
        **{"order": st.integers(1, 3), "rank": st.integers(0, 3), "weight": st.integers(1, 3)},
        **{"ring_timeout": TIMES, "delay": TIMES},
    },
)
REQUIREMENTS = st.sampled_from(["", "french", "sales & french >= 50", "!french", "polish"])
WAYS = st.sampled_from(["queue:a", "queue:b", "hangup", "decline", "extension:901"])
STEPS = st.fixed_dictionaries({"after": TIMES, "drop": st.sampled_from(["french", "all", "sales"])})
QUEUES = st.fixed_dictionaries(
    {"members": st.lists(MEMBERS, min_size=1, max_size=3)},
    optional={
        "strategy": st.sampled_from([s.value for s in Strategy]),
        "then": st.sampled_from([s.value for s in Strategy]),
        "window": TIMES | st.sampled_from(["day", "hour", "shift"]),
        "align": st.sampled_from(["rolling", "clock"]),
        "newcomer": st.sampled_from([n.value for n in Newcomer]),
        "count_tags": st.sampled_from([c.value for c in TagCount]),
        "within_rank": st.sampled_from([w.value for w in WithinTier]),
        "requires": REQUIREMENTS,
        "relax": st.lists(STEPS, max_size=3),
        "sticky": TIMES | st.fixed_dictionaries({"for": TIMES}, optional={"wait": TIMES}),
        "priority": st.integers(-100, 100)
        | st.fixed_dictionaries({}, optional={"rise_every": TIMES, "rise_max": st.integers(1, 3)}),
        **dict.fromkeys(("recalculate", "ring_timeout", "rank_timeout", "tier_timeout"), TIMES),
        **dict.fromkeys(("personal_for", "leave_unmatched_after", "leave_empty_after"), TIMES),
        **dict.fromkeys(("auto_after", "max_wait", "wrap_up", "wrap_up_max"), TIMES),
        **dict.fromkeys(("on_timeout", "on_no_agent", "on_all_missed"), WAYS),
    },
)


@given(st.dictionaries(st.sampled_from("ab"), QUEUES, min_size=1), st.booleans())
def test_what_the_checks_let_through_the_core_takes(
    queues: dict[str, dict[str, object]], declared: bool
) -> None:
    agents = {"901": {"tags": ["french", "sales"]}, "902": {"tags": {"polish": 40}}, "903": {}}
    tags = {"language": ["french", "polish"], "skill": ["sales"]} if declared else {}
    try:
        config = Config.model_validate(
            {"extensions": dict.fromkeys(agents), "agents": agents, "tags": tags, "queues": queues}
        )
    except ValidationError:
        return
    if not check(config):
        assert len(Distribution(to_distribution(config), 1).world.queues) == len(queues)
