"""Synchronisation page of a profile: cards, checklist, and what its buttons ask of the engine."""

from __future__ import annotations

import dataclasses
import html
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connectors import registry
from connectors.core.options import option
from connectors.testing import fakes
from profiles.models import Membership, Profile, Role
from profiles.services import missing_options
from sync import services
from sync.models import JournalEntry, Link, LinkState, Run, RunResult, RunState
from sync.presentation.flows import missing_by_flow
from tests.factories import make_profile, make_run
from tests.web.conftest import Cast

pytestmark = pytest.mark.django_db


class NeedyOptions(fakes._ShopOptions):
    """A shop that stock runs cannot do without a warehouse."""

    section: ClassVar[str] = "shop"
    warehouse: str = option("", label="Dépôt obligatoire", help="Aide.", group="G", needed_by=["stock"])


@pytest.fixture
def needy_profile(fake_profile: Profile, monkeypatch: pytest.MonkeyPatch) -> Profile:
    specs = {**registry.all_specs(), "fake_shop": dataclasses.replace(fakes.SHOP_SPEC, options=NeedyOptions)}
    monkeypatch.setattr(registry, "all_specs", lambda: specs)
    return fake_profile


def _url(profile: Profile) -> str:
    return reverse("sync:sync", args=[profile.pk])


def _start(cast: Cast, profile: Profile, **fields: str) -> Run:
    response = cast.bob.client.post(reverse("sync:run_start", args=[profile.pk]), fields)
    run: Run = Run.objects.latest("pk")
    assert response.status_code == 302
    assert response.headers["Location"] == reverse("sync:run", args=[run.pk])
    return run


@pytest.mark.covers("PRF-03", "CAT-01")
def test_one_card_per_flow_with_its_last_run(cast: Cast, fake_profile: Profile) -> None:
    make_run(profile=fake_profile, flow="stock", read=40, updated=31, unchanged=9, dry=True)
    last = make_run(profile=fake_profile, flow="stock", read=40, updated=17, unchanged=23)
    body = cast.bob.client.get(_url(fake_profile)).content.decode()
    for flow in services.available_flows(fake_profile):
        assert f'id="flow-{flow.key}"' in body
        assert flow.label in body
    assert body.count('class="flow-card"') == len(services.available_flows(fake_profile))
    assert "<strong>17</strong> mis à jour" in body
    assert reverse("sync:run", args=[last.pk]) in body
    assert "flow-match" not in body


@pytest.mark.covers("CAT-01")
def test_start_runs_the_flow_and_opens_its_page(cast: Cast, fake_profile: Profile) -> None:
    run = _start(cast, fake_profile, flow="products", mode="run")
    assert (run.flow, run.dry, run.full, run.trigger, run.started_by) == (
        "products",
        False,
        False,
        "manual",
        cast.bob.user,
    )


def test_start_twice_joins_the_live_run(cast: Cast, fake_profile: Profile) -> None:
    first = _start(cast, fake_profile, flow="products", mode="run")
    assert _start(cast, fake_profile, flow="products", mode="run") == first
    assert "déjà en cours" in cast.bob.client.get(reverse("sync:run", args=[first.pk])).content.decode()


def test_full_reading(cast: Cast, fake_profile: Profile) -> None:
    assert _start(cast, fake_profile, flow="products", mode="full").full


def test_resend_forgets_what_was_sent_and_reads_everything(cast: Cast, fake_profile: Profile) -> None:
    link = Link.objects.create(profile=fake_profile, entity="variant", erp_key="A", shop_key="1", status="linked")
    LinkState.objects.create(link=link, aspect="stock", sent_hash="abc")
    LinkState.objects.create(link=link, aspect="price", sent_hash="def")
    run = _start(cast, fake_profile, flow="stock", mode="resend")
    assert run.full
    assert dict(LinkState.objects.values_list("aspect", "sent_hash")) == {"stock": "", "price": "def"}


