"""Page of one item: its link, what is known of it, its history across runs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from profiles.models import Profile
from sync.models import Link, LinkState
from tests.factories import make_entry, make_profile, make_run
from tests.web.conftest import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def profile(cast: Cast) -> Profile:
    return make_profile(tenant=cast.tenant)


def _url(profile: Profile, key: str, entity: str = "product") -> str:
    return reverse("sync:item", args=[profile.pk, entity, key])


def _link(profile: Profile, key: str, shop_key: str, **fields: str) -> Link:
    values = {"entity": "product", "reference": key, "status": "linked", **fields}
    return Link.objects.create(profile=profile, erp_key=key, shop_key=shop_key, **values)


@pytest.mark.covers("LOG-05")
def test_link_states_and_variants(cast: Cast, profile: Profile) -> None:
    link = _link(profile, "TENTE", "812", label="Tente dôme")
    LinkState.objects.create(
        link=link, aspect="data", outcome="refused", held_hash="h", problem_code="sku_taken", problem="SKU pris.",
        advice="Changez-le.", attempts=3, not_before=timezone.now() + timedelta(hours=1),
    )  # fmt: skip
    _link(profile, "TENTE#1", "900", entity="variant", shop_parent="812")
    body = cast.bob.client.get(_url(profile, "TENTE")).content.decode()
    for words in ("n° 812", "Tente dôme", "SKU pris.", "Changez-le.", "essai n° 3", "TENTE#1"):
        assert words in body
    assert _url(profile, "TENTE#1", "variant") in body
    child = cast.bob.client.get(_url(profile, "TENTE#1", "variant")).content.decode()
    assert "dans le produit n° 812" in child
    assert _url(profile, "TENTE") in child


@pytest.mark.covers("LOG-05")
def test_history_across_runs_with_changes_field_by_field(cast: Cast, profile: Profile) -> None:
    _link(profile, "SAC", "7")
    for price in ("10.00", "12.00", "12.50"):
        run = make_run(profile=profile)
        make_entry(run=run, item_key="SAC", outcome="updated", detail={"sent": {"regular_price": price, "name": "Sac"}})
    stock = make_run(profile=profile, flow="stock")
    make_entry(run=stock, entity="variant", item_key="SAC", outcome="updated", text="Stock envoyé.")
    other = make_run(profile=profile)
    make_entry(run=other, item_key="AUTRE", text="D’un autre article.")
    body = cast.bob.client.get(_url(profile, "SAC")).content.decode()
    assert body.index("<del>12.00</del>") < body.index("<del>10.00</del>")
    assert "<ins>12.50</ins>" in body
    assert "<del>Sac</del>" not in body
    assert "Stock envoyé." in body
    assert "D’un autre article." not in body


@pytest.mark.covers("LOG-05")
def test_item_refused_before_any_link_has_a_page(cast: Cast, profile: Profile) -> None:
    make_entry(run=make_run(profile=profile), item_key="X/1 #2", outcome="refused", code="c", text="Refusé.")
    body = cast.bob.client.get(_url(profile, "X/1 #2")).content.decode()
    assert "Sans lien" in body
    assert "Refusé." in body


def test_unknown_item_or_kind_is_not_found(cast: Cast, profile: Profile) -> None:
    assert cast.bob.client.get(_url(profile, "NEVER")).status_code == 404
    _link(profile, "A", "1")
    assert cast.bob.client.get(_url(profile, "A", "unicorn")).status_code == 404


@pytest.mark.covers("ACC-02")
def test_only_a_manager_breaks_a_link(cast: Cast, profile: Profile) -> None:
    _link(profile, "SAC", "7")
    _link(profile, "SAC", "7", entity="variant", shop_parent="7")
    url = reverse("sync:item_forget", args=[profile.pk, "product", "SAC"])
    assert url not in cast.bob.client.get(_url(profile, "SAC")).content.decode()
    assert cast.bob.client.post(url).status_code == 403
    make_entry(run=make_run(profile=profile), item_key="SAC")
    response = cast.alice.client.post(url, follow=True)
    assert "Le lien est rompu" in response.content.decode()
    assert not Link.objects.filter(profile=profile).exists()


@pytest.mark.covers("ACC-04")
def test_stranger_reaches_neither_page_nor_link_of_the_same_key(cast: Cast, profile: Profile) -> None:
    _link(profile, "SAC", "7")
    own = make_profile(tenant=cast.other)
    for target in (profile, own):
        assert cast.charlie.client.get(_url(target, "SAC")).status_code == 404
        assert (
            cast.charlie.client.post(reverse("sync:item_forget", args=[target.pk, "product", "SAC"])).status_code == 404
        )
    assert Link.objects.filter(profile=profile).count() == 1


@pytest.mark.covers("ACC-04")
def test_history_of_the_same_key_in_another_profile_stays_out(cast: Cast, profile: Profile) -> None:
    _link(profile, "SAC", "7")
    twin = make_profile(tenant=cast.tenant)
    make_entry(run=make_run(profile=twin), item_key="SAC", text="De l’autre profil.")
    assert "De l’autre profil." not in cast.bob.client.get(_url(profile, "SAC")).content.decode()


@pytest.mark.covers("LOG-04")
def test_refused_item_shows_where_its_cause_is_mended(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    run = make_run(profile=profile, flow="products", result="partial", refused=1)
    make_entry(
        run=run, item_key="A1", entity="product", reference="A1", outcome="refused", level="error",
        code="tax_unmapped", text="Le code taxe C10 n’a pas de correspondance.", advice="Ouvrez Articles > Taxes.",
    )  # fmt: skip
    body = cast.bob.client.get(reverse("sync:item", args=[profile.pk, "product", "A1"])).content.decode()
    place = reverse("profiles:settings", args=[profile.pk, "products"])
    assert f"{place}?execution={run.pk}#id_products-tax_map_field" in body
    assert reverse("sync:run_retry", args=[run.pk]) in body
