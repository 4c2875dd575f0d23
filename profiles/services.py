"""What can be done with a profile; views, commands and the API call these and nothing deeper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone
from pydantic import ValidationError

from connectors import registry
from connectors.canonical.keys import Side
from connectors.core.options import OptionInfo, explain, is_visible
from connectors.core.problems import Problem
from connectors.core.results import CheckReport
from connectors.core.texts import stored
from profiles import connections, farewells, options_store
from profiles.models import MatchState, OptionsRevision, Profile, ReferenceList, Tenant, User
from profiles.options_store import Document, OptionsRefused


class ProfileRefused(Exception):
    """A profile cannot be made or changed as asked; the sentence says why."""


@dataclass(frozen=True, slots=True)
class MissingOption:
    """One entry of the set-up checklist: which option of which section is still empty (PRF-12)."""

    section: str
    section_title: str
    info: OptionInfo


@transaction.atomic
def profile_create(
    *,
    tenant: Tenant,
    name: str,
    erp: str,
    shop: str,
    document: Document | None = None,
    author: User | None = None,
    features: list[str] | None = None,
) -> Profile:
    """Creates a profile with its first settings, all or nothing.

    The first profile of a tenant becomes its default. Raises :class:`ProfileRefused` for a combination that does not
    work or a name already taken, and :class:`OptionsRefused` for invalid settings.
    """
    if not name.strip():
        raise ProfileRefused("Donnez un nom au profil.")
    if Profile.objects.for_tenant(tenant).filter(name=name.strip()).exists():
        raise ProfileRefused("Un profil porte déjà ce nom : choisissez-en un autre.")
    _require_combination(erp, shop)
    first = not Profile.objects.for_tenant(tenant).exists()
    profile: Profile = Profile.objects.create(
        tenant=tenant, name=name.strip(), erp=erp, shop=shop, is_default=first, features=features or ["products"]
    )
    if document:
        options_store.save(profile, document, author=author, note="création")
    return profile


def _require_combination(erp: str, shop: str) -> None:
    try:
        sides = (registry.by_key(erp).side, registry.by_key(shop).side)
    except LookupError:
        raise ProfileRefused("Ce connecteur n’est pas installé.") from None
    if sides != (Side.ERP, Side.SHOP):
        raise ProfileRefused("Un profil relie un ERP à une boutique.")


def combinations() -> list[tuple[Any, list[Any]]]:
    """Every ERP with the shops it can be linked to: those with at least one capability in common (PRF-01)."""
    offers = []
    for erp in registry.all_of(Side.ERP):
        shops = [shop for shop in registry.all_of(Side.SHOP) if erp.capabilities.keys() & shop.capabilities.keys()]
        if shops:
            offers.append((erp, shops))
    return offers


@transaction.atomic
def profile_clone(profile: Profile, *, name: str, author: User | None) -> Profile:
    """Copies settings and reference lists under a new name, without links, journals and secrets (PRF-06)."""
    copy = profile_create(
        tenant=profile.tenant,
        name=name,
        erp=profile.erp,
        shop=profile.shop,
        author=author,
        features=list(profile.features),
    )
    revision = options_store.current_revision(profile)
    if revision:
        OptionsRevision.objects.create(
            profile=copy, document=revision.document, versions=revision.versions, author=author, note="copie"
        )
    lists = ReferenceList.objects.filter(profile=profile)
    ReferenceList.objects.bulk_create(
        ReferenceList(profile=copy, side=row.side, name=row.name, items=row.items, refreshed_at=row.refreshed_at)
        for row in lists
    )
    return copy


def profile_find(text: str) -> Profile:
    """The profile of a number or a name, with its tenant. Raises :class:`ProfileRefused` for none or several."""
    rows = Profile.objects.select_related("tenant")
    numbered = list(rows.filter(pk=int(text))) if text.isdecimal() else []
    found: list[Profile] = numbered or list(rows.filter(name=text)[:2])
    if len(found) > 1:
        raise ProfileRefused("Plusieurs profils ont ce nom : donnez le numéro.")
    if not found:
        raise ProfileRefused("Aucun profil de ce nom.")
    return found[0]


def profile_rename(profile: Profile, name: str) -> None:
    """Gives a profile another name. Raises :class:`ProfileRefused` when it is empty or taken."""
    wanted = name.strip()
    if not wanted:
        raise ProfileRefused("Donnez un nom au profil.")
    if Profile.objects.for_tenant(profile.tenant).filter(name=wanted).exclude(pk=profile.pk).exists():
        raise ProfileRefused("Un profil porte déjà ce nom : choisissez-en un autre.")
    profile.name = wanted
    profile.save(update_fields=["name"])


@transaction.atomic
def profile_make_default(profile: Profile) -> None:
    """Makes this the profile that pages open with."""
    Profile.objects.for_tenant(profile.tenant).filter(is_default=True).update(is_default=False)
    Profile.objects.filter(pk=profile.pk).update(is_default=True)


def profile_delete(profile: Profile, *, typed_name: str) -> list[Problem]:
    """Deletes a profile with its settings, links and journals, once its name was typed. Raises otherwise.

    What was registered in its shop is removed there first; returned is what could not be.
    """
    if typed_name.strip() != profile.name:
        raise ProfileRefused("Le nom saisi n’est pas celui du profil : rien n’a été supprimé.")
    left = farewells.say(profile)
    profile.delete()
    return left


def connection_check(profile: Profile, side: Side, values: dict[str, Any] | None = None) -> CheckReport:
    """Tests one side with its stored settings, or with ``values`` just typed; empty secrets keep the stored ones.

    Raises :class:`OptionsRefused` when the values are not even valid. A good test clears the profile's problem.
    """
    spec = profile.erp_spec if side is Side.ERP else profile.shop_spec
    options = _options_for_check(profile, side, values)
    report = connections.check(spec, options)
    if report.ok and values is None:
        problem_clear(profile)
    return report


def _options_for_check(profile: Profile, side: Side, values: dict[str, Any] | None) -> Any:
    section = options_store.sections_of(profile)[side.value]
    if values is None:
        return options_store.load_section(profile, side.value)
    try:
        return options_store.merged(profile, section, side.value, values)
    except ValidationError as error:
        raise OptionsRefused({side.value: explain(error)}) from None


def check_values(erp_or_shop: str, values: dict[str, Any]) -> CheckReport:
    """Tests a connector with values that belong to no profile yet (wizard, command line)."""
    spec = registry.by_key(erp_or_shop)
    try:
        options = spec.options(**values)
    except ValidationError as error:
        raise OptionsRefused({spec.side.value: explain(error)}) from None
    return connections.check(spec, options)


def problem_set(profile: Profile, problem: Problem) -> None:
    """Flags a profile with the reason its runs stop; shown on every page of the profile."""
    Profile.objects.filter(pk=profile.pk).update(
        problem_code=problem.code,
        problem_at=timezone.now(),
        **stored(problem_sentence=problem.said, problem_advice=problem.advised),
    )


def problem_clear(profile: Profile) -> None:
    """Takes the flag away. May be called at any time."""
    Profile.objects.filter(pk=profile.pk).exclude(problem_code="").update(
        problem_code="", problem_sentence="", problem_advice="", told=None, problem_at=None
    )


def match_approve(profile: Profile) -> None:
    """Records that a person accepted the match report: flows may write from now on."""
    Profile.objects.filter(pk=profile.pk).update(match_state=MatchState.APPROVED)


def missing_options(profile: Profile, flow: str) -> list[MissingOption]:
    """Mandatory settings still empty for one flow, each with its place (PRF-12). Empty list: the flow may start."""
    missing = []
    for name, section in options_store.sections_of(profile).items():
        values = options_store.effective(profile, name)
        held = {option for part, option in options_store.secrets_set(profile) if part == name}
        for info in section.infos().values():
            wanted = info.is_needed_by(flow)
            empty = values.get(info.name) in (None, "", [], (), {}) and info.name not in held
            if wanted and empty and is_visible(info, values):
                missing.append(MissingOption(name, section.title, info))
    return missing


def export_document(profile: Profile) -> dict[str, Any]:
    """The profile as plain data for a YAML file: connectors and settings, never a secret (PRF-10)."""
    return {
        "name": profile.name,
        "erp": profile.erp,
        "shop": profile.shop,
        "features": profile.features,
        "options": options_store.stored(profile),
    }
