"""Settings of a profile: load (upgraded, validated, secrets opened), save (validated, as a new revision), defaults."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from pydantic import SecretStr, ValidationError

from connectors.canonical.keys import Side
from connectors.core.options import OptionError, OptionsSection, explain
from connectors.core.problems import Misconfigured
from connectors.core.redaction import register_secret
from connectors.core.texts import Text, joined
from profiles.models import OptionsRevision, Profile, Secret, User
from profiles.secrets import SecretUnreadable, seal, unseal
from profiles.sections import FLOW_SECTIONS

Document = dict[str, dict[str, Any]]


class OptionsRefused(Exception):
    """Some settings are invalid. ``errors`` maps each section to its refused values; nothing was saved."""

    def __init__(self, errors: Mapping[str, list[OptionError]]) -> None:
        lines = [f"{section}.{error.name}: {error.text()}" for section, found in errors.items() for error in found]
        super().__init__("; ".join(lines))
        self.errors = errors

    @property
    def said(self) -> Text:
        """Every refused value, for readers of any language."""
        sentence = "%(place)s : %(reason)s"
        lines = [
            Text(sentence, {"place": f"{section}.{error.name}", "reason": error.said})
            for section, found in self.errors.items()
            for error in found
        ]
        return joined(*lines)


@dataclass(frozen=True, slots=True)
class ProfileOptions:
    """Every section of a profile, validated. ``revision`` identifies the state they come from."""

    sections: Mapping[str, OptionsSection]
    revision: int

    def __getitem__(self, name: str) -> Any:
        return self.sections[name]

    def without(self, names: Collection[str]) -> ProfileOptions:
        """The same state without some sections: reading one of them raises ``KeyError``."""
        kept = {name: section for name, section in self.sections.items() if name not in names}
        return ProfileOptions(kept, self.revision)


def sections_of(profile: Profile) -> dict[str, type[OptionsSection]]:
    """Section classes of a profile in the order of its tabs: both connectors, then the flows."""
    found: dict[str, type[OptionsSection]] = {
        Side.ERP.value: profile.erp_spec.options,
        Side.SHOP.value: profile.shop_spec.options,
    }
    found.update({section.section: section for section in FLOW_SECTIONS})
    return found


def current_revision(profile: Profile) -> OptionsRevision | None:
    """The newest revision, or ``None`` for a profile that was never configured."""
    return OptionsRevision.objects.filter(profile=profile).order_by("-pk").first()


def stored(profile: Profile) -> Document:
    """The stored document, upgraded to today's versions, without secrets. Unset options are absent."""
    revision = current_revision(profile)
    return {} if revision is None else document_of(profile, revision)


def document_of(profile: Profile, revision: OptionsRevision) -> Document:
    """The document of any revision as today's sections read it; sections that no longer exist are left out."""
    document: Document = {}
    for name, section in sections_of(profile).items():
        values = dict(revision.document.get(name, {}))
        version = int(revision.versions.get(name, section.version))
        document[name] = section.upgrade(values, version) if version < section.version else values
    return document


def changed_since(profile: Profile, revision: int, *, ignoring: Collection[str]) -> bool:
    """Whether any section but the ignored ones reads otherwise now than at an earlier revision.

    A revision that no longer exists counts as changed. Secrets are not compared: they change nothing that is sent.
    """
    latest = current_revision(profile)
    if latest is None or latest.pk == revision:
        return False
    earlier = OptionsRevision.objects.filter(profile=profile, pk=revision).first()
    if earlier is None:
        return True
    then, now = document_of(profile, earlier), document_of(profile, latest)
    return any(then.get(name) != now.get(name) for name in now if name not in ignoring)


def secrets_set(profile: Profile) -> set[tuple[str, str]]:
    """Which secrets have a value, as (section, option); the values stay closed."""
    return set(Secret.objects.filter(profile=profile).values_list("section", "name"))


def load(profile: Profile) -> ProfileOptions:
    """Every section, validated and with its secrets. Raises :class:`OptionsRefused` naming each bad setting."""
    revision = current_revision(profile)
    document = stored(profile)
    loaded: dict[str, OptionsSection] = {}
    errors: dict[str, list[OptionError]] = {}
    for name, section in sections_of(profile).items():
        try:
            loaded[name] = section(**document.get(name, {}), **_opened_secrets(profile, name, section))
        except ValidationError as error:
            errors[name] = explain(error)
        except SecretUnreadable:
            errors[name] = [OptionError("", "Un secret ne peut plus être déchiffré : saisissez-le à nouveau.", {})]
    if errors:
        raise OptionsRefused(errors)
    return ProfileOptions(loaded, revision.pk if revision else 0)


def load_section(profile: Profile, name: str) -> OptionsSection:
    """One section alone, so that a connection can be tested while other sections are still incomplete."""
    section = sections_of(profile)[name]
    try:
        return section(**stored(profile).get(name, {}), **_opened_secrets(profile, name, section))
    except ValidationError as error:
        raise OptionsRefused({name: explain(error)}) from None
    except SecretUnreadable:
        sentence = "Un secret ne peut plus être déchiffré : saisissez-le à nouveau."
        raise OptionsRefused({name: [OptionError("", sentence, {})]}) from None


