"""Match page: report, decisions, approval (pitfall P23 on the screen)."""

from __future__ import annotations

import pytest
from django.urls import reverse

from profiles.models import Profile
from sync.models import Link, Run
from tests.web.conftest import Cast

pytestmark = pytest.mark.django_db

REPORT = {
    "counts": {"sure": 2, "ambiguous": 1, "only_erp": 1, "only_shop": 1, "linked": 0, "shop_total": 5},
    "sure": [
        {
            "erp": {"key": "A", "reference": "A", "name": "Art A"},
            "shop": {"key": "1", "reference": "A", "name": "Bo A"},
        },
        {
            "erp": {"key": "B", "reference": "B", "name": "Art B"},
            "shop": {"key": "2", "reference": "B", "name": "Bo B"},
        },
    ],
    "ambiguous": [
        {
            "erp": {"key": "T1", "reference": "T1", "name": "Tente"},
            "candidates": [
                {"key": "31", "reference": "T-1", "name": "Tente bleue"},
                {"key": "32", "reference": "t1", "name": "Tente verte"},
            ],
            "reason": "Les références se ressemblent sans être identiques.",
        }
    ],
    "only_erp": [{"key": "N", "reference": "N", "name": "Nouveau"}],
    "only_shop": [{"key": "9", "reference": "OLD", "name": "Ancien"}],
}


@pytest.fixture
def pending(fake_profile: Profile) -> Profile:
    Profile.objects.filter(pk=fake_profile.pk).update(match_state="pending", match_report=REPORT)
    fake_profile.refresh_from_db()
    return fake_profile


def _body(cast: Cast, profile: Profile, **params: str) -> str:
    return cast.alice.client.get(reverse("sync:match", args=[profile.pk]), params).content.decode()


def _choose(cast: Cast, profile: Profile, **fields: str) -> int:
    return cast.alice.client.post(reverse("sync:match_choose", args=[profile.pk]), fields).status_code


@pytest.mark.covers("CAT-01")
def test_page_without_report_says_how_to_get_one(cast: Cast, fake_profile: Profile) -> None:
    body = _body(cast, fake_profile)
    assert "Pas encore de rapport" in body
    assert "Exporter les articles" in body
    assert reverse("sync:match_validate", args=[fake_profile.pk]) not in body


def test_p23_report_is_read_class_by_class(cast: Cast, pending: Profile) -> None:
    body = _body(cast, pending)
    assert "Tente bleue" in body
    assert "Valider le rapprochement" in body
    assert "Bo A" in _body(cast, pending, voir="sure")
    assert "Nouveau" in _body(cast, pending, voir="only_erp")
    assert "Ancien" in _body(cast, pending, voir="only_shop")


def test_p23_approval_starts_the_matching(cast: Cast, pending: Profile) -> None:
    response = cast.alice.client.post(reverse("sync:match_validate", args=[pending.pk]))
    run = Run.objects.get()
    assert run.flow == "match"
    assert response.headers["Location"] == reverse("sync:run", args=[run.pk])
    assert "en cours d’application" in _body(cast, pending)


def test_p23_nothing_to_approve_before_a_report(cast: Cast, fake_profile: Profile) -> None:
    cast.alice.client.post(reverse("sync:match_validate", args=[fake_profile.pk]))
    assert not Run.objects.exists()


def test_choice_links_the_article(cast: Cast, pending: Profile) -> None:
    assert _choose(cast, pending, article="T1", boutique="32") == 302
    link = Link.objects.get(profile=pending, entity="product", erp_key="T1")
    assert (link.shop_key, link.status) == ("32", "linked")
    assert "Associé au n° 32" in _body(cast, pending)


def test_choice_outside_the_report_is_not_found(cast: Cast, pending: Profile) -> None:
    assert _choose(cast, pending, article="T1", boutique="777") == 404
    assert _choose(cast, pending, article="A", boutique="1") == 404
    assert not Link.objects.exists()


def test_choice_of_a_product_that_is_taken_is_explained(cast: Cast, pending: Profile) -> None:
    Link.objects.create(profile=pending, entity="product", erp_key="OTHER", shop_key="31", status="linked")
    _choose(cast, pending, article="T1", boutique="31")
    assert "déjà associé" in _body(cast, pending)
    assert not Link.objects.filter(erp_key="T1").exists()


def test_new_article_is_chosen_after_the_approval_only(cast: Cast, pending: Profile) -> None:
    _choose(cast, pending, article="T1", boutique="")
    assert "Validez d’abord" in _body(cast, pending)
    Profile.objects.filter(pk=pending.pk).update(match_state="approved")
    Link.objects.create(profile=pending, entity="product", erp_key="T1", status="ambiguous")
    assert "À décider" in _body(cast, pending)
    _choose(cast, pending, article="T1", boutique="")
    assert "Sera créé" in _body(cast, pending)


@pytest.mark.covers("ACC-02")
def test_operator_reads_the_report_and_decides_nothing(cast: Cast, pending: Profile) -> None:
    url = reverse("sync:match", args=[pending.pk])
    body = cast.bob.client.get(url).content.decode()
    assert "Un gestionnaire doit le valider" in body
    assert 'name="boutique"' not in body
    assert cast.bob.client.post(f"{url}valider/").status_code == 403
    assert cast.bob.client.post(f"{url}choisir/", {"article": "T1", "boutique": "31"}).status_code == 403
    assert not Run.objects.exists()
    assert not Link.objects.exists()
