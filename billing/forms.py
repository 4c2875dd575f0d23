"""Form of the host who books units by hand, and the filter of the ledger."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing import ledger
from billing.models import Kind, LedgerEntry, Movement
from profiles.models import Tenant

UNITS_MAX = 1_000_000_000


def _fresh_key() -> str:
    return f"booking/{uuid.uuid4()}"


class BookingForm(forms.Form):
    """Units booked for a tenant; the hidden key makes a form that is sent twice book once."""

    tenant = forms.ModelChoiceField(
        label=gettext_lazy("Entreprise"), queryset=Tenant.objects.order_by("name", "pk"), empty_label=""
    )
    kind = forms.ChoiceField(label=gettext_lazy("Compteur"), choices=Kind.choices, widget=forms.RadioSelect)
    movement = forms.ChoiceField(
        label=gettext_lazy("Mouvement"),
        choices=[
            (Movement.CREDIT.value, Movement.CREDIT.label),
            (Movement.CORRECTION.value, Movement.CORRECTION.label),
        ],
        initial=Movement.CREDIT.value,
        help_text=gettext_lazy("Un crédit ajoute des unités achetées ; une correction en ajoute ou en retire."),
    )
    units = forms.IntegerField(
        label=gettext_lazy("Nombre d’unités"),
        min_value=-UNITS_MAX,
        max_value=UNITS_MAX,
        help_text=gettext_lazy("Négatif pour une correction qui retire des unités."),
    )
    note = forms.CharField(
        label=gettext_lazy("Remarque"),
        max_length=255,
        required=False,
        help_text=gettext_lazy("Numéro de facture ou motif, visible par l’entreprise."),
    )
    key = forms.CharField(max_length=100, initial=_fresh_key, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """Refuse a number of units that does not fit the movement."""
        cleaned = super().clean() or {}
        units, movement = cleaned.get("units"), cleaned.get("movement")
        if units == 0 or (units is not None and units < 0 and movement == Movement.CREDIT):
            self.add_error("units", _("Saisissez un nombre d’unités supérieur à zéro."))
        return cleaned

    def book(self, *, actor: str) -> LedgerEntry | None:
        """Book the units of a valid form; None, with an error at its field, when the ledger refuses."""
        values = self.cleaned_data
        action = ledger.credit if values["movement"] == Movement.CREDIT else ledger.correct
        try:
            return action(
                tenant_id=values["tenant"].pk,
                kind=values["kind"],
                units=values["units"],
                key=values["key"],
                note=values["note"],
                actor=actor,
            )
        except ledger.Exhausted as refusal:
            available = {"available": refusal.available}
            self.add_error("units", ValidationError(_("Il ne reste que %(available)d unités disponibles.") % available))
        except ledger.KeyConflict:
            self.add_error(None, _("Ce formulaire a déjà servi pour un autre mouvement : rechargez la page."))
        return None


class LedgerFilter(forms.Form):
    """What the ledger page shows; unknown values count as none."""

    kind = forms.ChoiceField(
        label=gettext_lazy("Compteur"), choices=[("", gettext_lazy("Tous")), *Kind.choices], required=False
    )
    movement = forms.ChoiceField(
        label=gettext_lazy("Mouvement"), choices=[("", gettext_lazy("Tous")), *Movement.choices], required=False
    )

    def lookup(self) -> dict[str, str]:
        """Return the conditions on ledger entries."""
        self.is_valid()
        paths = {"kind": "account__kind", "movement": "movement"}
        return {path: self.cleaned_data[name] for name, path in paths.items() if self.cleaned_data.get(name)}
