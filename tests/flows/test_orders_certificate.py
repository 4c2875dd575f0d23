"""The night certificate against both stand-ins: equal, missing, different, with the cause."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse

from profiles import options_store
from profiles.models import Role
from scheduler.beat import BEAT_SCHEDULE
from sync import tasks
from sync.models import Certificate, Link, Run, RunResult
from sync.orders.certificate import certificate_make, csv_text, last_days, night_profiles
from tests.flows.conftest import Story
from tests.flows.test_orders_desk import _buy, _client, _delete_document
from tests.flows.test_orders_desk import erp as erp
from tests.flows.test_orders_desk import story as story

pytestmark = pytest.mark.odbc


def _make(story: Story) -> Certificate:
    return certificate_make(story.profile, *last_days(story.profile))


def _row(made: Certificate, key: str) -> dict[str, object]:
    return next(row for row in made.rows if row["key"] == key)


@pytest.mark.covers("ORD-03", "ORD-10")
def test_imported_orders_are_equal_and_a_waiting_one_is_missing(story: Story) -> None:
    first = _buy(story)
    assert story.run("orders").created == 1
    made = _make(story)
    assert made.counts == {"orders": 1, "equal": 1, "missing": 0, "different": 0}
    assert made.is_clean
    assert _row(made, first)["erp_total"] == story.rest(f"orders/{first}")["total"]
    waiting = _buy(story, "RECHAUD")
    made = _make(story)
    assert (made.open_count, made.rows[0]["key"], made.rows[0]["verdict"]) == (1, waiting, "missing")
    assert made.rows[0]["causes"] == ["La commande n’a pas encore été importée."]


@pytest.mark.covers("ORD-03", "ORD-12")
def test_a_refused_order_is_missing_with_its_cause(story: Story) -> None:
    options_store.save(story.profile, {"order_taxes": {"tax_map": {}, "tax_by_percent": False}}, author=None)
    refused = _buy(story)
    assert "code taxe" in str(_row(_make(story), refused)["causes"])


@pytest.mark.covers("ORD-03", "ORD-13")
def test_an_order_deleted_by_hand_in_the_erp_is_found_and_imported_again(story: Story) -> None:
    kept, lost = _buy(story), _buy(story, "RECHAUD")
    assert story.run("orders").created == 2
    _delete_document(story, lost)
    made = _make(story)
    assert made.counts == {"orders": 2, "equal": 1, "missing": 1, "different": 0}
    row = _row(made, lost)
    assert row["verdict"] == "missing"
    assert "supprimée dans l’ERP" in str(row["causes"])
    assert _row(made, kept)["verdict"] == "equal"
    client = _client(story)
    body = client.get(reverse("sync:certificate", args=[story.profile.pk, made.pk])).content.decode()
    assert "Importer à nouveau" in body
    client.post(reverse("sync:order_import", args=[story.profile.pk, lost]), {"again": "1"})
    assert story.finish(Run.objects.filter(flow="orders").latest("pk")).created == 1
    assert _make(story).is_clean


def _raise_total(story: Story, order: str) -> str:
    held = story.erp.documents(order)[0].total_gross
    story.erp.update("F_DOCENTETE", "DO_NoWeb", order, DO_TotalTTC=held + 5)
    return "Total : "


def _change_rate(story: Story, order: str) -> str:
    piece = story.erp.documents(order)[0].piece
    with story.erp.session() as session:
        session.run("UPDATE F_DOCLIGNE SET DL_Taxe1 = 10 WHERE DO_Piece = ? AND DL_Taxe1 = 20", (piece,))
    return "TVA 10 % : "


def _drop_deposit(story: Story, order: str) -> str:
    piece = story.erp.documents(order)[0].piece
    with story.erp.session() as session:
        session.run("UPDATE F_DOCREGL SET DR_Montant = DR_Montant - 1 WHERE DO_Piece = ?", (piece,))
    return "Règlements : "


@pytest.mark.covers("ORD-03", "PAY-01")
@pytest.mark.parametrize("change", [_raise_total, _change_rate, _drop_deposit])
def test_an_amount_changed_by_hand_in_the_erp_is_found(story: Story, change: Callable[[Story, str], str]) -> None:
    other, order = _buy(story, "RECHAUD"), _buy(story)
    for key in (other, order):
        story.rest(f"orders/{key}", {"set_paid": True})
    assert story.run("orders").created == 2
    assert _make(story).is_clean
    name = change(story, order)
    made = _make(story)
    assert made.counts == {"orders": 2, "equal": 1, "missing": 0, "different": 1}
    assert name in str(_row(made, order)["causes"])


@pytest.mark.covers("ORD-03")
def test_a_refund_without_credit_note_is_different(story: Story) -> None:
    order = _buy(story)
    assert story.run("orders").created == 1
    story.rest(f"orders/{order}/refunds", {"amount": "10.00", "api_refund": False}, method="POST")
    row = _row(_make(story), order)
    assert row["refunded"] == "10.00"
    assert "sans avoir dans l’ERP" in str(row["causes"])


@pytest.mark.covers("ORD-03")
def test_the_pages_make_show_and_download_a_certificate(story: Story) -> None:
    order = _buy(story)
    assert story.run("orders").created == 1
    client = _client(story, Role.OPERATOR)
    response = client.post(reverse("sync:certificate_make", args=[story.profile.pk]), {"jours": "3"})
    made = Certificate.objects.get()
    assert response.headers["Location"] == reverse("sync:certificate", args=[story.profile.pk, made.pk])
    assert (made.state, (made.until - made.since).days) == ("done", 3)
    body = client.get(response.headers["Location"]).content.decode()
    assert reverse("sync:order", args=[story.profile.pk, order]) in body
    assert "Tout est égal" in client.get(reverse("sync:certificate_list", args=[story.profile.pk])).content.decode()
    file = client.get(reverse("sync:certificate_csv", args=[story.profile.pk, made.pk]))
    text = file.content.decode("utf-8-sig").splitlines()
    assert "attachment" in file.headers["Content-Disposition"]
    total = Decimal(story.rest(f"orders/{order}")["total"])
    assert [line.split(";")[4] for line in text] == ["Verdict", "égale"]
    assert text[1].split(";")[6] == f"{total}".replace(".", ",")
    made.rows[0]["date"] = "2026-11-21T23:30:00+00:00"
    made.save()
    assert "22/11/2026" in client.get(response.headers["Location"]).content.decode(), "a day of the reader's zone"
    reader = _client(story, Role.READER)
    assert reader.post(reverse("sync:certificate_make", args=[story.profile.pk])).status_code == 403


def test_a_cell_of_the_download_is_never_a_formula(story: Story) -> None:
    made = _make(story)
    names = ["key", "date", "status", "currency", "piece", "refunded", "shop_total", "shop_tax", "erp_total", "erp_tax"]
    made.rows = [{**dict.fromkeys(names, ""), "number": "=1+1", "verdict": "equal", "causes": []}]
    assert csv_text(made).splitlines()[1].startswith("'=1+1")


def test_a_system_that_is_away_makes_a_failed_certificate_in_words(story: Story) -> None:
    options_store.save(story.profile, {"shop": {"url": "http://127.0.0.1:9"}}, author=None)
    made = _make(story)
    assert made.state == "failed"
    body = _client(story).get(reverse("sync:certificate", args=[story.profile.pk, made.pk])).content.decode()
    assert made.problem
    assert made.problem.split("«")[0] in body


@pytest.mark.covers("SCH-01")
def test_at_night_each_profile_with_orders_gets_one(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    night, noon = datetime(2030, 3, 4, 2, 0, tzinfo=UTC), datetime(2030, 3, 4, 12, 0, tzinfo=UTC)
    assert list(night_profiles(night)) == []
    _buy(story)
    assert story.run("orders").result == RunResult.SUCCESS
    assert list(night_profiles(noon)) == []
    assert list(night_profiles(night)) == [story.profile]
    monkeypatch.setattr("django.utils.timezone.now", lambda: night)
    assert tasks.night_certificates() == 1
    assert Certificate.objects.get().state == "done"
    assert tasks.night_certificates() == 0
    assert BEAT_SCHEDULE["night-certificates"]["task"] == tasks.night_certificates.name


def test_a_reset_of_many_orders_runs_in_the_background(story: Story) -> None:
    order = _buy(story)
    assert story.run("orders").created == 1
    tasks.orders_reset_later(story.profile.pk, [order])
    assert not Link.objects.filter(entity="order").exists()


@pytest.mark.covers("ORD-03")
def test_the_command_tells_what_is_not_equal(story: Story) -> None:
    order, out = _buy(story), StringIO()
    with pytest.raises(SystemExit):
        call_command("orders", "certificate", "--profile", str(story.profile.pk), "--days", "2", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert (told["orders"], told["missing"], told["rows"][0]["key"]) == (1, 1, order)
