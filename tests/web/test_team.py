"""Roles, the team page, invitations."""

from __future__ import annotations

import re
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from profiles import team
from profiles.models import Invitation, Membership, Role, User
from tests.factories import PASSWORD, make_invitation, make_member, make_tenant, make_user
from tests.web.conftest import Cast


def _membership(cast: Cast, user: User) -> Membership:
    return Membership.objects.get(tenant=cast.tenant, user=user)


@pytest.mark.covers("ACC-02")
def test_roles_include_those_below_them() -> None:
    order = [Role.READER, Role.OPERATOR, Role.MANAGER, Role.OWNER]
    for high in order:
        for low in order:
            assert high.includes(low) is (order.index(high) >= order.index(low))
    assert all(role.description for role in Role)


@pytest.mark.covers("ACC-02")
def test_operator_gets_403_with_an_explanation(cast: Cast) -> None:
    response = cast.bob.client.get(reverse("profiles:team"))
    assert response.status_code == 403
    body = response.content.decode()
    assert "Propriétaire" in body
    assert "Opérateur" in body
    assert (
        cast.bob.client.post(reverse("profiles:team_invite"), {"email": "x@y.test", "role": "owner"}).status_code == 403
    )


@pytest.mark.covers("ACC-02")
def test_navigation_hides_what_the_role_forbids(cast: Cast) -> None:
    url = reverse("profiles:account")
    assert reverse("profiles:team") in cast.alice.client.get(url).content.decode()
    assert reverse("profiles:team") not in cast.bob.client.get(url).content.decode()


@pytest.mark.covers("ACC-02")
def test_owner_changes_a_role(cast: Cast) -> None:
    member = _membership(cast, cast.bob.user)
    url = reverse("profiles:team_member_role", args=[member.pk])
    cast.alice.client.post(url, {"role": "manager"})
    member.refresh_from_db()
    assert member.role == Role.MANAGER
    cast.alice.client.post(url, {"role": "emperor"})
    member.refresh_from_db()
    assert member.role == Role.MANAGER


@pytest.mark.covers("ACC-02")
def test_owner_removes_a_member_whose_access_ends_at_once(cast: Cast) -> None:
    member = _membership(cast, cast.bob.user)
    assert cast.bob.client.get(reverse("billing:overview")).status_code == 200
    cast.alice.client.post(reverse("profiles:team_member_remove", args=[member.pk]))
    assert cast.bob.client.get(reverse("billing:overview")).status_code == 302
    assert User.objects.filter(pk=cast.bob.user.pk).exists()


@pytest.mark.covers("ACC-02")
@pytest.mark.parametrize("path", ["profiles:team_member_role", "profiles:team_member_remove"])
def test_last_owner_cannot_be_demoted_or_removed(cast: Cast, path: str) -> None:
    member = _membership(cast, cast.alice.user)
    response = cast.alice.client.post(reverse(path, args=[member.pk]), {"role": "reader"}, follow=True)
    assert "au moins un propriétaire" in response.content.decode()
    member.refresh_from_db()
    assert member.role == Role.OWNER


@pytest.mark.covers("ACC-02")
def test_one_of_two_owners_may_leave(cast: Cast) -> None:
    second = make_user(tenant=cast.tenant, role=Role.OWNER)
    team.member_remove(membership=_membership(cast, cast.alice.user))
    with pytest.raises(team.LastOwner):
        team.member_remove(membership=_membership(cast, second))


@pytest.mark.covers("ACC-02")
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_owners_demoting_each_other_leave_one_owner() -> None:
    tenant = make_tenant()
    members = [make_member(user=make_user(), tenant=tenant, role=Role.OWNER) for _ in range(2)]
    start = Barrier(2)
    outcomes: list[str] = []

    def demote(member: Membership) -> None:
        start.wait()
        try:
            team.member_role_change(membership=member, role=Role.READER)
            outcomes.append("done")
        except team.LastOwner:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [Thread(target=demote, args=[member]) for member in members]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(outcomes) == ["done", "refused"]
    assert Membership.objects.filter(tenant=tenant, role=Role.OWNER).count() == 1


def _invite(cast: Cast, email: str = "Dany@Example.test", role: str = "manager") -> str:
    cast.alice.client.post(reverse("profiles:team_invite"), {"email": email, "role": role})
    link = re.search(r"http://[^/]+(/\S+)", mail.outbox[-1].body)
    assert link
    return link.group(1)


@pytest.mark.covers("ACC-02")
def test_invited_person_creates_an_account_and_joins(cast: Cast, client: Client) -> None:
    path = _invite(cast)
    assert mail.outbox[0].to == ["dany@example.test"]
    assert "Alice" in mail.outbox[0].body
    assert "Gestionnaire" in mail.outbox[0].body
    weak = client.post(path, {"full_name": "Dany", "password1": "password", "password2": "password"})
    assert list(weak.context["form"].errors) == ["password1"]
    response = client.post(path, {"full_name": "Dany", "password1": PASSWORD, "password2": PASSWORD})
    assert response.status_code == 302
    member = Membership.objects.get(user__email="dany@example.test")
    assert (member.tenant, member.role) == (cast.tenant, Role.MANAGER)
    assert client.get(reverse("billing:overview")).status_code == 200
    assert "déjà été acceptée" in Client().get(path).content.decode()


