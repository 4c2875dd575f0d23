"""Routes of accounts, tenants and teams; included by `profiles.urls`, hence inside the name space `profiles`."""

from django.urls import path

from profiles.views import account, styleguide, tenants

urlpatterns = [
    path("compte/", account.account, name="account"),
    path("compte/langue/", account.language, name="language"),
    path("compte/sans-entreprise/", account.no_tenant, name="no_tenant"),
    path("invitation/<str:token>/", account.invitation, name="invitation"),
    path("profils/<int:profile_id>/choisir/", account.profile_switch, name="profile_switch"),
    path("entreprise/", tenants.tenant, name="tenant"),
    path("entreprises/nouvelle/", tenants.tenant_new, name="tenant_new"),
    path("entreprises/<int:tenant_id>/choisir/", tenants.tenant_switch, name="tenant_switch"),
    path("equipe/", tenants.team, name="team"),
    path("equipe/inviter/", tenants.team_invite, name="team_invite"),
    path("equipe/invitations/<int:invitation_id>/renvoyer/", tenants.invitation_resend, name="team_invitation_resend"),
    path("equipe/invitations/<int:invitation_id>/annuler/", tenants.invitation_cancel, name="team_invitation_cancel"),
    path("equipe/membres/<int:membership_id>/role/", tenants.member_role, name="team_member_role"),
    path("equipe/membres/<int:membership_id>/retirer/", tenants.member_leave, name="team_member_remove"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
]
