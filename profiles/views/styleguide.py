"""The style guide: every component on one page, for those who build pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from profiles.access import require_sign_in
from profiles.models import User

STATES = ("queued", "running", "stopping", "succeeded", "partial", "failed", "stopped", "quota", "paused")


class SampleForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(label="Nom du profil", help_text="Affiché dans le sélecteur de profils.")
    url = forms.URLField(label="Adresse de la boutique", assume_scheme="https")
    mode = forms.ChoiceField(label="Stock envoyé", choices=[("real", "Stock réel"), ("term", "Stock à terme")])
    weight = forms.DecimalField(label="Poids", required=False)
    enabled = forms.BooleanField(label="Envoyer le code-barres", required=False, help_text="EAN-13 vérifié.")
    side = forms.ChoiceField(label="Type", choices=[("g", "GesCom"), ("c", "Compta")], widget=forms.RadioSelect)
    notes = forms.CharField(label="Notes", widget=forms.Textarea, required=False)


@require_sign_in
@require_GET
def styleguide(request: HttpRequest) -> HttpResponse:
    """Show all components; only while developing, or to the host's staff."""
    if not (settings.DEBUG or (isinstance(request.user, User) and request.user.is_staff)):
        raise Http404
    bound = SampleForm({"name": "", "url": "pas une adresse", "mode": "real"})
    context: dict[str, Any] = {
        "form": SampleForm(),
        "bound": bound,
        "states": STATES,
        "page": Paginator(range(1, 204), 10).get_page(request.GET.get("page")),
        "chart": {
            "labels": ["Juin", "Juillet", "Août", "Septembre", "Octobre", "Novembre"],
            "datasets": [
                {"label": "Articles", "data": [120, 190, 30, 210, 260, 320]},
                {"label": "Stocks", "data": [220, 150, 280, 310, 240, 410]},
            ],
        },
    }
    return render(request, "profiles/styleguide.html", context)
