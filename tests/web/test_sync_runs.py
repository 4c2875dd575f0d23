"""Table of runs and page of one run: filters, paging, summary, causes, items, roles."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connectors.testing import builders, fakes
from profiles.models import Membership, Profile, Role
from sync.engine.runner import drive
from sync.models import JournalEntry, Run
from sync.presentation import journal, runs
from tests.factories import make_entry, make_profile, make_run
from tests.web.conftest import Cast, Person

pytestmark = pytest.mark.django_db
FRAGMENT = {"HX-Request": "true"}


def _body(person: Person, url: str, params: dict[str, str] | None = None, **headers: str) -> str:
    response = person.client.get(url, params or {}, headers=headers)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def _listed(person: Person, **params: str) -> set[int]:
    body = _body(person, reverse("sync:run_list"), params, **FRAGMENT)
    return {int(found) for found in re.findall(r'href="/journaux/(\d+)/"', body)}


def _run(profile: Profile, **fields: Any) -> Run:
    now = timezone.now()
    return make_run(profile=profile, **{"started_at": now, "ended_at": now, **fields})


@pytest.mark.covers("LOG-02")
def test_table_shows_what_ran(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant, name="Boutique bleue")
    _run(profile, flow="stock", result="partial", read=1250, message="17 mis à jour, 3 refusés.", trigger="schedule")
    _run(profile, flow="products", result="quota", started_by=cast.alice.user)
    body = _body(cast.alice, reverse("sync:run_list"))
    for words in ("Boutique bleue", "Mettre à jour les stocks", "Partiellement réussie", "17 mis à jour", "Planifié"):
        assert words in body
    for words in ("Exporter les articles", "Quota épuisé", "Manuel", "Alice"):
        assert words in body


@pytest.mark.covers("LOG-02")
def test_every_column_filters(cast: Cast) -> None:
    blue, red = make_profile(tenant=cast.tenant), make_profile(tenant=cast.tenant)
    old = timezone.now() - timedelta(days=10)
    first = _run(blue, flow="stock", read=5, message="tout va bien", queued_at=old, ended_at=old)
    second = _run(red, flow="products", result="failed", read=900, message="clé refusée", trigger="schedule")
    third = _run(red, flow="products", dry=True, read=70)
    live = make_run(profile=blue, flow="prices", state="running", result="", lock="prices")
    assert _listed(cast.alice) == {first.pk, second.pk, third.pk, live.pk}
    assert _listed(cast.alice, profil=str(red.pk)) == {second.pk, third.pk}
    assert _listed(cast.alice, traitement="stock") == {first.pk}
    assert _listed(cast.alice, resultat="failed") == {second.pk}
    assert _listed(cast.alice, resultat="running") == {live.pk}
    assert _listed(cast.alice, origine="schedule") == {second.pk}
    assert _listed(cast.alice, origine="preview") == {third.pk}
    assert _listed(cast.alice, message="CLÉ refus".lower()) == {second.pk}
    assert _listed(cast.alice, articles="100") == {second.pk}
    week_ago = (timezone.localdate() - timedelta(days=7)).isoformat()
    assert _listed(cast.alice, debut=week_ago) == {second.pk, third.pk, live.pk}
    assert _listed(cast.alice, fin=week_ago) == {first.pk}
    assert _listed(cast.alice, traitement="products", origine="schedule") == {second.pk}


@pytest.mark.covers("LOG-02")
@pytest.mark.parametrize(
    "params",
    [{"profil": "x"}, {"debut": "demain"}, {"articles": "-3"}, {"resultat": "?"}, {"suite": "9" * 40}, {"retour": "a"}],
)
def test_unreadable_filters_filter_nothing(cast: Cast, params: dict[str, str]) -> None:
    run = _run(make_profile(tenant=cast.tenant))
    assert _listed(cast.alice, **params) == {run.pk}


@pytest.mark.covers("LOG-02")
def test_paging_goes_forth_and_back_without_counting(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "RUNS_PER_PAGE", 3)
    profile = make_profile(tenant=cast.tenant)
    keys = [_run(profile, flow="stock").pk for _ in range(8)][::-1]
    seen, params = [], {"traitement": "stock"}
    for _ in range(3):
        with CaptureQueriesContext(connection) as queries:
            page = runs.run_page(cast.tenant, runs.RunFilter.of(params), params)
        assert len(queries) == 1
        assert "COUNT" not in queries[0]["sql"]
        seen.append([run.pk for run in page.rows])
        assert "traitement=stock" in (page.next or page.previous)
        last = page
        params = dict(pair.split("=") for pair in page.next.split("&")) if page.next else params
    assert seen == [keys[:3], keys[3:6], keys[6:]]
    assert not last.next
    back = dict(pair.split("=") for pair in last.previous.split("&"))
    assert [run.pk for run in runs.run_page(cast.tenant, runs.RunFilter.of(back), back).rows] == keys[3:6]


@pytest.mark.covers("LOG-02")
def test_table_of_one_profile(cast: Cast) -> None:
    mine, other = make_profile(tenant=cast.tenant), make_profile(tenant=cast.tenant)
    shown, hidden = _run(mine), _run(other)
    body = _body(cast.bob, reverse("sync:run_list_profile", args=[mine.pk]))
    assert reverse("sync:run", args=[shown.pk]) in body
    assert reverse("sync:run", args=[hidden.pk]) not in body


@pytest.mark.covers("LOG-02")
def test_empty_tables_say_what_to_do(cast: Cast) -> None:
    assert "Aucune exécution pour l’instant" in _body(cast.alice, reverse("sync:run_list"))
    assert "Tout afficher" in _body(cast.alice, reverse("sync:run_list"), {"message": "x"})


@pytest.mark.covers("LOG-03")
def test_summary_shows_the_closing_equation_and_why_items_were_left_out(cast: Cast) -> None:
    run = _run(
        make_profile(tenant=cast.tenant), read=100, created=4, updated=6, unchanged=70, excluded=15, refused=5,
        units=10, excluded_reasons={"Non publié sur le web": 12, "En sommeil": 3}, started_by=cast.bob.user,
    )  # fmt: skip
    body = _body(cast.alice, reverse("sync:run", args=[run.pk]))
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))
    assert "100 lus = 4 créés + 6 mis à jour + 70 inchangés + 15 ignorés + 5 refusés" in text
    assert "12 Non publié sur le web" in text
    assert "Unités consommées 10" in text
    assert "Bob" in text


@pytest.mark.covers("LOG-03")
def test_equation_that_does_not_hold_is_said(cast: Cast) -> None:
    run = _run(make_profile(tenant=cast.tenant), read=10, updated=7, result="failed")
    assert "Le compte ne tombe pas juste" in _body(cast.alice, reverse("sync:run", args=[run.pk]))


@pytest.mark.covers("LOG-03")
def test_p33_hundred_failures_of_one_cause_are_one_card(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    run = _run(profile, read=103, refused=103, result="failed")
    for number in range(100):
        make_entry(
            run=run, item_key=f"A{number}", reference=f"A{number}", outcome="refused", level="error",
            code="tax_unmapped", text="Le code taxe T9 n’a pas de correspondance.", advice="Ouvrez les taxes.",
        )  # fmt: skip
    for number in range(3):
        make_entry(run=run, item_key=f"B{number}", outcome="refused", level="error", code="sku_taken", text="SKU pris.")
    body = _body(cast.alice, reverse("sync:run", args=[run.pk]))
    assert body.count('class="problem-card"') == 2
    assert "<strong>100</strong>" in body
    assert "et 95 autres" in body
    assert body.index("T9") < body.index("SKU pris")
    place = reverse("profiles:settings", args=[profile.pk, "products"])
    assert f"{place}?execution={run.pk}#id_products-tax_map_field" in body


@pytest.mark.covers("LOG-03")
def test_p33_no_trace_of_a_program_on_any_screen(cast: Cast) -> None:
    trace = 'Traceback (most recent call last):\n  File "/app/sync/engine/pipeline.py", line 3, in x\nKeyError: "a"'
    profile = make_profile(tenant=cast.tenant)
    run = _run(profile, read=2, failed=2, result="failed", message="Erreur interne.", message_code="internal_error")
    first = make_entry(run=run, item_key="A", outcome="failed", code="connector_bug", detail={"technical": trace})
    second = make_entry(
        run=run, item_key="B", outcome="failed", code="connector_bug", detail={"technical": "KeyError: 'price'"}
    )
    pages = [
        reverse("sync:dashboard"),
        reverse("sync:run_list"),
        reverse("sync:run", args=[run.pk]),
        reverse("sync:run_entry", args=[run.pk, first.pk]),
        reverse("sync:run_entry", args=[run.pk, second.pk]),
        reverse("sync:item", args=[profile.pk, "product", "A"]),
        reverse("sync:sync", args=[profile.pk]),
    ]
    for url in pages:
        body = _body(cast.alice, url)
        for sign in ("Traceback", ".py", "KeyError", "line 3"):
            assert sign not in body, f"{url} shows {sign}"


@pytest.mark.covers("LOG-03", "LOG-04")
@pytest.mark.django_db(transaction=True)
def test_p33_fix_the_cause_and_retry_all_hundred_pass(
    cast: Cast, fake_profile: Profile, fake_world: fakes.World
) -> None:
    bad = {f"B{number:03d}" for number in range(100)}
    fake_world.put(*[builders.product(key) for key in sorted(bad | {f"G{number:03d}" for number in range(200)})])
    fake_world.page_size = 300
    fake_world.refuse = set(bad)
    Profile.objects.filter(pk=fake_profile.pk).update(match_state="approved")
    _save_limits(fake_profile)
    start = reverse("sync:run_start", args=[fake_profile.pk])
    cast.bob.client.post(start, {"flow": "products", "mode": "run"})
    run = drive(Run.objects.get().pk, owner="test")
    assert (run.result, run.refused, run.created) == ("partial", 100, 200)
    body = _body(cast.bob, reverse("sync:run", args=[run.pk]))
    assert body.count('class="problem-card"') == 1
    assert "<strong>100</strong>" in body
    fake_world.refuse = set()
    retry = cast.bob.client.post(reverse("sync:run_retry", args=[run.pk]), {"cause": "fake_refused"})
    again = Run.objects.latest("pk")
    assert retry.headers["Location"] == reverse("sync:run", args=[again.pk])
    again = drive(again.pk, owner="test")
    assert (again.result, again.read, again.created) == ("success", 100, 100)
    assert all(len(fake_world.by_sku(key)) == 1 for key in bad)
    assert "Problèmes à traiter" in _body(cast.bob, "/")
    assert "La boutique refuse cet article." not in _body(cast.bob, "/")


def _save_limits(profile: Profile) -> None:
    from profiles import options_store

    changes = {
        "products": {"published_only": False, "tax_default": "standard"},
        "advanced": {"refused_limit_percent": 100},
    }
    options_store.save(profile, changes, author=None)


@pytest.mark.covers("LOG-03")
def test_items_are_searched_and_filtered(cast: Cast) -> None:
    run = _run(make_profile(tenant=cast.tenant), read=4, created=1, updated=2, refused=1)
    make_entry(run=run, item_key="K1", reference="TENTE-2", label="Tente dôme", outcome="created")
    make_entry(run=run, item_key="K2", reference="SAC-1", label="Sac chaud", outcome="updated")
    make_entry(run=run, item_key="K3", reference="SAC-2", label="Sac froid", outcome="updated", level="warning")
    make_entry(run=run, item_key="K4", reference="GOURDE", label="Gourde", outcome="refused", code="sku_taken")
    make_entry(run=run, item_key="", entity="", outcome="", text="Ligne du traitement")

    def found(**params: str) -> set[str]:
        body = _body(cast.bob, reverse("sync:run", args=[run.pk]), params, **FRAGMENT)
        return {name for name in ("TENTE-2", "SAC-1", "SAC-2", "GOURDE", "Ligne du traitement") if name in body}

    assert found() == {"TENTE-2", "SAC-1", "SAC-2", "GOURDE"}
    assert found(recherche="sac") == {"SAC-1", "SAC-2"}
    assert found(recherche="froid") == {"SAC-2"}
    assert found(recherche="K4") == {"GOURDE"}
    assert found(resultat="updated") == {"SAC-1", "SAC-2"}
    assert found(resultat="warned") == {"SAC-2"}
    assert found(cause="sku_taken") == {"GOURDE"}
    assert found(resultat="created", recherche="sac") == set()


@pytest.mark.covers("LOG-03")
def test_items_page_forth_and_back(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "ITEMS_PER_PAGE", 4)
    run = _run(make_profile(tenant=cast.tenant))
    keys = [make_entry(run=run, item_key=f"A{number}", outcome="updated").pk for number in range(10)]
    wanted = journal.ItemFilter(outcome="updated")
    first = journal.item_page(run, wanted, {}, with_detail=False)
    second = journal.item_page(run, wanted, {"suite": str(keys[3])}, with_detail=False)
    back = journal.item_page(run, wanted, {"retour": str(keys[4])}, with_detail=False)
    assert [row.pk for row in first.rows] == keys[:4]
    assert [row.pk for row in second.rows] == keys[4:8]
    assert [row.pk for row in back.rows] == keys[:4]
    assert (first.previous, second.next) == ("", f"suite={keys[7]}")


@pytest.mark.covers("LOG-04")
def test_detail_of_one_line(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    before = _run(profile)
    make_entry(run=before, outcome="updated", detail={"sent": {"name": "Tente", "price": "10.00"}})
    run = _run(profile)
    entry = make_entry(
        run=run, outcome="updated", milliseconds=340, attempts=2, shop_key="812", url="https://boutique.example/812",
        detail={"sent": {"name": "Tente", "price": "12.00", "key": "***"}, "received": {"id": 812}},
    )  # fmt: skip
    url = reverse("sync:run_entry", args=[run.pk, entry.pk])
    fragment = _body(cast.bob, url, **FRAGMENT)
    assert "<html" not in fragment
    for words in ("340\xa0ms", "340 ms"):
        if words in fragment:
            break
    else:
        pytest.fail("no duration")
    assert "<del>10.00</del>" in fragment
    assert "<ins>12.00</ins>" in fragment
    assert "<del>Tente</del>" not in fragment
    assert "&quot;id&quot;: 812" in fragment
    assert "https://boutique.example/812" in fragment
    assert reverse("sync:run", args=[run.pk]) in _body(cast.bob, url)


@pytest.mark.covers("LOG-04")
def test_retry_of_one_item(cast: Cast, fake_profile: Profile) -> None:
    run = _run(fake_profile, read=2, refused=2, result="failed")
    make_entry(run=run, item_key="A", outcome="refused", code="x")
    make_entry(run=run, item_key="B", outcome="refused", code="x")
    cast.bob.client.post(reverse("sync:run_retry", args=[run.pk]), {"cle": "A"})
    again = Run.objects.latest("pk")
    assert again.scope == {"keys": ["A"]}
    assert again.retry
    assert list(JournalEntry.objects.filter(retried=True).values_list("item_key", flat=True)) == ["A"]
    assert "renvoyé" in _body(cast.bob, reverse("sync:run", args=[run.pk]))


@pytest.mark.covers("LOG-04")
def test_retry_of_nothing_is_explained(cast: Cast, fake_profile: Profile) -> None:
    run = _run(fake_profile)
    url = reverse("sync:run_retry", args=[run.pk])
    assert "plus rien à renvoyer" in cast.bob.client.post(url, follow=True).content.decode()


@pytest.mark.covers("LOG-01")
def test_stop_of_a_running_run(cast: Cast) -> None:
    run = make_run(profile=make_profile(tenant=cast.tenant), state="running", result="", slice_state="working")
    cast.bob.client.post(reverse("sync:run_stop", args=[run.pk]))
    run.refresh_from_db()
    assert run.stop_requested_at is not None
    assert "Arrêt demandé" in _body(cast.bob, reverse("sync:run", args=[run.pk]))


def test_next_address_never_leaves_the_platform(cast: Cast) -> None:
    run = make_run(profile=make_profile(tenant=cast.tenant), state="running", result="", slice_state="working")
    response = cast.bob.client.post(reverse("sync:run_stop", args=[run.pk]), {"next": "https://evil.example/"})
    assert response.headers["Location"] == reverse("sync:run", args=[run.pk])


@pytest.mark.covers("ACC-02")
@pytest.mark.parametrize("name", ["run_stop", "run_retry", "run_again"])
def test_reader_reads_and_changes_nothing(cast: Cast, name: str) -> None:
    Membership.objects.filter(user=cast.bob.user).update(role=Role.READER)
    run = make_run(profile=make_profile(tenant=cast.tenant), state="running", result="", slice_state="working")
    make_entry(run=run, outcome="refused", code="x")
    body = _body(cast.bob, reverse("sync:run", args=[run.pk]))
    assert reverse(f"sync:{name}", args=[run.pk]) not in body
    assert cast.bob.client.post(reverse(f"sync:{name}", args=[run.pk])).status_code == 403
    run.refresh_from_db()
    assert run.stop_requested_at is None
    assert Run.objects.count() == 1


@pytest.mark.covers("LOG-03")
def test_older_lines_are_read_on_demand(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "LINES_SHOWN", 3)
    run = _run(make_profile(tenant=cast.tenant))
    keys = [make_entry(run=run, item_key="", outcome="", text=f"ligne {number}.").pk for number in range(8)]
    assert [line.pk for line in journal.last_lines(run, 3)] == keys[5:]
    body = _body(cast.bob, reverse("sync:run_lines", args=[run.pk]), {"avant": str(keys[5])}, **FRAGMENT)
    assert [f"ligne {number}." in body for number in range(8)] == [False, False, True, True, True, False, False, False]
    assert f"avant={keys[2]}" in body


@pytest.mark.covers("LOG-03")
def test_text_of_the_journal_is_escaped(cast: Cast) -> None:
    run = _run(make_profile(tenant=cast.tenant), read=1, refused=1)
    make_entry(run=run, outcome="refused", code="x", text="<script>alert(1)</script>", label="<b>gras</b>")
    body = _body(cast.alice, reverse("sync:run", args=[run.pk]))
    assert "<script>alert(1)" not in body
    assert "<b>gras" not in body


@pytest.mark.covers("LOG-03")
def test_number_of_queries_of_the_run_page_does_not_grow(cast: Cast) -> None:
    run = _run(make_profile(tenant=cast.tenant), read=500, refused=250, updated=250, result="partial")

    def add(count: int) -> None:
        for number in range(count):
            make_entry(run=run, item_key=f"A{number}", outcome="refused", level="error", code=f"c{number % 20}")
            make_entry(run=run, item_key=f"B{number}", outcome="updated")

    def queries() -> int:
        url = reverse("sync:run", args=[run.pk])
        cast.alice.client.get(url)
        with CaptureQueriesContext(connection) as found:
            cast.alice.client.get(url)
        return len(found)

    add(2)
    few = queries()
    add(60)
    assert queries() == few


@pytest.mark.covers("LOG-03")
def test_counts_agree_with_their_number(cast: Cast) -> None:
    run = _run(make_profile(tenant=cast.tenant), read=4, created=1, unchanged=2, refused=1, result="partial")
    body = _body(cast.alice, reverse("sync:run", args=[run.pk]))
    for words in ("<strong>1</strong> créé<", "<strong>2</strong> inchangés<", "<strong>1</strong> refusé<"):
        assert words in body


@pytest.mark.covers("LOG-03", "BIL-04")
def test_run_without_anything_to_send_says_so_first(cast: Cast) -> None:
    said = "Rien à faire : 3 déjà à jour, 0 ignoré."
    profile = make_profile(tenant=cast.tenant)
    idle = _run(profile, flow="products", read=3, unchanged=3, result="success", message=said)
    body = _body(cast.alice, reverse("sync:run", args=[idle.pk]))
    assert said in body[body.index("summary-lead") : body.index("outcome-bar")]
    assert "seulement ce qui a changé" in body
    busy = _run(profile, flow="products", read=3, created=3, full=True, result="success", message="3 créés.")
    body = _body(cast.alice, reverse("sync:run", args=[busy.pk]))
    assert "summary-lead" not in body
    assert "tout le profil, relu en entier" in body
    preview = _run(profile, flow="products", read=3, unchanged=3, result="success", dry=True, message=said)
    body = _body(cast.alice, reverse("sync:run", args=[preview.pk]))
    assert "seulement ce qui a changé" not in body
    assert "summary-lead" not in body


@pytest.mark.covers("LOG-03")
def test_outcomes_to_filter_by_come_with_the_table_that_reloads_itself(cast: Cast) -> None:
    run = _run(make_profile(tenant=cast.tenant), read=1, refused=1, result="partial")
    url = reverse("sync:run", args=[run.pk])
    ended = _body(cast.alice, url, **FRAGMENT, **{"HX-Trigger": "item-table"})
    assert 'id="item-chips" hx-swap-oob="true"' in ended
    assert "Refusés" in ended
    assert "item-chips" not in _body(cast.alice, url, **FRAGMENT, **{"HX-Trigger": "item-filters"})