@pytest.mark.covers("ACC-02", "ACC-03")
def test_invited_user_of_another_tenant_accepts_and_switches(cast: Cast) -> None:
    path = _invite(cast, email=cast.charlie.user.email, role="reader")
    assert "Accepter" in cast.charlie.client.get(path).content.decode()
    cast.charlie.client.post(path)
    assert _membership(cast, cast.charlie.user).role == Role.READER
    assert cast.tenant.name in cast.charlie.client.get(reverse("billing:overview")).content.decode()
    anonymous = Client().get(path)
    assert anonymous.status_code == 410


@pytest.mark.covers("ACC-04")
def test_invitation_of_somebody_else_cannot_be_accepted(cast: Cast) -> None:
    path = _invite(cast)
    page = cast.charlie.client.post(path)
    assert "destinée à dany@example.test" in page.content.decode()
    assert not Membership.objects.filter(tenant=cast.tenant, user=cast.charlie.user).exists()
    invitation = Invitation.objects.get(email="dany@example.test")
    with pytest.raises(team.InvitationRefused):
        team.invitation_accept(invitation=invitation, user=cast.charlie.user)


@pytest.mark.covers("ACC-02")
def test_expired_invitation_is_explained(cast: Cast, client: Client) -> None:
    path = _invite(cast)
    with time_machine.travel(timezone.now() + timedelta(days=8), tick=False):
        response = client.get(path)
        assert response.status_code == 410
        assert "expiré" in response.content.decode()
        user = make_user(email="dany@example.test")
        with pytest.raises(team.InvitationRefused):
            team.invitation_accept(invitation=Invitation.objects.get(), user=user)


@pytest.mark.covers("ACC-02")
def test_resending_or_cancelling_ends_the_earlier_link(cast: Cast, client: Client) -> None:
    first = _invite(cast)
    invitation = Invitation.objects.get()
    with time_machine.travel(timezone.now() + timedelta(minutes=5), tick=False):
        cast.alice.client.post(reverse("profiles:team_invitation_resend", args=[invitation.pk]))
    second = re.search(r"http://[^/]+(/\S+)", mail.outbox[-1].body)
    assert second
    assert client.get(first).status_code == 410
    assert client.get(second.group(1)).status_code == 200
    cast.alice.client.post(reverse("profiles:team_invitation_cancel", args=[invitation.pk]))
    assert client.get(second.group(1)).status_code == 410


@pytest.mark.covers("ACC-04")
def test_forged_token_is_refused(cast: Cast, client: Client) -> None:
    token = make_invitation(tenant=cast.tenant).token
    for forged in (token[:-2] + "xx", "a:b:c", token.split(":")[0]):
        assert client.get(reverse("profiles:invitation", args=[forged])).status_code == 410


@pytest.mark.covers("ACC-02")
def test_member_cannot_be_invited_twice(cast: Cast) -> None:
    response = cast.alice.client.post(
        reverse("profiles:team_invite"), {"email": cast.bob.user.email.upper(), "role": "reader"}
    )
    assert response.status_code == 422
    assert "déjà partie" in response.content.decode()
    _invite(cast)
    _invite(cast)
    assert Invitation.objects.filter(email="dany@example.test").count() == 1


@pytest.mark.covers("ACC-02")
def test_mail_failure_keeps_the_invitation_and_says_so(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("django.core.mail.EmailMultiAlternatives.send", fail)
    response = cast.alice.client.post(
        reverse("profiles:team_invite"), {"email": "dany@example.test", "role": "reader"}, follow=True
    )
    assert "pas pu partir" in response.content.decode()
    assert Invitation.objects.filter(email="dany@example.test").exists()


@pytest.mark.covers("LOG-06")
def test_the_owner_chooses_how_long_journals_are_kept_within_the_limits_of_the_host(cast: Cast, settings: Any) -> None:
    settings.ATOOSYNC_JOURNAL_DAYS = 90
    address = reverse("profiles:tenant")
    typed = {"name": cast.tenant.name, "time_zone": "Europe/Paris", "language": "fr"}
    body = cast.alice.client.get(address).content.decode()
    assert "De 7 à 90 jours" in body
    assert "<dd>90 jours</dd>" in body
    for wrong in ("6", "91"):
        refused = cast.alice.client.post(address, {**typed, "journal_days": wrong})
        assert "has-error" in refused.content.decode()
    cast.alice.client.post(address, {**typed, "journal_days": "30"})
    cast.tenant.refresh_from_db()
    assert cast.tenant.journal_days == 30
    assert "<dd>30 jours</dd>" in cast.alice.client.get(address).content.decode()
    assert cast.bob.client.get(address).status_code == 403
    cast.alice.client.post(address, {**typed, "journal_days": ""})
    cast.tenant.refresh_from_db()
    assert cast.tenant.journal_days is None
