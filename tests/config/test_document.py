"""YAML 1.2 as people mean it, with the place of every key and value."""

import pytest

from pbx.config.document import DEPTH_MAX, Mark, Reference, Tree, parse
from pbx.config.errors import ConfigErrors


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("101", 101),
        ("-5", -5),
        ("0", 0),
        ("0102", "0102"),  # A number to dial, no octal.
        ("+380441234567", "+380441234567"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("12345678901234567890", "12345678901234567890"),
        ("22:22:22", "22:22:22"),  # No sum in base 60.
        ("1.5", 1.5),
        ("1e5", "1e5"),
        (".inf", ".inf"),
        ("true", True),
        ("False", False),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("~", None),
        ("null", None),
        ("", None),
        ("2026-11-21", "2026-11-21"),
        ("*45", "!undefined alias"),
        ('"*45"', "*45"),
        ("'no'", "no"),
        ('"101"', "101"),
        ("!!str 101", "101"),
        ("!secret web", Reference("secret", "web")),
        ("!env HOME", Reference("env", "HOME")),
        ("Олена", "Олена"),
        ("|\n  a\n  b\n", "a\nb\n"),
        ("[1, a, null]", [1, "a", None]),
        ("{101: x, 0102: y, true: z}", {"101": "x", "0102": "y", "true": "z"}),
    ],
)
def test_value(written: str, value: Tree) -> None:
    if isinstance(value, str) and value.startswith("!undefined"):
        with pytest.raises(ConfigErrors):
            _ = parse(f"x: {written}\n", "f")
    else:
        tree = parse(f"x: {written}\n", "f").tree
        assert tree == {"x": value}
        assert type(tree["x"]) is type(value)


def test_marks() -> None:
    document = parse("a:\n  b: [1,\n    22]\n'c': {d: e}\n", "f")
    assert document.tree == {"a": {"b": [1, 22]}, "c": {"d": "e"}}
    assert document.keys == {
        ("a",): Mark("f", 1, 1),
        ("a", "b"): Mark("f", 2, 3),
        ("c",): Mark("f", 4, 1),
        ("c", "d"): Mark("f", 4, 7),
    }
    assert document.values == {
        (): Mark("f", 1, 1),
        ("a",): Mark("f", 2, 3),
        ("a", "b"): Mark("f", 2, 6),
        ("a", "b", 0): Mark("f", 2, 7),
        ("a", "b", 1): Mark("f", 3, 5),
        ("c",): Mark("f", 4, 6),
        ("c", "d"): Mark("f", 4, 10),
    }


def test_aliases_are_copies() -> None:
    tree = parse("a: &one [x]\nb: *one\n", "f").tree
    assert tree == {"a": ["x"], "b": ["x"]}
    assert tree["a"] is not tree["b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [*a]", f"f:1:4: a[0][0]: nested deeper than {DEPTH_MAX}"),
        ("[" * 100_000, f"f:1:{DEPTH_MAX + 1}: nested deeper than {DEPTH_MAX}"),
        ("- " * 100_000, f"f:1:{2 * DEPTH_MAX + 1}: nested deeper than {DEPTH_MAX}"),
        ("{a: " * 100_000, f"f:1:{4 * DEPTH_MAX + 1}: nested deeper than {DEPTH_MAX}"),
        ("x: " + "y" * 5_000_000, "f:1:1: the file is over 4194304 characters"),
        ("a: 1\n--- {}\n--- {}\n", "f:2:1: but found another document"),
        ("? [a]\n: b\n", "f:1:3: a key must be a word or a number"),
        ("a: \x00", "f:1:4: a character that YAML does not allow, or nested too deeply"),
        ("a: \ud800", "f:1:4: a character that YAML does not allow, or nested too deeply"),
        ("a: !!int x", 'f:1:4: a: "x" is no !!int'),
        ("a: !!python/object:os.system x", "f:1:4: a: unknown tag !!python/object:os.system"),
    ],
    ids=str,
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigErrors) as raised:
        _ = parse(text, "f")
    assert str(raised.value).split(" (")[0] == message


def test_few_lines_that_name_billions() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(ConfigErrors) as raised:
        _ = parse("\n".join(lines), "f")
    assert [error.message for error in raised.value.errors] == [
        "over 200000 values, with aliases written out"
    ]
