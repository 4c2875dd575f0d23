"""Dashboard: what it counts, whom it shows it to, and that its cost does not grow with the history."""

from __future__ import annotations

from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from billing import ledger
from profiles import options_store
from profiles.models import Profile
from sync.models import Link, LinkState, Run
from sync.presentation import dashboard
from sync.presentation.problems import open_problems
from tests.factories import make_entry, make_profile, make_run
from tests.web.conftest import SECRET_MARK, Cast, Person

pytestmark = pytest.mark.django_db
URL = "/"


class _Ids(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]


def _body(person: Person, url: str = URL) -> str:
    response = person.client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def _ran(profile: Profile, *, days: float = 1, **fields: Any) -> Run:
    ended = timezone.now() - timedelta(days=days)
    return make_run(profile=profile, started_at=ended - timedelta(minutes=2), ended_at=ended, **fields)


def _held(profile: Profile, key: str, code: str, sentence: str) -> None:
    link = Link.objects.create(profile=profile, entity="variant", erp_key=key, shop_key=key, status="linked")
    LinkState.objects.create(
        link=link, aspect="stock", held_hash="h", outcome="refused", problem_code=code, problem=sentence
    )


@pytest.mark.covers("LOG-07")
def test_new_tenant_is_led_to_its_first_profile(cast: Cast) -> None:
    body = _body(cast.alice)
    assert "Créez votre premier profil" in body
    assert reverse("profiles:wizard") in body


@pytest.mark.covers("LOG-07")
def test_reader_without_profile_is_told_whom_to_ask(cast: Cast) -> None:
    assert reverse("profiles:wizard") not in _body(cast.bob)


@pytest.mark.covers("LOG-07", "BIL-01")
def test_units_left_and_spent(cast: Cast) -> None:
    ledger.credit(tenant_id=cast.tenant.pk, kind="export", units=1200, key="k", note="", actor="t")
    profile = make_profile(tenant=cast.tenant)
    make_run(profile=profile, created=3, units=3, started_at=timezone.now(), ended_at=timezone.now())
    body = _body(cast.alice)
    assert "1\u202f200" in body or "1\xa0200" in body
    assert "3 consommées ce mois-ci" in body


@pytest.mark.covers("LOG-07")
def test_activity_is_counted_by_month_flow_and_profile(cast: Cast) -> None:
    one, two = make_profile(tenant=cast.tenant, name="Un"), make_profile(tenant=cast.tenant, name="Deux")
    now = timezone.now()
    make_run(profile=one, flow="products", created=2, updated=5, ended_at=now)
    make_run(profile=one, flow="stock", updated=40, ended_at=now)
    make_run(profile=two, flow="stock", updated=7, ended_at=now)
    make_run(profile=two, flow="stock", updated=900, dry=True, ended_at=now)
    _ran(two, days=70, flow="stock", updated=11)
    _ran(two, days=800, flow="stock", updated=5000)
    done = dashboard.activity(cast.tenant, timezone.localdate())
    month = done.months[-1]
    assert sum(done.per_month()["datasets"][0]["data"]) == 2 + 5 + 40 + 7 + 11
    by_flow = done.by_flow(month, dashboard.Direction.EXPORT)
    assert by_flow["labels"] == ["Mettre à jour les stocks", "Exporter les articles"]
    assert [dataset["data"] for dataset in by_flow["datasets"]] == [[0, 2], [47, 5]]
    by_profile = done.by_profile(month, dashboard.Direction.EXPORT, [one, two])
    assert dict(zip(by_profile["labels"], by_profile["datasets"][1]["data"], strict=True)) == {"Un": 45, "Deux": 7}


@pytest.mark.covers("LOG-07")
def test_charts_are_data_not_inline_code(cast: Cast) -> None:
    make_run(profile=make_profile(tenant=cast.tenant), updated=4, ended_at=timezone.now())
    body = _body(cast.alice)
    parser = _Ids()
    parser.feed(body)
    assert {"per-month-data", "export-flows-data", "export-profiles-data"} <= set(parser.ids)
    assert len(parser.ids) == len(set(parser.ids)), "an id is used twice"
    assert "style=" not in body
    assert "onclick=" not in body