def test_resend_that_is_refused_forgets_nothing(cast: Cast, fake_profile: Profile) -> None:
    Profile.objects.filter(pk=fake_profile.pk).update(state="paused")
    link = Link.objects.create(profile=fake_profile, entity="variant", erp_key="A", shop_key="1", status="linked")
    LinkState.objects.create(link=link, aspect="stock", sent_hash="abc")
    cast.bob.client.post(reverse("sync:run_start", args=[fake_profile.pk]), {"flow": "stock", "mode": "resend"})
    assert LinkState.objects.get().sent_hash == "abc"
    assert "en pause" in cast.bob.client.get(_url(fake_profile)).content.decode()


def _ask_since(cast: Cast, profile: Profile, flow: str, day: str) -> HttpResponse:
    address = reverse("sync:resend_since", args=[profile.pk, flow])
    response: HttpResponse = cast.bob.client.post(address, {"depuis": day})
    return response


def _sent(profile: Profile, key: str, aspect: str, *, days: int) -> None:
    link, _ = Link.objects.get_or_create(
        profile=profile, entity="variant", erp_key=key, defaults={"shop_key": key, "status": "linked"}
    )
    at = timezone.now() - timedelta(days=days)
    LinkState.objects.create(link=link, aspect=aspect, sent_hash="abc", touched_at=at)


@pytest.mark.covers("STK-03")
def test_day_since_when_changes_are_read_is_shown_and_can_be_set_back(cast: Cast, fake_profile: Profile) -> None:
    began = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
    make_run(profile=fake_profile, flow="stock", started_at=began)
    make_run(profile=fake_profile, flow="stock", started_at=began + timedelta(days=1), result=RunResult.STOPPED)
    make_run(profile=fake_profile, flow="stock", started_at=began + timedelta(days=2), dry=True)
    make_run(profile=fake_profile, flow="stock", started_at=began + timedelta(days=3), scope_key="some")
    assert "Changements lus depuis le 05/03/2026 10:30" in cast.bob.client.get(_url(fake_profile)).content.decode()
    page = cast.bob.client.get(reverse("sync:resend_new", args=[fake_profile.pk, "stock"])).content.decode()
    assert "Changements lus depuis le 05/03/2026 10:30" in page
    assert 'value="2026-03-05"' in page
    for key, aspect, days in (("A", "stock", 1), ("B", "stock", 30), ("A", "price", 1)):
        _sent(fake_profile, key, aspect, days=days)
    response = _ask_since(cast, fake_profile, "stock", (timezone.now() - timedelta(days=9)).date().isoformat())
    run = Run.objects.get(state=RunState.QUEUED)
    assert response.headers["Location"] == reverse("sync:run", args=[run.pk])
    assert (run.flow, run.full, run.started_by) == ("stock", False, cast.bob.user)
    kept = LinkState.objects.exclude(sent_hash="").values_list("link__erp_key", "aspect")
    assert set(kept) == {("B", "stock"), ("A", "price")}
    line = JournalEntry.objects.get(run=run)
    assert (line.code, line.detail["count"]) == ("resent_since", 1)
    assert f"demandée par {cast.bob.user}. Envois à refaire : 1." in line.text
    assert line.text in html.unescape(cast.bob.client.get(response.headers["Location"]).content.decode())


@pytest.mark.covers("STK-03")
def test_queued_run_that_is_joined_reads_everything_again(cast: Cast, fake_profile: Profile) -> None:
    waiting = _start(cast, fake_profile, flow="products", mode="run")
    assert not waiting.full
    _ask_since(cast, fake_profile, "products", "2026-01-01")
    waiting.refresh_from_db()
    assert waiting.full
    assert JournalEntry.objects.get(code="resent_since").run == waiting


