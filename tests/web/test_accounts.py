"""Sign-up, sign-in, reset, sign-out, session expiry, «Mon compte»."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from profiles import team
from profiles.models import Membership, Role, Tenant, User
from tests.factories import PASSWORD, make_tenant, make_user
from tests.web.conftest import Cast

SIGN_UP = {
    "company": "Maison Lumen",
    "full_name": "Alice Martin",
    "email": "Alice@Lumen.Test",
    "password1": PASSWORD,
    "password2": PASSWORD,
}


@pytest.mark.covers("ACC-01", "ACC-02")
def test_sign_up_makes_user_tenant_and_owner(db: None, client: Client) -> None:
    response = client.post(reverse("account_signup"), SIGN_UP)
    assert response.status_code == 302
    user = User.objects.get(email="alice@lumen.test")
    membership = Membership.objects.get(user=user)
    assert (user.full_name, membership.tenant.name, membership.role) == ("Alice Martin", "Maison Lumen", Role.OWNER)
    assert (membership.tenant.time_zone, membership.tenant.slug) == ("Europe/Paris", "maison-lumen")
    assert client.get(reverse("profiles:account")).status_code == 200


@pytest.mark.covers("ACC-01")
def test_sign_up_leaves_nothing_behind_when_the_tenant_cannot_be_made(
    db: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> Tenant:
        raise RuntimeError("no tenant today")

    monkeypatch.setattr("profiles.forms.account.tenant_create", fail)
    with pytest.raises(RuntimeError, match="no tenant today"):
        client.post(reverse("account_signup"), SIGN_UP)
    assert not User.objects.exists()
    assert not Tenant.objects.exists()


@pytest.mark.covers("ACC-01")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"company": " … "}, "company"),
        ({"full_name": ""}, "full_name"),
        ({"email": "nobody"}, "email"),
        ({"password1": "12345678", "password2": "12345678"}, "password1"),
        ({"password2": "something-else"}, "password2"),
    ],
)
def test_sign_up_refusals_name_their_field(db: None, client: Client, change: dict[str, str], field: str) -> None:
    response = client.post(reverse("account_signup"), {**SIGN_UP, **change})
    assert response.status_code == 200
    assert list(response.context["form"].errors) == [field]
    assert not User.objects.exists()


@pytest.mark.covers("ACC-01")
def test_sign_up_may_be_closed_by_the_host(db: None, client: Client, settings: object) -> None:
    settings.SIGNUP_OPEN = False  # type: ignore[attr-defined]
    assert "par invitation" in client.get(reverse("account_signup")).content.decode()
    client.post(reverse("account_signup"), SIGN_UP)
    assert not User.objects.exists()


@pytest.mark.covers("ACC-01")
def test_sign_in_ignores_the_case_of_the_address(db: None, client: Client) -> None:
    make_user(email="alice@lumen.test", tenant=make_tenant())
    response = client.post(reverse("account_login"), {"login": "ALICE@lumen.TEST", "password": PASSWORD})
    assert response.status_code == 302
    assert "_auth_user_id" in client.session


@pytest.mark.covers("ACC-01")
def test_wrong_password_is_refused_and_then_slowed_down(db: None, client: Client) -> None:
    make_user(email="alice@lumen.test", tenant=make_tenant())
    wrong = {"login": "alice@lumen.test", "password": "not-that-one"}
    for _ in range(12):
        response = client.post(reverse("account_login"), wrong)
        assert "_auth_user_id" not in client.session
    right = client.post(reverse("account_login"), {**wrong, "password": PASSWORD})
    assert response.status_code in {200, 429}
    assert "_auth_user_id" not in client.session, "after many failures even the right password waits"
    assert right.status_code in {200, 429}


@pytest.mark.covers("ACC-01")
def test_addresses_are_unique_without_regard_to_case(db: None) -> None:
    make_user(email="alice@lumen.test")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("Alice@LUMEN.test", PASSWORD)
    user = User.objects.get_by_natural_key("ALICE@lumen.test")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=user.pk).update(email="Alice@lumen.test")


@pytest.mark.covers("ACC-01")
def test_superuser_needs_no_user_name(db: None) -> None:
    user = User.objects.create_superuser("Host@Example.test", PASSWORD)
    assert (user.email, user.is_staff, user.is_superuser) == ("host@example.test", True, True)
    with pytest.raises(ValueError, match="address"):
        User.objects.create_user(" ")


@pytest.mark.covers("ACC-01")
def test_password_reset_by_email(db: None, client: Client) -> None:
    make_user(email="alice@lumen.test", tenant=make_tenant())
    client.post(reverse("account_reset_password"), {"email": "Alice@lumen.test"})
    assert mail.outbox[0].to == ["alice@lumen.test"]
    assert "Choisissez un nouveau mot de passe" in mail.outbox[0].subject
    link = re.search(r"http://\S+", mail.outbox[0].body)
    assert link
    page = client.get(link.group(), follow=True)
    response = client.post(
        page.request["PATH_INFO"], {"password1": "another-good-one", "password2": "another-good-one"}
    )
    assert response.status_code == 302
    assert User.objects.get().check_password("another-good-one")
    again = client.get(link.group(), follow=True)
    assert "plus valable" in again.content.decode()


@pytest.mark.covers("ACC-01", "ACC-04")
def test_password_reset_tells_nothing_about_unknown_addresses(db: None, client: Client) -> None:
    make_user(email="alice@lumen.test")
    known = client.post(reverse("account_reset_password"), {"email": "alice@lumen.test"}, follow=True)
    unknown = client.post(reverse("account_reset_password"), {"email": "nobody@lumen.test"}, follow=True)
    assert known.status_code == unknown.status_code == 200
    assert known.templates[0].name == unknown.templates[0].name
    assert "Aucun compte" in mail.outbox[1].subject


@pytest.mark.covers("ACC-01")
def test_sign_out(cast: Cast) -> None:
    assert cast.alice.client.post(reverse("account_logout")).status_code == 302
    assert cast.alice.client.get(reverse("profiles:account")).status_code == 302


@pytest.mark.covers("ACC-01")
def test_sign_out_needs_a_post(cast: Cast) -> None:
    assert cast.alice.client.get(reverse("account_logout")).status_code == 200
    assert cast.alice.client.get(reverse("profiles:account")).status_code == 200


@pytest.mark.covers("ACC-01")
def test_session_expires_after_its_last_use(cast: Cast) -> None:
    url = reverse("profiles:account")
    assert cast.alice.client.get(url).status_code == 200
    late = timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE + 60)
    with time_machine.travel(late, tick=False):
        response = cast.alice.client.get(url)
    assert response.status_code == 302
    assert response.headers["Location"] == f"{reverse('account_login')}?next={url}"


@pytest.mark.covers("ACC-01")
def test_fragment_of_an_expired_session_sends_htmx_to_the_sign_in_page(db: None, client: Client) -> None:
    response = client.get(reverse("profiles:account"), headers={"HX-Request": "true"})
    assert response.status_code == 204
    assert response.headers["HX-Redirect"] == reverse("account_login")


@pytest.mark.covers("ACC-01")
def test_account_page_changes_name_and_language(cast: Cast) -> None:
    url = reverse("profiles:account")
    assert "Mon compte" in cast.alice.client.get(url).content.decode()
    response = cast.alice.client.post(url, {"full_name": "Alice M.", "language": "en"}, follow=True)
    cast.alice.user.refresh_from_db()
    assert (cast.alice.user.full_name, cast.alice.user.language) == ("Alice M.", "en")
    assert 'lang="en"' in response.content.decode()
    assert "My account" in response.content.decode()


@pytest.mark.covers("ACC-01")
def test_account_page_refuses_unknown_language(cast: Cast) -> None:
    response = cast.alice.client.post(reverse("profiles:account"), {"full_name": "A", "language": "xx"})
    assert list(response.context["form"].errors) == ["language"]
    cast.alice.user.refresh_from_db()
    assert cast.alice.user.language == "fr"


@pytest.mark.covers("ACC-01")
def test_password_change_asks_for_the_present_one(cast: Cast) -> None:
    url = reverse("account_change_password")
    new = {"password1": "another-good-one", "password2": "another-good-one"}
    assert cast.alice.client.post(url, {"oldpassword": "wrong", **new}).status_code == 200
    assert cast.alice.client.post(url, {"oldpassword": PASSWORD, **new}).status_code == 302
    cast.alice.user.refresh_from_db()
    assert cast.alice.user.check_password("another-good-one")


def test_language_switch_of_a_visitor_and_of_a_user(cast: Cast, client: Client) -> None:
    url = reverse("profiles:language")
    response = client.post(url, {"language": "en", "next": reverse("account_login")}, follow=True)
    assert "Sign in" in response.content.decode()
    assert client.post(url, {"language": "xx"}).status_code == 404
    cast.bob.client.post(url, {"language": "en"})
    cast.bob.user.refresh_from_db()
    assert cast.bob.user.language == "en"


@pytest.mark.parametrize("target", ["https://evil.test/", "//evil.test/", "javascript:alert(1)"])
def test_open_redirect_is_refused(db: None, client: Client, target: str) -> None:
    response = client.post(reverse("profiles:language"), {"language": "en", "next": target})
    assert response.headers["Location"] == "/"


@pytest.mark.covers("ACC-03")
def test_integrator_creates_and_switches_tenants(cast: Cast) -> None:
    client = cast.alice.client
    client.post(
        reverse("profiles:tenant_new"), {"name": "Client Nord", "time_zone": "Europe/Brussels", "language": "fr"}
    )
    made = Tenant.objects.get(name="Client Nord")
    assert made.time_zone == "Europe/Brussels"
    page = client.get(reverse("profiles:team")).content.decode()
    assert "Client Nord" in page
    assert "bob@" not in page
    client.post(reverse("profiles:tenant_switch", args=[cast.tenant.pk]))
    assert "bob@" in client.get(reverse("profiles:team")).content.decode()


def test_slugs_of_equal_names_differ(db: None) -> None:
    slugs = {make_tenant(name="Maison Élan").slug for _ in range(3)}
    assert slugs == {"maison-elan", "maison-elan-2", "maison-elan-3"}
    assert make_tenant(name="…").slug == "entreprise"


def test_dates_are_shown_in_the_time_zone_of_the_tenant(cast: Cast) -> None:
    cast.tenant.time_zone = "Pacific/Noumea"
    cast.tenant.save()
    client = cast.alice.client
    with time_machine.travel("2026-03-01T00:30:00Z", tick=False):
        User.objects.filter(pk=cast.alice.user.pk).update(last_login=timezone.now() - timedelta(days=30))
        page = client.get(reverse("profiles:account")).content.decode()
    assert "30/01/2026 11:30" in page


def test_person_without_tenant_is_told_what_to_do(cast: Cast) -> None:
    team.member_remove(membership=Membership.objects.get(user=cast.bob.user))
    response = cast.bob.client.get(reverse("profiles:team"), follow=True)
    assert "aucune entreprise" in response.content.decode()
    assert cast.bob.client.get(reverse("profiles:account")).status_code == 200