@pytest.mark.covers("LOG-07", "PRF-02")
def test_a_profile_is_healthy_again_once_its_refusals_are_mended_and_not_before(cast: Cast) -> None:
    mended, held, hidden = (make_profile(tenant=cast.tenant, name=name) for name in ("Corrigé", "Reste", "Caché"))
    for profile in (mended, held):
        _ran(profile, read=10, updated=9, refused=1, result="partial")
    _ran(mended, read=10, unchanged=10)
    _held(held, "A", "price_empty", "Le prix est vide.")
    _ran(held, read=0)
    _ran(hidden, result="failed", flow="stock", lock="stock")
    _ran(hidden, read=3, updated=3)
    response = cast.alice.client.get(URL)
    states = {one.profile.name: one.state for one in response.context["health"]}
    assert states == {"Corrigé": "good", "Reste": "errors", "Caché": "failing"}
    assert response.context["healthy"] == 1


@pytest.mark.covers("LOG-07", "PRF-02")
def test_health_of_each_profile(cast: Cast) -> None:
    good, failing, flagged, _new, errors = (
        make_profile(tenant=cast.tenant, name=name) for name in ("Bon", "Échoue", "Signalé", "Neuf", "Refus")
    )
    _ran(good, read=10, updated=10)
    _ran(failing, days=3)
    _ran(failing, result="failed")
    _ran(flagged)
    Profile.objects.filter(pk=flagged.pk).update(problem_code="key_refused", problem_sentence="Clé refusée.")
    _ran(errors, read=100, updated=98, refused=2, result="partial")
    profiles = dashboard.profiles_of(cast.tenant)
    found = {one.profile.name: one for one in dashboard.health(cast.tenant, profiles, timezone.now())}
    assert {name: one.state for name, one in found.items()} == {
        "Bon": "good",
        "Échoue": "failing",
        "Signalé": "problem",
        "Neuf": "new",
        "Refus": "errors",
    }
    assert "Avec erreurs" in _body(cast.alice)
    assert found["Refus"].error_percent == pytest.approx(2.0)
    assert found["Échoue"].failed_runs == 1
    body = _body(cast.alice)
    assert "Clé refusée." in body
    assert reverse("profiles:settings", args=[flagged.pk, "shop"]) in body


