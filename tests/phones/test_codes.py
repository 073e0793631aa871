"""Feature codes: what is dialled → which code, with what behind it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.codes import TAKES, Codes, Dialled, Takes, fits, read, write
from pbx.config.codes import FeatureCodes
from pbx.flow.codes import destination_of
from pbx.plan import Destination

USUAL = FeatureCodes.model_validate({}).codes()


@pytest.mark.parametrize(
    ("number", "found"),
    [
        ("*45", Dialled("sign_in")),
        ("*46", Dialled("break")),
        ("*461", Dialled("break", "1")),
        ("*47", Dialled("end_wrap_up")),
        ("*76", Dialled("do_not_disturb")),
        ("*78", Dialled("do_not_disturb_on")),
        ("*79", Dialled("do_not_disturb_off")),
        ("*72", Dialled("forward_always")),
        ("*72102", Dialled("forward_always", "102")),
        ("*72+380441234567", Dialled("forward_always", "+380441234567")),
        ("*73", Dialled("forward_always_off")),
        ("*90102", Dialled("forward_busy", "102")),
        ("*91", Dialled("forward_busy_off")),
        ("*52102", Dialled("forward_no_answer", "102")),
        ("*53", Dialled("forward_no_answer_off")),
        ("*54102", Dialled("forward_unreachable", "102")),
        ("*55", Dialled("forward_unreachable_off")),
        ("*67", Dialled("hide_number")),
        ("*68", Dialled("show_number")),
        ("*8", Dialled("pick_up_group")),
        ("*80101", Dialled("intercom", "101")),
        ("**101", Dialled("pick_up", "101")),
        ("*70", Dialled("park")),
        ("*7071", Dialled("park", "71")),
        ("*43", Dialled("echo")),
        ("*80", None),  # Whose phone?
        ("**", None),
        ("*451", None),  # Nothing stands behind this one.
        ("*4", None),
        ("102", None),
        ("", None),
        ("*", None),
    ],
)
def test_the_usual_codes(number: str, found: Dialled | None) -> None:
    assert USUAL.match(number) == found


@pytest.mark.parametrize(
    ("number", "destination"),
    [
        ("*45", Destination("code", "sign_in")),
        ("*461", Destination("code", "break:1")),
        ("*72102", Destination("code", "forward_always:102")),
        ("*8", Destination("pickup")),
        ("**101", Destination("pickup", "101")),
        ("*80101", Destination("intercom", "101")),
        ("*70", Destination("park")),
        ("*7071", Destination("park", "71")),
        ("*43", Destination("echo")),
    ],
)
def test_where_a_code_leads(number: str, destination: Destination) -> None:
    dialled = USUAL.match(number)
    assert dialled is not None
    assert destination_of(dialled) == destination


def test_every_code_has_digits_of_its_own() -> None:
    digits = FeatureCodes.model_validate({}).digits()
    assert digits.keys() == TAKES.keys()
    assert len(set(digits.values())) == len(TAKES)


def test_a_code_may_be_off_or_another() -> None:
    codes = FeatureCodes.model_validate({"break": "off", "park": False, "echo": 600}).codes()
    assert (codes.match("*46"), codes.match("*70"), codes.match("*43")) == (None, None, None)
    assert codes.match("600") == Dialled("echo")


keys = st.text("0123456789*#", min_size=1, max_size=5)


@given(st.dictionaries(st.sampled_from(sorted(TAKES)), keys), keys, keys)
def test_the_longest_code_that_fits_is_meant(
    digits: dict[str, str], number: str, more: str
) -> None:
    codes = Codes.of(digits)
    for dialled in (number, number + more, *digits.values()):
        fitting = [
            (len(code), Dialled(codes.names[code], dialled[len(code) :]))
            for code in codes.names
            if dialled.startswith(code) and fits(TAKES[codes.names[code]], dialled[len(code) :])
        ]
        assert codes.match(dialled) == max(fitting, default=(0, None))[1]


@given(st.sampled_from(sorted(TAKES)), st.text("0123456789*#+", max_size=32))
def test_a_dialled_code_is_read_as_it_was_written(name: str, rest: str) -> None:
    assert read(write(Dialled(name, rest))) == Dialled(name, rest)


@given(st.sampled_from(list(Takes)), keys)
def test_what_stands_behind_a_code(takes: Takes, rest: str) -> None:
    assert fits(takes, rest) is (takes is not Takes.NOTHING)
    assert fits(takes, "") is (takes is not Takes.EXTENSION)
