"""A preview: what would be done, field by field, without writing or spending, then started for real."""

from __future__ import annotations

import pytest
from django.urls import reverse

from billing import ledger
from connectors.testing import builders, fakes
from profiles import options_store
from profiles.models import Profile
from sync.engine.runner import drive
from sync.models import Run
from tests.factories import make_entry, make_run
from tests.web.conftest import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def ready(fake_profile: Profile) -> Profile:
    changes = {"products": {"published_only": False, "tax_default": "standard"}}
    options_store.save(fake_profile, changes, author=None)
    Profile.objects.filter(pk=fake_profile.pk).update(match_state="approved")
    fake_profile.refresh_from_db()
    return fake_profile


def _page(cast: Cast, run: Run, **params: str) -> str:
    return cast.bob.client.get(reverse("sync:run", args=[run.pk]), params).content.decode()


def _drive(cast: Cast, profile: Profile, mode: str) -> Run:
    cast.bob.client.post(reverse("sync:run_start", args=[profile.pk]), {"flow": "products", "mode": mode})
    return drive(Run.objects.latest("pk").pk, owner="test")


@pytest.mark.covers("CAT-21")
@pytest.mark.django_db(transaction=True)
def test_preview_shows_creations_and_changes_and_writes_nothing(
    cast: Cast, ready: Profile, fake_world: fakes.World
) -> None:
    fake_world.put(builders.product("TENTE"), builders.product("SAC"))
    _drive(cast, ready, "run")
    written, left = sum(fake_world.written.values()), ledger.balance(tenant_id=cast.tenant.pk, kind="export").available
    fake_world.put(builders.product("TENTE", name={"": "Tente quatre saisons"}), builders.product("GOURDE"))
    preview = _drive(cast, ready, "preview")
    assert preview.dry
    body = _page(cast, preview)
    assert "Rien n’a été modifié" in body
    assert "Serait créé" in body
    assert "Serait modifié" in body
    assert "<del>Article TENTE</del>" in body
    assert "<ins>Tente quatre saisons</ins>" in body
    assert "GOURDE" in body
    assert sum(fake_world.written.values()) == written
    assert not fake_world.by_sku("GOURDE")
    assert ledger.balance(tenant_id=cast.tenant.pk, kind="export").available == left
    response = cast.bob.client.post(reverse("sync:run_again", args=[preview.pk]))
    real = Run.objects.latest("pk")
    assert response.headers["Location"] == reverse("sync:run", args=[real.pk])
    assert not real.dry
    assert drive(real.pk, owner="test").created == 1
    assert fake_world.by_sku("GOURDE")


@pytest.mark.covers("CAT-21")
def test_start_for_real_keeps_the_scope_of_the_preview(cast: Cast, ready: Profile) -> None:
    preview = make_run(profile=ready, dry=True, scope={"keys": ["A", "B"]}, scope_key="k")
    cast.bob.client.post(reverse("sync:run_again", args=[preview.pk]))
    real = Run.objects.latest("pk")
    assert (real.dry, real.scope) == (False, {"keys": ["A", "B"]})


@pytest.mark.covers("CAT-21")
def test_refused_and_unchanged_items_are_told_apart(cast: Cast, ready: Profile) -> None:
    run = make_run(profile=ready, dry=True, read=2, unchanged=1, refused=1)
    make_entry(run=run, item_key="A", reference="REF-A", outcome="unchanged", text="Serait laissé tel quel.")
    make_entry(run=run, item_key="B", reference="REF-B", outcome="refused", code="tax_unmapped", text="Taxe inconnue.")
    body = _page(cast, run)
    assert "Laissé tel quel" in body
    assert "Serait refusé" in body
    assert "Taxe inconnue." in body
    assert reverse("sync:run_retry", args=[run.pk]) not in body
    only = cast.bob.client.get(
        reverse("sync:run", args=[run.pk]), {"resultat": "refused"}, headers={"HX-Request": "true"}
    ).content.decode()
    assert "REF-B" in only
    assert "REF-A" not in only


@pytest.mark.covers("CAT-21")
def test_preview_may_not_be_started_twice_by_a_match_run(cast: Cast, ready: Profile) -> None:
    run = make_run(profile=ready, flow="match")
    assert cast.bob.client.post(reverse("sync:run_again", args=[run.pk])).status_code == 404