@pytest.mark.covers("LOG-07")
def test_p33_problems_are_gathered_by_cause_over_runs_and_links(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    old = _ran(profile, days=4, flow="stock", read=5, refused=1)
    make_entry(run=old, outcome="refused", code="gone_since", text="Réglé depuis.")
    run = _ran(profile, flow="products", read=30, refused=30)
    for number in range(30):
        make_entry(run=run, item_key=f"A{number}", outcome="refused", code="tax_unmapped", text="Taxe sans classe.")
    _ran(profile, days=0.5, flow="stock", read=50, updated=50)
    for number in range(7):
        _held(profile, f"V{number}", "gateway_timed_out", "Pas de réponse.")
    found = {(one.code, one.flow): one.count for one in open_problems([profile])}
    assert found == {("tax_unmapped", "products"): 30, ("gateway_timed_out", "stock"): 7}
    body = _body(cast.alice)
    assert body.count("Taxe sans classe.") == 1
    assert reverse("sync:run", args=[run.pk]) in body


@pytest.mark.covers("LOG-07")
def test_problems_that_were_sent_again_are_no_longer_counted(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    run = _ran(profile, read=2, refused=2)
    make_entry(run=run, item_key="A", outcome="refused", code="x", retried=True)
    make_entry(run=run, item_key="B", outcome="refused", code="x")
    _ran(profile, days=0.1, read=1, updated=1, scope_key="abc", scope={"keys": ["A"]})
    assert [(one.code, one.count) for one in open_problems([profile])] == [("x", 1)]


@pytest.mark.covers("LOG-01", "LOG-07")
def test_running_runs_are_shown_with_their_stop(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    run = make_run(profile=profile, state="running", result="", slice_state="working", read=5, total=20)
    run.started_at = timezone.now() - timedelta(seconds=30)
    run.save()
    body = _body(cast.bob)
    assert "Traitements en cours" in body
    assert reverse("sync:run_stop", args=[run.pk]) in body
    assert "25\xa0%" in body or "25 %" in body


@pytest.mark.covers("LOG-01")
def test_running_block_tells_the_page_when_a_run_has_ended(cast: Cast) -> None:
    run = make_run(profile=make_profile(tenant=cast.tenant))
    url = reverse("sync:running")
    ended = cast.alice.client.get(url, {"vus": str(run.pk)}, headers={"HX-Request": "true"})
    assert ended.headers["HX-Trigger-After-Swap"] == "runs-changed"
    assert "HX-Trigger-After-Swap" not in cast.alice.client.get(url, {"vus": ""}).headers


@pytest.mark.covers("ACC-04", "LOG-07")
def test_stranger_sees_no_figure_of_another_tenant(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant, name=f"Profil {SECRET_MARK}")
    run = _ran(profile, read=9, refused=9, state="finished")
    make_entry(run=run, outcome="refused", code="c", text=f"Phrase {SECRET_MARK}")
    make_run(profile=profile, state="running", result="", lock="x")
    make_profile(tenant=cast.other)
    for url in (URL, reverse("sync:running"), reverse("sync:run_list")):
        assert SECRET_MARK not in _body(cast.charlie, url)


@pytest.mark.covers("LOG-07")
def test_problem_of_a_full_reading_stays_until_its_item_passes(cast: Cast) -> None:
    """Later runs read only what changed: an article refused before and not changed since is refused still."""
    profile = make_profile(tenant=cast.tenant)
    full = _ran(profile, days=3, read=3, refused=3, full=True)
    for key in ("A", "B", "C"):
        make_entry(run=full, item_key=key, outcome="refused", code="tax_unmapped", text="Taxe.")
    later = _ran(profile, days=2, read=2, updated=1, refused=1)
    make_entry(run=later, item_key="A", outcome="updated")
    make_entry(run=later, item_key="B", outcome="refused", code="tax_unmapped", text="Taxe.")
    _ran(profile, days=1, read=1, updated=1)
    make_entry(run=make_run(profile=profile, dry=True), item_key="C", outcome="updated")
    make_entry(run=make_run(profile=profile, flow="state"), item_key="C", outcome="updated")
    assert [(one.run_id, one.count) for one in open_problems([profile])] == [(later.pk, 2)]


def _queries(client: Client, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    return len(queries)


@pytest.mark.covers("LOG-07")
@pytest.mark.parametrize("name", ["sync:dashboard", "sync:run_list", "sync:running"])
def test_number_of_queries_does_not_grow(cast: Cast, name: str) -> None:
    def add(count: int) -> None:
        for number in range(count):
            profile = make_profile(tenant=cast.tenant)
            run = _ran(profile, flow="products", read=5, refused=2, updated=3)
            make_entry(run=run, outcome="refused", code=f"c{number}", text="Refusé.")
            make_run(profile=profile, state="running", result="", lock=f"l{number}")
            _held(profile, f"K{run.pk}", "held", "Retenu.")

    add(1)
    few = _queries(cast.alice.client, reverse(name))
    add(6)
    assert _queries(cast.alice.client, reverse(name)) == few


@pytest.mark.covers("LOG-07")
def test_profile_that_never_ran_shows_the_first_steps_instead_of_empty_charts(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    body = _body(cast.alice)
    assert "Il reste à relier vos deux systèmes" in body
    assert reverse("profiles:settings_start", args=[profile.pk]) in body
    assert 'id="activite"' not in body
    options_store.save(profile, {"advanced": {"parallel": 2}}, author=cast.alice.user)
    assert "Prêt pour le premier envoi" in _body(cast.alice)
    _ran(profile)
    body = _body(cast.alice)
    assert "Prêt pour le premier envoi" not in body
    assert 'id="activite"' in body
