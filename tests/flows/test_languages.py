"""An English reader reads no French and a French one no English: pages, live lines, files, mails of main flows."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from billing import ledger
from connectors.canonical.keys import Side
from connectors.core.texts import Text
from connectors.sandbox.sage100 import Sage100Sandbox, build
from connectors.sandbox.woocommerce import WooCommerceSandbox
from profiles import options_store
from profiles.models import MatchState, Profile, Tenant
from profiles.services import connection_check
from scheduler import notifications
from sync.models import JournalEntry, Run, RunResult
from sync.orders.certificate import certificate_make, last_days
from sync.presentation.journal_file import write_journal
from tests.factories import make_user
from tests.flows.conftest import Story, make_story
from tests.flows.test_orders import ORDER_OPTIONS
from tests.languages import Language, english, french, texts_of

pytestmark = pytest.mark.odbc

ARTICLES = ["TENTE2P", "RECHAUD", "SANS-NOM", "OCC-SKIS", "PRIX-NUL", "GAMME-VIDE", "GAMME-CONFLIT", "REGLAGE-FIX"]
SAID_BY_THE_SHOP = ("Invalid signature - provided signature does not match.", "Cancelled")
SPREADSHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture
def erp(tmp_path: Path) -> Sage100Sandbox:
    return build(tmp_path / "languages.db", merchant="demo", emulation=True)


@pytest.fixture
def story(db: None, erp: Sage100Sandbox, shop: WooCommerceSandbox) -> Story:
    """The demo merchant, whose articles are partly refused, and import units."""
    options = {**ORDER_OPTIONS, "products": {"check_barcode": True, "width_field": "AR_Design"}}
    story = make_story(erp, shop, **options)
    Profile.objects.filter(pk=story.profile.pk).update(match_state=MatchState.APPROVED, name="Zibeline")
    story.profile.refresh_from_db()
    ledger.credit(tenant_id=story.tenant.pk, kind="import", units=1000, key="imports", note="", actor="test")
    return story


class Reader:
    """A person who reads everything about a profile in one language; ``strange`` is the other one."""

    def __init__(self, story: Story, language: str) -> None:
        self.story = story
        self.language = language
        self.strange: Language = french() if language == "en" else english()
        self.client = Client()
        user = make_user(tenant=story.tenant, language=language, full_name="Zibeline")
        self.client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        self.data = self._data()
        self.items: set[str] = set()

    def _data(self) -> frozenset[str]:
        """What both systems hold, and what people named: it stays as it is in any language."""
        lines = JournalEntry.objects.filter(profile_id=self.story.profile.pk)
        labels = {part for row in lines.values_list("label", "reference") for part in row if part}
        with self.story.erp.session(write=False) as session:
            designations = {str(row[0]) for row in session.all("SELECT AR_Design FROM F_ARTICLE", ()) if row[0]}
        return frozenset({*labels, *designations, *SAID_BY_THE_SHOP})

    def page(self, name: str, *args: object, **query: object) -> list[str]:
        response = self.client.get(reverse(name, args=args), query)
        assert response.status_code == 200, (name, response.status_code)
        return texts_of(response.content.decode())

    def file(self, name: str, *args: object) -> bytes:
        response = self.client.get(reverse(name, args=args))
        assert response.status_code == 200
        return bytes(response.content)

    def journal(self, run: Run, kind: str) -> bytes:
        out = BytesIO()
        with translation.override(self.language):
            write_journal(run, kind, out)
        return out.getvalue()

    def everything(self) -> Iterator[tuple[str, list[str]]]:
        """Every place that shows what runs said, with what it says."""
        profile = self.story.profile
        yield "dashboard", self.page("sync:dashboard")
        yield "profiles", self.page("profiles:list")
        yield "profile", self.page("profiles:profile", profile.pk)
        yield "sync", self.page("sync:sync", profile.pk)
        yield "runs", self.page("sync:run_list")
        for run in Run.objects.filter(profile=profile):
            yield from self._run(run)
        for key in JournalEntry.objects.filter(entity="order").values_list("item_key", flat=True).distinct():
            yield f"order {key}", self.page("sync:order", profile.pk, key)
        for certificate in profile.certificates.all():
            yield "certificate", self.page("sync:certificate", profile.pk, certificate.pk, voir="toutes")
            table = self.file("sync:certificate_csv", profile.pk, certificate.pk).decode("utf-8-sig")
            yield "certificate csv", [cell for line in table.splitlines() for cell in line.split(";")]

    def _run(self, run: Run) -> Iterator[tuple[str, list[str]]]:
        name = f"{run.flow} {run.pk}"
        yield name, self.page("sync:run", run.pk)
        yield f"{name} poll", self.page("sync:run_progress", run.pk, apres=0)
        yield f"{name} older lines", self.page("sync:run_lines", run.pk, avant=10**9)
        for entry in JournalEntry.objects.filter(run=run):
            yield f"{name} line {entry.pk}", self.page("sync:run_entry", run.pk, entry.pk)
            if entry.item_key and entry.item_key not in self.items:
                self.items.add(entry.item_key)
                yield f"item {entry.item_key}", self.page("sync:item", run.profile_id, entry.entity, entry.item_key)
        for kind in ("txt", "csv"):
            text = self.journal(run, kind).decode("utf-8-sig")
            yield f"{name} {kind}", [cell.strip('" ') for line in text.splitlines() for cell in line.split(";")]
        yield f"{name} xlsx", _cells(self.journal(run, "xlsx"))

    def strangers(self, places: Iterable[tuple[str, list[str]]] | None = None) -> list[str]:
        """What is in the other language, with the first place that shows it."""
        found: list[str] = []
        seen: set[str] = set()
        for place, texts in places or self.everything():
            assert texts, place
            fresh = [text for text in texts if text not in seen]
            seen.update(fresh)
            found += [f"{place}: {one}" for one in self.strange.found_in(fresh, self.data)]
        return found


def _cells(workbook: bytes) -> list[str]:
    with zipfile.ZipFile(BytesIO(workbook)) as package:
        sheet = ET.fromstring(package.read("xl/worksheets/sheet1.xml"))  # noqa: S314  # our own file
    return [cell.text or "" for cell in sheet.iter(f"{SPREADSHEET}t")]


def _buy(story: Story, **more: object) -> str:
    return str(story.shop.app.mutate("checkout", {"items": [{"sku": "TENTE2P", "quantity": 1}], **more})["id"])


def _no_strangers(story: Story) -> None:
    for language in ("en", "fr"):
        assert "\n".join(Reader(story, language).strangers()) == "", language


@pytest.mark.covers("NOT-01")
def test_articles_and_their_refusals_are_told_in_the_language_of_the_reader(story: Story) -> None:
    assert story.run("products", keys=ARTICLES, dry=True).refused
    run = story.run("products", keys=ARTICLES)
    assert (run.created, run.refused) >= (2, 4)
    _no_strangers(story)


def test_orders_their_payments_their_lives_and_their_certificate(story: Story) -> None:
    assert story.run("products", keys=["TENTE2P"]).created
    paid = _buy(story, payment_method="card")
    assert story.run("orders").created == 1
    options_store.save(
        story.profile, {"order_taxes": {"tax_map": {"5.5": "C055"}, "tax_by_percent": False}}, author=None
    )
    _buy(story)
    assert story.run("orders").refused == 1
    _buy(story)
    held = story.erp.documents(paid)[0].total_gross
    story.erp.update("F_DOCENTETE", "DO_NoWeb", paid, DO_TotalTTC=held + 5)
    story.rest(f"orders/{paid}", {"status": "cancelled"})
    assert story.run("orders", keys=[paid], dry=True)
    story.run("orders", keys=[paid], retry=True)
    made = certificate_make(story.profile, *last_days(story.profile))
    assert (made.counts["missing"], made.counts["different"]) == (2, 1)
    _no_strangers(story)


def test_a_refused_connection_is_told_in_the_language_of_the_reader(story: Story) -> None:
    options_store.save(story.profile, {"shop": {"consumer_secret": "cs_" + "0" * 40}}, author=None)
    assert story.run("products", keys=["TENTE2P"]).result == RunResult.FAILED
    assert not connection_check(story.profile, Side.SHOP).ok
    story.profile.refresh_from_db()
    assert story.profile.problem_code
    certificate_make(story.profile, *last_days(story.profile))
    _no_strangers(story)


@pytest.mark.covers("NOT-01")
@pytest.mark.parametrize(("language", "strange"), [("en", french), ("fr", english)])
def test_mails_about_runs_are_in_the_language_of_the_tenant(
    story: Story, mailoutbox: list[object], language: str, strange: object
) -> None:
    Tenant.objects.filter(pk=story.tenant.pk).update(language=language)
    options = {"recipients": "a@example.test", "on_partial": True, "on_failure": True}
    options_store.save(story.profile, {"notifications": options}, author=None)
    story.run("products", keys=ARTICLES)
    assert notifications.decide() == 1
    assert notifications.deliver() == 1
    (mail,) = mailoutbox
    texts = [mail.subject, *mail.body.splitlines(), *texts_of(mail.alternatives[0][0])]  # type: ignore[attr-defined]
    assert strange().found_in(texts, Reader(story, language).data) == []  # type: ignore[operator]


def test_a_sentence_that_was_stored_filled_in_is_found(story: Story) -> None:
    """The proof that the tests above can fail: one line as it would be without its values."""
    run = story.run("products", keys=["OCC-SKIS"])
    line = JournalEntry.objects.get(run=run, item_key="OCC-SKIS")
    assert line.told is not None
    reader = Reader(story, "en")
    assert reader.strangers() == []
    JournalEntry.objects.filter(pk=line.pk).update(told=None)
    names = ("", " poll", " older lines", " txt", " csv", " xlsx", f" line {line.pk}")
    expected = {"item OCC-SKIS", *(f"products {run.pk}{name}" for name in names)}
    reader.items.clear()
    assert {name for name, texts in reader.everything() if reader.strangers([(name, texts)])} >= expected


def test_a_row_that_was_stored_before_values_were_is_shown_as_it_was(story: Story) -> None:
    run = story.run("products", keys=["OCC-SKIS", "SANS-NOM"])
    JournalEntry.objects.filter(run=run).update(told=None)
    reader = Reader(story, "en")
    texts = " ".join(reader.page("sync:run", run.pk))
    assert "Le code taxe CMARG de l’ERP n’a pas de correspondance dans la boutique." in texts
    assert "The item has no designation." in texts or "The item has no name." in texts


def test_values_are_written_as_the_reader_writes_them() -> None:
    from datetime import date
    from decimal import Decimal

    from profiles.texts import rendered

    text = Text("Remboursement %(key)s de %(amount)s sans avoir dans l’ERP.", {"key": "7", "amount": Decimal("1.50")})
    day = Text("Relecture depuis le %(day)s. Envois à refaire : %(count)s.", {"day": date(2026, 11, 22), "count": 3})
    assert Text.loads(text.dumps()) == text
    assert Text.loads(day.dumps()) == day
    assert str(text) == "Remboursement 7 de 1,50 sans avoir dans l’ERP."
    with translation.override("en"):
        assert rendered(text) == "Refund 7 of 1.50 without a credit note in the ERP."
        assert rendered(day).startswith("Reading again since 22/11/2026.")
