"""Models of the application, re-exported one by one."""

from profiles.models.profile import (
    MatchState,
    OptionsRevision,
    Profile,
    ProfileState,
    ReferenceList,
    Secret,
)
from profiles.models.tenant import (
    Invitation,
    Membership,
    Role,
    Tenant,
    TenantQuerySet,
    tenant_path,
)
from profiles.models.user import Language, User, UserManager, email_normalize

__all__ = [
    "Invitation",
    "Language",
    "MatchState",
    "Membership",
    "OptionsRevision",
    "Profile",
    "ProfileState",
    "ReferenceList",
    "Role",
    "Secret",
    "Tenant",
    "TenantQuerySet",
    "User",
    "UserManager",
    "email_normalize",
    "tenant_path",
]
