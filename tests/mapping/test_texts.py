"""Texts and codes between ERP and shop."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.mapping.texts import chosen, is_bar_code, split, without_forbidden


@pytest.mark.covers("CAT-08")
@given(st.text(max_size=60))
def test_forbidden_characters_and_odd_blanks_are_gone_and_nothing_else(text: str) -> None:
    clean = without_forbidden(text)
    assert not set("<>;=#{}") & set(clean)
    assert clean == " ".join(clean.split())
    assert without_forbidden(clean) == clean
    kept = [letter for letter in text if letter not in "<>;=#{}" and not letter.isspace()]
    assert [letter for letter in clean if not letter.isspace()] == kept


@pytest.mark.covers("CAT-10")
@given(st.integers(0, 10**12 - 1))
def test_exactly_one_check_digit_makes_a_code_right(number: int) -> None:
    codes = [f"{number:012d}{digit}" for digit in range(10)]
    assert sum(map(is_bar_code, codes)) == 1


@pytest.mark.covers("CAT-10")
@pytest.mark.parametrize(
    ("code", "right"),
    [
        ("3760000000017", True), ("3760000000018", False), ("96385074", True), ("036000291452", True),
        ("10012345678902", True), ("", False), ("ABC", False), ("٣٧٦٠٠٠٠٠٠٠٠١٧", False), ("376000000001", False),
    ],
)  # fmt: skip
def test_known_bar_codes(code: str, right: bool) -> None:
    assert is_bar_code(code) is right


@pytest.mark.covers("CAT-11")
def test_values_are_split_by_the_separator_only() -> None:
    assert split("Coton / Lin//", "/") == ("Coton", "Lin")
    assert split("Coton / Lin", "") == ("Coton / Lin",)
    assert split("  ", "") == ()
    assert chosen({"A": " x "}, "A") == "x"
    assert chosen({"A": " x "}, "") == chosen({}, "A") == ""
