"""Keys of mapping tables: one spelling each, and refused where no order could ever match."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from connectors.core.mapping_keys import KeyRefused, KeyShape, canonical_key
from connectors.core.options import explain
from profiles.sections import OrderTaxesSection, PaymentsSection


@pytest.mark.covers("PRF-05")
@pytest.mark.parametrize(
    ("shape", "typed", "kept"),
    [
        (KeyShape.CURRENCY, " bacs ", "bacs"),
        (KeyShape.CURRENCY, "bacs | usd", "bacs|USD"),
        (KeyShape.ZONE, "fr", "FR"),
        (KeyShape.ZONE, "fr:97 1*", "FR:971*"),
        (KeyShape.ZONE, "gb:ec1a 1*", "GB:EC1A1*"),
        (KeyShape.ZONE, "us: NY", "US:NY"),
        (KeyShape.PERCENT, "5,50 %", "5.5"),
        (KeyShape.PERCENT, "FR-TVA-1", "FR-TVA-1"),
        (KeyShape.FREE, "Colissimo : point relais", "Colissimo : point relais"),
    ],
)
def test_a_key_has_one_spelling(shape: KeyShape, typed: str, kept: str) -> None:
    assert canonical_key(shape, typed) == kept


@pytest.mark.covers("PRF-05")
@pytest.mark.parametrize(
    ("shape", "typed"),
    [
        (KeyShape.CURRENCY, "|USD"),
        (KeyShape.CURRENCY, "bacs|"),
        (KeyShape.CURRENCY, "bacs|US"),
        (KeyShape.CURRENCY, "bacs|USD|EUR"),
        (KeyShape.ZONE, "France"),
        (KeyShape.ZONE, "FR:"),
        (KeyShape.ZONE, "FR:*"),
        (KeyShape.ZONE, "FR:97*1"),
        (KeyShape.ZONE, ":97*"),
        (KeyShape.FREE, "  "),
        (KeyShape.FREE, "a\x00b"),
        (KeyShape.FREE, "x" * 201),
    ],
)
def test_a_key_that_nothing_can_match_is_refused(shape: KeyShape, typed: str) -> None:
    with pytest.raises(KeyRefused):
        canonical_key(shape, typed)


@pytest.mark.covers("PRF-05")
@pytest.mark.parametrize(
    ("section", "values", "name", "words"),
    [
        (PaymentsSection, {"methods": {"bacs|EURO": "VIR"}}, "methods", "« bacs|EURO » n’est pas une ligne valable"),
        (PaymentsSection, {"methods": {"bacs|usd": "A", "bacs|USD": "B"}}, "methods", "figure déjà dans la table"),
        (OrderTaxesSection, {"tax_map": {"5,5": "A", "5.50": "B"}}, "tax_map", "« 5.5 » figure déjà"),
        (OrderTaxesSection, {"categories_taxed": {"France": "1"}}, "categories_taxed", "n’est pas une zone valable"),
    ],
)
def test_the_declaration_refuses_the_key_and_names_it(
    section: Any, values: dict[str, Any], name: str, words: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        section(**values)
    (error,) = explain(refused.value)
    assert error.name == name
    assert words in error.text()