def _opened_secrets(profile: Profile, name: str, section: type[OptionsSection]) -> dict[str, SecretStr]:
    wanted = section.secret_names()
    if not wanted:
        return {}
    rows = Secret.objects.filter(profile=profile, section=name, name__in=wanted)
    opened = {row.name: unseal(row.ciphertext) for row in rows}
    for plain in opened.values():
        register_secret(plain)
    return {option_name: SecretStr(plain) for option_name, plain in opened.items()}


def save(profile: Profile, changes: Document, *, author: User | None, note: str = "") -> OptionsRevision:
    """Validates and stores new values, all or nothing, as a new revision.

    ``changes`` maps sections to option values; options left out keep their value. A secret that is empty or absent
    keeps its value; ``None`` removes it. Raises :class:`OptionsRefused`. Saving equal values makes no new revision.
    """
    document = stored(profile)
    sections = sections_of(profile)
    errors: dict[str, list[OptionError]] = {}
    secrets: list[tuple[str, str, str | None]] = []
    for name, values in changes.items():
        if name not in sections:
            errors[name] = [OptionError("", "Cette partie des réglages n’existe pas.", {})]
            continue
        try:
            document[name] = _validated(profile, sections[name], name, {**document.get(name, {}), **values})
        except ValidationError as error:
            errors[name] = explain(error)
            continue
        refused = _refused_expressions(profile, sections[name], values)
        if refused:
            errors[name] = refused
            continue
        secrets += [(name, key, values[key]) for key in sections[name].secret_names() if key in values]
    if errors:
        raise OptionsRefused(errors)
    return _write(profile, document, secrets, author=author, note=note)


def restore(profile: Profile, revision: OptionsRevision, *, author: User | None, note: str = "") -> OptionsRevision:
    """Makes an earlier state the present one, as a new revision, upgraded as loading does; secrets stay as they are.

    Options that the earlier state does not name keep their value. Raises :class:`OptionsRefused`.
    """
    earlier = {name: values for name, values in document_of(profile, revision).items() if values}
    return save(profile, earlier, author=author, note=note)


def _refused_expressions(
    profile: Profile, section: type[OptionsSection], values: Mapping[str, Any]
) -> list[OptionError]:
    """What the ERP's connector says of each filter that is no condition in its language: the finding and the advice."""
    check = profile.erp_spec.check_expression
    found: list[OptionError] = []
    for name, info in section.infos().items():
        if check is None or not info.expression or not values.get(name):
            continue
        try:
            check(str(values[name]))
        except Misconfigured as error:
            problem = error.problem
            texts = [text for text in (problem.sentence, problem.advice) if text]
            found += [OptionError(name, text, problem.values) for text in texts]
    return found


def _validated(profile: Profile, section: type[OptionsSection], name: str, values: dict[str, Any]) -> dict[str, Any]:
    secret_names = section.secret_names()
    loaded = merged(profile, section, name, values)
    plain = {key for key in values if key not in secret_names}
    return loaded.model_dump(mode="json", include=plain)


def merged(profile: Profile, section: type[OptionsSection], name: str, values: dict[str, Any]) -> OptionsSection:
    """A section made of ``values`` and the stored secrets that ``values`` neither replaces nor removes.

    Raises ``ValidationError``. Nothing is stored.
    """
    secret_names = section.secret_names()
    opened = _opened_secrets(profile, name, section)
    given = {key: value for key, value in values.items() if key in secret_names and value}
    plain = {key: value for key, value in values.items() if key not in secret_names}
    removed = {key for key, value in values.items() if key in secret_names and value is None}
    kept = {key: value for key, value in opened.items() if key not in removed}
    return section(**plain, **{**kept, **given})


@transaction.atomic
def _write(
    profile: Profile,
    document: Document,
    secrets: list[tuple[str, str, str | None]],
    *,
    author: User | None,
    note: str,
) -> OptionsRevision:
    for section, name, value in secrets:
        if value is None:
            Secret.objects.filter(profile=profile, section=section, name=name).delete()
        elif value:
            plain = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            Secret.objects.update_or_create(
                profile=profile, section=section, name=name, defaults={"ciphertext": seal(plain)}
            )
    latest = current_revision(profile)
    changed_secret = any(value or value is None for _, _, value in secrets)
    if latest is not None and latest.document == document and not changed_secret:
        return latest
    versions = {name: section.version for name, section in sections_of(profile).items()}
    return OptionsRevision.objects.create(
        profile=profile, document=document, versions=versions, author=author, note=note
    )


def effective(profile: Profile, name: str) -> dict[str, Any]:
    """Stored values of one section over its defaults, without secrets: what a form shows. Never raises."""
    section = sections_of(profile)[name]
    values = {key: info.default for key, info in section.infos().items() if not info.is_secret and not info.required}
    values.update(stored(profile).get(name, {}))
    return values
