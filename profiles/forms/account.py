"""Forms of accounts, tenants and teams."""

from __future__ import annotations

import zoneinfo
from functools import cache
from typing import Any, ClassVar

from allauth.account.forms import ChangePasswordForm, ResetPasswordKeyForm, SetPasswordForm, SignupForm
from django import forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles import retention
from profiles.models import Language, Role, Tenant, User
from profiles.team import tenant_create

PASSWORD_HELP = _("Au moins 8 caractères, ni trop courant, ni composé uniquement de chiffres.")


class _NewPassword:
    """A form with a password to choose, whose rules are one sentence as at the sign-up."""

    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].help_text = PASSWORD_HELP


class PasswordChangeForm(_NewPassword, ChangePasswordForm):  # type: ignore[misc]  # allauth ships no types
    """Another password in place of the present one."""


class PasswordSetForm(_NewPassword, SetPasswordForm):  # type: ignore[misc]
    """A first password."""


class PasswordResetForm(_NewPassword, ResetPasswordKeyForm):  # type: ignore[misc]
    """A password by the link of an e-mail."""


@cache
def time_zone_choices() -> list[tuple[str, str]]:
    """Names of the zones people live in, with spaces instead of underscores, Europe first."""
    names = [
        name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/"))
    ]
    names.sort(key=lambda name: (not name.startswith("Europe/"), name))
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names)]


class CompanySignupForm(SignupForm):  # type: ignore[misc]  # allauth ships no types
    """Sign-up of a person with their company: user, tenant and membership appear together or not at all."""

    company = forms.CharField(
        label=_("Entreprise"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    full_name = forms.CharField(
        label=_("Votre nom"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    field_order: ClassVar[list[str]] = ["company", "full_name", "email", "password1", "password2"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("Adresse e-mail professionnelle")
        self.fields["email"].widget.attrs["autocomplete"] = "email"
        self.fields["password1"].label = _("Mot de passe")
        self.fields["password1"].help_text = PASSWORD_HELP
        self.fields["password2"].label = _("Mot de passe (encore une fois)")
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)

    def clean_company(self) -> str:
        """Refuse a company name without a letter or a digit."""
        name = str(self.cleaned_data["company"]).strip()
        if not any(character.isalnum() for character in name):
            raise ValidationError(_("Saisissez le nom de votre entreprise."))
        return name

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        """Save inside one transaction; see allauth for the two results."""
        with transaction.atomic():
            result: tuple[User | None, HttpResponse | None] = super().try_save(request)
        return result

    def custom_signup(self, request: HttpRequest, user: User) -> None:
        """Create the tenant of the new user; called by allauth inside `try_save`."""
        super().custom_signup(request, user)
        tenant_create(name=self.cleaned_data["company"], owner=user)


class InvitedSignupForm(forms.Form):
    """Account of an invited person; the address comes from the invitation."""

    full_name = forms.CharField(
        label=_("Votre nom"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    password1 = forms.CharField(
        label=_("Mot de passe"),
        strip=False,
        help_text=PASSWORD_HELP,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password2 = forms.CharField(
        label=_("Mot de passe (encore une fois)"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean(self) -> dict[str, Any]:
        """Check that the passwords agree and are strong enough for this person."""
        cleaned = super().clean() or {}
        first, second = cleaned.get("password1"), cleaned.get("password2")
        if first and second and first != second:
            self.add_error("password2", _("Les deux mots de passe diffèrent."))
        if first:
            person = User(email=self.email, full_name=cleaned.get("full_name", ""))
            try:
                password_validation.validate_password(first, person)
            except ValidationError as error:
                self.add_error("password1", error)
        return cleaned


class AccountForm(forms.ModelForm[User]):
    """Name and language of the signed-in person."""

    class Meta:
        model = User
        fields = ["full_name", "language"]
        labels = {"full_name": _("Nom"), "language": _("Langue de l’interface")}
        help_texts = {"full_name": _("Affiché à vos collègues et dans les journaux.")}


class TenantForm(forms.ModelForm[Tenant]):
    """Name, time zone and language of a tenant."""

    time_zone = forms.ChoiceField(
        label=_("Fuseau horaire"),
        choices=time_zone_choices,
        initial="Europe/Paris",
        help_text=_("Les dates, les tâches planifiées et les journaux sont affichés dans ce fuseau."),
    )
    language = forms.ChoiceField(
        label=_("Langue des e-mails"), choices=Language.choices, help_text=_("Langue des invitations et des alertes.")
    )

    class Meta:
        model = Tenant
        fields = ["name", "time_zone", "language"]
        labels = {"name": _("Nom de l’entreprise")}


class TenantSettingsForm(TenantForm):
    """The same and how long journals are kept, within the limits of the host."""

    class Meta(TenantForm.Meta):
        fields = [*TenantForm.Meta.fields, "journal_days"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        least, most = retention.journal_days_min(), retention.journal_days_max()
        self.fields["journal_days"] = forms.IntegerField(
            label=_("Conservation des journaux (jours)"),
            min_value=least,
            max_value=most,
            required=False,
            help_text=gettext("De %(least)d à %(most)d jours. Vide : %(most)d jours, la durée prévue par l’hébergeur.")
            % {"least": least, "most": most},
        )


class InvitationForm(forms.Form):
    """Address and role of a person to invite."""

    email = forms.EmailField(
        label=_("Adresse e-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(label=_("Rôle"), choices=Role.choices, initial=Role.OPERATOR)


class RoleForm(forms.Form):
    """The role chosen for a member."""

    role = forms.ChoiceField(label=_("Rôle"), choices=Role.choices)