@pytest.mark.covers("STK-03")
def test_nothing_is_sent_again_for_an_unreadable_or_future_day(cast: Cast, fake_profile: Profile) -> None:
    _sent(fake_profile, "A", "stock", days=0)
    tomorrow = (timezone.now() + timedelta(days=2)).date().isoformat()
    for day in ("", "hier", "1999-12-31", tomorrow):
        response = _ask_since(cast, fake_profile, "stock", day)
        assert response.headers["Location"] == reverse("sync:resend_new", args=[fake_profile.pk, "stock"])
    assert "Choisissez un jour passé" in cast.bob.client.get(_url(fake_profile)).content.decode()
    Profile.objects.filter(pk=fake_profile.pk).update(state="paused")
    _ask_since(cast, fake_profile, "stock", "2026-01-01")
    Membership.objects.filter(user=cast.bob.user).update(role=Role.READER)
    assert _ask_since(cast, fake_profile, "stock", "2026-01-01").status_code == 403
    assert LinkState.objects.get().sent_hash == "abc"
    assert not Run.objects.exists()


@pytest.mark.covers("STK-03")
def test_only_goods_can_be_sent_again_since_a_day(cast: Cast) -> None:
    """What orders became would be told to customers twice; imports have their own reset."""
    profile = make_profile(tenant=cast.tenant, erp="sage100", shop="woocommerce")
    found = {flow.key for flow in services.available_flows(profile)}
    assert {"orders", "order_tracking", "stock", "prices"} <= found
    for flow in sorted(found):
        expected = 404 if flow.startswith("order") or flow in {"prospects", "quotes", "new_products"} else 200
        assert cast.bob.client.get(reverse("sync:resend_new", args=[profile.pk, flow])).status_code == expected, flow
        if expected == 404:
            assert _ask_since(cast, profile, flow, "2026-01-01").status_code == 404
    body = cast.bob.client.get(_url(profile)).content.decode()
    assert reverse("sync:resend_new", args=[profile.pk, "stock"]) in body
    assert reverse("sync:resend_new", args=[profile.pk, "order_tracking"]) not in body


@pytest.mark.covers("CAT-21")
def test_preview_of_some_references(cast: Cast, fake_profile: Profile) -> None:
    page = cast.bob.client.get(reverse("sync:preview_new", args=[fake_profile.pk, "products"]))
    assert 'name="references"' in page.content.decode()
    run = _start(cast, fake_profile, flow="products", mode="preview", references="TENTE-2\n SAC , TENTE-2;")
    assert run.dry
    assert run.scope == {"keys": ["SAC", "TENTE-2"]}


@pytest.mark.parametrize("fields", [{"flow": "nope"}, {"flow": "match"}, {"flow": "products", "mode": "nope"}, {}])
def test_unknown_flow_or_mode_is_not_found(cast: Cast, fake_profile: Profile, fields: dict[str, str]) -> None:
    assert cast.bob.client.post(reverse("sync:run_start", args=[fake_profile.pk]), fields).status_code == 404
    assert not Run.objects.exists()


@pytest.mark.covers("PRF-12", "PRF-03")
def test_p37_missing_setting_is_named_linked_and_blocks_its_flow_only(cast: Cast, needy_profile: Profile) -> None:
    body = cast.bob.client.get(_url(needy_profile)).content.decode()
    place = reverse("profiles:settings", args=[needy_profile.pk, "shop"]) + "#id_shop-warehouse_field"
    assert place in body
    assert "Dépôt obligatoire" in body
    cards = body.split('class="flow-card"')[1:]
    assert sum("Un réglage manque" in card for card in cards) == 1
    response = cast.bob.client.post(
        reverse("sync:run_start", args=[needy_profile.pk]), {"flow": "stock", "mode": "run"}, follow=True
    )
    assert "Dépôt obligatoire" in response.content.decode()
    assert not Run.objects.exists()


