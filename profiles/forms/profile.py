"""Forms of profiles as such: name, choice of systems."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from profiles.features import Feature


class ProfileNameForm(forms.Form):
    """The name of a profile, new or changed."""

    name = forms.CharField(
        label=_("Nom du profil"), max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


class ProfileCreateForm(ProfileNameForm):
    """Last step of the wizard: features and name."""

    features = forms.MultipleChoiceField(
        label=_("Fonctions"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choisissez au moins une fonction.")},
    )

    def __init__(self, *args: Any, features: list[Feature], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(feature.key, feature.label) for feature in features]
        self.fields["features"].choices = choices  # type: ignore[attr-defined]  # a choice field
