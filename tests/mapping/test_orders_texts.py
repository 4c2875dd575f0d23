"""References and labels from templates, payments created with a document, and the declarations of the settings."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.utils.translation import override

from connectors.canonical.sales import Deposit, Order
from profiles.sections import FLOW_SECTIONS
from profiles.templatetags.ui import tr
from sync.mapping import service_articles
from sync.mapping.order_payments import deposits, forced_account, forced_customer, payment_term
from sync.mapping.order_texts import FIELDS, example, fill, reference, unknown_fields
from tests.mapping.cart_shop import Cart, Item
from tests.mapping.order_support import PARIS, parsed, profile

ORDER = replace(
    parsed(Cart([Item(Decimal("50.00"), 1)], number=187).rest()),
    number="2026-187",
    fields={"cart": "C55", "reference": "XKBKNABJK"},
    created_at=datetime(2026, 11, 20, 23, 30, tzinfo=UTC),
)
TODAY = date(2026, 12, 1)


@pytest.mark.covers("ORD-03")
@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Web %OI", "Web 187"),
        ("%ON/%OR", "2026-187/XKBKNABJK"),
        ("%CF %CL (%CI) %CA", "Jeanne Petit (4) WEB0000004"),
        ("%CK du %OD", "C55 du 21/11/2026"),
        ("100 %% %ON", "100 % 2026-187"),
        ("%ZZ %ON", "%ZZ 2026-187"),
        ("", ""),
    ],
)
def test_reference_template(template: str, text: str) -> None:
    assert fill(template, ORDER, account="WEB0000004", timezone=PARIS) == text


@pytest.mark.covers("ORD-03")
def test_reference_is_cut_at_the_limit_of_the_erp() -> None:
    assert reference("%ON %CL %CF", ORDER, 14) == "2026-187 Petit"
    assert reference("%ON %CL", ORDER) == "2026-187 Petit"


@pytest.mark.covers("ORD-03")
def test_reference_has_a_live_example_and_names_wrong_fields() -> None:
    assert example("Web %OI") == "Web 187"
    assert example("%CF %CL - %ON") == "John DOE - 187"
    assert all(example(name) != name for name in FIELDS)
    assert unknown_fields("%ON %CX %%") == ("%CX",)


def made(order: Order = ORDER, **options: Any) -> tuple[Deposit, ...]:
    return deposits(order, profile(**options)["payments"], today=TODAY, timezone=PARIS, account="C1")


@pytest.mark.covers("PAY-01", "ORD-05")
def test_payment_is_created_with_the_method_of_its_mode_and_currency() -> None:
    tables = {
        "methods": {"bacs": "3", "bacs|USD": "4"},
        "journals": {"bacs": "BNP"},
        "terms": {"bacs": "7"},
        "customers": {"bacs": "AMAZON"},
        "accounts": {"bacs|EUR": "4119"},
    }
    assert made(**tables) == (
        Deposit(
            amount=Decimal("60.00"), on=date(2026, 11, 21), label="Jeanne Petit - 2026-187", method="3", journal="BNP"
        ),
    )
    dollars = replace(ORDER, currency="USD")
    assert made(dollars, **tables)[0].method == "4"
    section = profile(**tables)["payments"]
    assert (payment_term(ORDER, section), forced_customer(ORDER, section)) == ("7", "AMAZON")
    assert (forced_account(ORDER, section), forced_account(dollars, section)) == ("4119", "")
    assert payment_term(ORDER, profile(term_default="9")["payments"]) == "9"


@pytest.mark.covers("PAY-01")
@pytest.mark.parametrize(
    ("choice", "day"),
    [
        ("today", date(2026, 12, 1)),
        ("order", date(2026, 11, 21)),
        ("payment", date(2026, 11, 25)),
        ("invoice", date(2026, 11, 28)),
    ],
)
def test_payment_date(choice: str, day: date) -> None:
    order = replace(
        ORDER,
        payment=replace(ORDER.payment, paid_at=datetime(2026, 11, 25, 8, tzinfo=UTC)),
        completed_at=datetime(2026, 11, 28, 8, tzinfo=UTC),
    )
    assert made(order, date=choice)[0].on == day


@pytest.mark.covers("PAY-01")
def test_payment_amount_is_the_total_or_what_was_paid() -> None:
    partly = replace(ORDER, payment=replace(ORDER.payment, amount=Decimal("45.00")))
    assert made(partly)[0].amount == Decimal("60.00")
    assert made(partly, amount="paid")[0].amount == Decimal("45.00")


@pytest.mark.covers("PAY-01", "ORD-05")
def test_no_payment_without_date_of_payment_or_where_unwanted() -> None:
    unpaid = replace(ORDER, payment=replace(ORDER.payment, paid_at=None))
    assert made(unpaid) == ()
    assert len(made(unpaid, create_unpaid=True)) == 1
    assert made(create=False) == ()
    assert made(create_for={"bacs": "no"}) == ()
    assert len(made(create_for={"bacs": "no", "bacs|EUR": "yes"})) == 1
    assert made(replace(ORDER, total=Decimal(0))) == ()


@pytest.mark.covers("PRF-12")
def test_settings_without_which_no_order_can_be_imported() -> None:
    needed = {
        f"{section.section}.{name}"
        for section in FLOW_SECTIONS
        for name, info in section.infos().items()
        if "orders" in info.needed_by and not info.visible_if.get("mode") and not info.visible_if.get("ledger")
    }
    assert needed == {
        "orders.statuses",
        "order_taxes.category_taxed",
        "order_taxes.tax_map",
        "order_articles.misc_article",
        "order_articles.shipping_article",
        "order_articles.wrapping_article",
        "order_articles.discount_article",
        "payments.method_default",
    }


@pytest.mark.covers("PRF-12")
def test_every_other_setting_of_orders_has_a_default_that_works() -> None:
    for section in FLOW_SECTIONS:
        assert section().section == section.section


@pytest.mark.covers("ORD-08")
def test_a_missing_service_article_is_told_wholly_in_the_language_of_the_page() -> None:
    kinds = [one for one in vars(service_articles).values() if isinstance(one, service_articles.ServiceArticle)]
    assert len(kinds) == 8
    sentences = [sentence for kind in kinds for sentence in (kind.missing, kind.unknown)]
    assert len(set(sentences)) == 16
    with override("en"):
        for sentence in sentences:
            shown = tr(sentence, {"reference": "X"})
            assert shown.isascii() or "“" in shown, shown
            assert not re.search(r"article (Frais|Emballage|Remise|Divers|Arrondi)|[éèà]", shown), shown