@pytest.mark.covers("PRF-12")
def test_checklist_agrees_with_what_the_engine_refuses(needy_profile: Profile) -> None:
    flows = services.available_flows(needy_profile)
    found = missing_by_flow(needy_profile, flows)
    for flow in flows:
        assert found[flow.key] == missing_options(needy_profile, flow.key)


@pytest.mark.covers("PRF-03")
def test_problem_of_the_profile_is_shown_with_advice_and_place(cast: Cast, fake_profile: Profile) -> None:
    Profile.objects.filter(pk=fake_profile.pk).update(
        problem_code="key_refused", problem_sentence="Clé refusée.", problem_advice="Créez une clé."
    )
    body = cast.bob.client.get(_url(fake_profile)).content.decode()
    assert "Clé refusée." in body
    assert "Créez une clé." in body
    assert reverse("profiles:settings", args=[fake_profile.pk, "shop"]) in body


@pytest.mark.covers("PRF-03")
def test_match_report_that_waits_is_announced(cast: Cast, fake_profile: Profile) -> None:
    assert "Ouvrir le rapprochement" not in cast.bob.client.get(_url(fake_profile)).content.decode()
    Profile.objects.filter(pk=fake_profile.pk).update(match_state="pending", match_report={"counts": {"sure": 1}})
    assert "Ouvrir le rapprochement" in cast.bob.client.get(_url(fake_profile)).content.decode()


def test_profile_whose_connector_is_gone_still_opens(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant, erp="removed_erp")
    response = cast.bob.client.get(_url(profile))
    assert response.status_code == 200
    assert "plus installé" in response.content.decode()
    assert cast.bob.client.post(reverse("sync:run_start", args=[profile.pk]), {"flow": "stock"}).status_code == 404


@pytest.mark.covers("ACC-02")
def test_reader_sees_the_page_and_starts_nothing(cast: Cast, fake_profile: Profile) -> None:
    Membership.objects.filter(user=cast.bob.user).update(role=Role.READER)
    body = cast.bob.client.get(_url(fake_profile)).content.decode()
    assert reverse("sync:run_start", args=[fake_profile.pk]) not in body
    response = cast.bob.client.post(reverse("sync:run_start", args=[fake_profile.pk]), {"flow": "stock", "mode": "run"})
    assert response.status_code == 403
    assert not Run.objects.exists()


def test_cards_reload_as_a_fragment(cast: Cast, fake_profile: Profile) -> None:
    body = cast.bob.client.get(_url(fake_profile), headers={"HX-Request": "true"}).content.decode()
    assert 'class="flow-card"' in body
    assert "<html" not in body


@pytest.mark.covers("LOG-01")
def test_number_of_queries_does_not_grow_with_history(cast: Cast, fake_profile: Profile) -> None:
    def queries() -> int:
        cast.bob.client.get(_url(fake_profile))
        with CaptureQueriesContext(connection) as found:
            cast.bob.client.get(_url(fake_profile))
        return len(found)

    few = queries()
    for number in range(8):
        make_run(profile=fake_profile, flow="stock", read=number)
        make_run(profile=fake_profile, flow="prices", read=number)
    make_run(profile=fake_profile, flow="state", state=RunState.RUNNING, result="", lock="catalogue")
    assert queries() <= few + 1  # the last runs are fetched once any exists


@pytest.mark.covers("PRF-03")
def test_list_and_overview_of_profiles_name_the_last_run_that_was_no_preview(cast: Cast, fake_profile: Profile) -> None:
    make_run(profile=fake_profile, flow="products", read=3, created=3)
    last = make_run(profile=fake_profile, flow="stock", read=2, updated=2)
    preview = make_run(profile=fake_profile, flow="products", read=1, dry=True)
    for address in (reverse("profiles:list"), reverse("profiles:profile", args=[fake_profile.pk])):
        body = cast.bob.client.get(address).content.decode()
        assert reverse("sync:run", args=[last.pk]) in body
        assert reverse("sync:run", args=[preview.pk]) not in body
