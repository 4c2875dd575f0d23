"""Creating tenants and changing who belongs to them: the only writer of memberships and invitations."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from profiles.models import Invitation, Membership, Role, Tenant, User, email_normalize
from profiles.models.tenant import INVITATION_LIFETIME


class TeamError(Exception):
    """A change of the team that is refused; `str()` is a sentence for the person who asked."""


class LastOwner(TeamError):
    """The change would leave the tenant without an owner."""

    def __init__(self) -> None:
        super().__init__(_("Une entreprise garde au moins un propriétaire : nommez-en d’abord un autre."))


class InvitationRefused(TeamError):
    """The invitation cannot be made or accepted."""


@transaction.atomic
def tenant_create(*, name: str, owner: User, language: str | None = None) -> Tenant:
    """Create a tenant with `owner` as its first owner, and make it the owner's current tenant."""
    tenant = Tenant.objects.create(name=name.strip(), language=language or owner.language)
    Membership.objects.create(user=owner, tenant=tenant, role=Role.OWNER)
    owner.current_tenant = tenant
    owner.save(update_fields=["current_tenant"])
    return tenant


@transaction.atomic
def member_role_change(*, membership: Membership, role: Role) -> None:
    """Give a member another role; may be called twice. Raises `LastOwner`."""
    _lock_team(membership.tenant_id)
    membership.refresh_from_db()
    if role is not Role.OWNER:
        _refuse_last_owner(membership)
    membership.role = role
    membership.save(update_fields=["role"])


@transaction.atomic
def member_remove(*, membership: Membership) -> None:
    """Take a member out of the tenant; the account itself stays. Raises `LastOwner`."""
    _lock_team(membership.tenant_id)
    membership.refresh_from_db()
    _refuse_last_owner(membership)
    User.objects.filter(pk=membership.user_id, current_tenant_id=membership.tenant_id).update(current_tenant=None)
    membership.delete()


def _lock_team(tenant_id: int) -> None:
    # Two owners demoting each other at the same instant would both still see the other as owner.
    Tenant.objects.select_for_update().get(pk=tenant_id)


def _refuse_last_owner(membership: Membership) -> None:
    if membership.role != Role.OWNER:
        return
    others = Membership.objects.for_tenant(membership.tenant_id).filter(role=Role.OWNER).exclude(pk=membership.pk)
    if not others.exists():
        raise LastOwner


@transaction.atomic
def invitation_create(*, tenant: Tenant, email: str, role: Role, by: User) -> Invitation:
    """Create (or renew) the invitation of an address, to be sent by `invitation_send` after the commit.

    Raises `InvitationRefused` when the address already belongs to a member.
    """
    email = email_normalize(email)
    if Membership.objects.for_tenant(tenant).filter(user__email=email).exists():
        raise InvitationRefused(_("Cette personne fait déjà partie de l’équipe."))
    now = timezone.now()
    invitation, _created = Invitation.objects.update_or_create(
        tenant=tenant,
        email=email,
        accepted_at=None,
        defaults={"role": role, "invited_by": by, "sent_at": now, "expires_at": now + INVITATION_LIFETIME},
    )
    created: Invitation = invitation
    return created


def invitation_renew(*, invitation: Invitation) -> None:
    """Start the validity of an invitation anew; links sent earlier end."""
    invitation.sent_at = timezone.now()
    invitation.expires_at = invitation.sent_at + INVITATION_LIFETIME
    invitation.save(update_fields=["sent_at", "expires_at"])


def invitation_send(*, invitation: Invitation) -> None:
    """Send the invitation by e-mail in the tenant's language; raises `OSError` when the mail server fails."""
    invitation.refresh_from_db()
    with translation.override(invitation.tenant.language):
        path = reverse("profiles:invitation", args=[invitation.token])
        context = {"invitation": invitation, "tenant": invitation.tenant, "link": f"{settings.PUBLIC_URL}{path}"}
        subject = _("%(tenant)s vous invite à rejoindre AtooSync") % {"tenant": invitation.tenant.name}
        message = EmailMultiAlternatives(
            subject=subject,
            body=render_to_string("emails/invitation.txt", context),
            to=[invitation.email],
        )
        message.attach_alternative(render_to_string("emails/invitation.html", context), "text/html")
    message.send()


@transaction.atomic
def invitation_accept(*, invitation: Invitation, user: User) -> Membership:
    """Make the invited user a member and the tenant their current one; accepted twice, it changes nothing more.

    Raises `InvitationRefused` for an ended invitation or a user with another address.
    """
    locked = Invitation.objects.select_for_update().select_related("tenant").get(pk=invitation.pk)
    if user.email != locked.email:
        raise InvitationRefused(_("Cette invitation est destinée à une autre adresse e-mail."))
    if locked.accepted_at is None and not locked.is_open:
        raise InvitationRefused(_("Cette invitation a expiré ; demandez-en une nouvelle."))
    if locked.accepted_at is not None:
        return _existing_membership(locked, user)
    membership, _created = Membership.objects.get_or_create(
        user=user, tenant=locked.tenant, defaults={"role": locked.role}
    )
    locked.accepted_at = timezone.now()
    locked.save(update_fields=["accepted_at"])
    user.current_tenant = locked.tenant
    user.save(update_fields=["current_tenant"])
    joined: Membership = membership
    return joined


def _existing_membership(invitation: Invitation, user: User) -> Membership:
    found: Membership | None = Membership.objects.for_tenant(invitation.tenant).filter(user=user).first()
    if found is None:
        raise InvitationRefused(_("Cette invitation a déjà été utilisée."))
    return found
