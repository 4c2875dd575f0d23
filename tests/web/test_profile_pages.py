"""Wizard, list, overview, settings, connection test, reference lists, history of a profile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import groupby
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connectors.canonical.keys import Side
from connectors.core.problems import CredentialsRefused, Problem
from connectors.core.results import CheckItem, CheckReport, CheckState, Choice
from profiles import catalogs, health, options_store, services
from profiles.management.commands.connector import report_document
from profiles.models import OptionsRevision, Profile, ReferenceList, Role, Secret
from profiles.views import profile_pages
from tests.factories import make_profile, make_tenant, make_user
from tests.web.conftest import Cast

SHOP_KEYS = {"url": "https://boutique.example", "consumer_key": "ck_canary_77", "consumer_secret": "cs_canary_77"}


def _settings(profile: Profile, section: str) -> str:
    return reverse("profiles:settings", args=[profile.pk, section])


def _post(client: Client, profile: Profile, section: str, **values: Any) -> Any:
    return client.post(_settings(profile, section), {f"{section}-{name}": value for name, value in values.items()})


def _full(profile: Profile, section: str, **changes: Any) -> dict[str, Any]:
    """What a browser posts for a section with its present values and some changes."""
    posted: dict[str, Any] = {}
    for name, value in {**options_store.effective(profile, section), **changes}.items():
        plain = getattr(value, "value", value)
        if plain is False or plain is None or isinstance(plain, dict):
            continue
        posted[name] = "on" if plain is True else plain
    return posted


@pytest.mark.covers("PRF-01")
def test_wizard_offers_only_what_works_and_creates_the_profile(cast: Cast) -> None:
    client = cast.alice.client
    url = reverse("profiles:wizard")
    assert "?kind=gescom" in client.get(url).content.decode()
    assert "compta" not in client.get(url).content.decode(), "no installed connector serves accounting"
    assert "Sage 100" in client.get(f"{url}?kind=gescom").content.decode()
    page = client.get(f"{url}?kind=gescom&erp=sage100").content.decode()
    assert "shop=woocommerce" in page
    last = f"{url}?kind=gescom&erp=sage100&shop=woocommerce"
    page = client.get(last).content.decode()
    assert 'value="products"' in page
    assert 'value="orders"' in page
    assert 'value="customers"' in page
    assert 'value="accounting"' not in page
    response = client.post(last, {"name": "Ma boutique", "features": ["products"]})
    profile = Profile.objects.get(tenant=cast.tenant)
    assert response.headers["Location"] == f"{_settings(profile, 'erp')}?assistant=1"
    assert (profile.name, profile.erp, profile.shop, profile.kind) == (
        "Ma boutique",
        "sage100",
        "woocommerce",
        "gescom",
    )
    assert (profile.features, profile.is_default) == (["products"], True)


@pytest.mark.covers("PRF-01")
@pytest.mark.parametrize(
    "query", ["?kind=nothing", "?kind=gescom&erp=nothing", "?kind=gescom&erp=sage100&shop=nothing"]
)
def test_wizard_falls_back_to_the_step_that_is_wrong(cast: Cast, query: str) -> None:
    response = cast.alice.client.get(reverse("profiles:wizard") + query)
    assert response.status_code == 200
    assert "Nouveau profil" in response.content.decode()


@pytest.mark.covers("PRF-01")
def test_wizard_refuses_a_taken_name_and_no_feature(cast: Cast) -> None:
    make_profile(tenant=cast.tenant, name="Ma boutique")
    last = reverse("profiles:wizard") + "?kind=gescom&erp=sage100&shop=woocommerce"
    taken = cast.alice.client.post(last, {"name": "Ma boutique", "features": ["products"]})
    assert "déjà ce nom" in taken.content.decode()
    none = cast.alice.client.post(last, {"name": "Autre"})
    assert "au moins une fonction" in none.content.decode()
    forged = cast.alice.client.post(last, {"name": "Autre", "features": ["accounting"]})
    assert forged.status_code == 200
    assert Profile.objects.count() == 1


@pytest.mark.covers("PRF-01")
def test_wizard_walks_through_connections_and_settings(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = make_profile(tenant=cast.tenant)
    read: list[Side] = []
    monkeypatch.setattr(
        catalogs, "refresh", lambda _profile, side: read.append(side) or catalogs.RefreshReport({"taxes": 3}, {})
    )
    client, address, visited = cast.alice.client, f"{_settings(profile, 'erp')}?assistant=1", []
    values = {"erp": {"kind": "sqlite", "path": "/data/demo.sqlite3"}, "shop": SHOP_KEYS}
    while "assistant" in address:
        section = address.split("/")[-2]
        visited.append(section)
        posted = {
            f"{section}-{name}": value for name, value in _full(profile, section, **values.get(section, {})).items()
        }
        response = client.post(address, posted)
        assert response.status_code == 302, response.context["form"].errors
        address = response.headers["Location"]
    assert visited == ["erp", "shop", "products", "categories", "prices", "stock", "state"]
    assert address == reverse("profiles:profile", args=[profile.pk])
    assert read == [Side.ERP, Side.SHOP], "the lists are read as soon as a connection is saved"
    assert client.get(f"{_settings(profile, 'advanced')}?assistant=1").status_code == 404


@pytest.mark.covers("PRF-01", "PRF-04")
def test_wizard_stays_on_a_connection_that_does_not_work(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    address = f"{_settings(profile, 'erp')}?assistant=1"
    values = _full(profile, "erp", kind="sqlite", path="/nowhere/demo.sqlite3")
    response = cast.alice.client.post(address, {f"erp-{name}": value for name, value in values.items()}, follow=True)
    assert response.redirect_chain == [(address, 302)]
    assert "demo.sqlite3" in response.content.decode()
    loaded: Any = options_store.load_section(profile, "erp")
    assert loaded.path == "/nowhere/demo.sqlite3", "what was typed is kept"


@pytest.mark.covers("PRF-02")
def test_list_shows_profiles_with_last_run_and_health(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = make_profile(tenant=cast.tenant, name="Boutique A", problem_code="x", problem_sentence="Clé refusée.")
    make_profile(tenant=cast.tenant, name="Vieux", shop="no-longer-installed")
    run = health.LastRun("Exporter les articles", "partial", timezone.now() - timedelta(minutes=5), "/journaux/1/")
    monkeypatch.setattr(health, "_providers", [lambda profiles: {profile.pk: run}])
    page = cast.bob.client.get(reverse("profiles:list")).content.decode()
    for text in ("Boutique A", "Clé refusée.", "Exporter les articles", "Partiellement réussie", "no-longer-installed"):
        assert text in page


@pytest.mark.covers("PRF-02")
def test_list_needs_a_constant_number_of_queries(cast: Cast, django_assert_num_queries: Any) -> None:
    make_profile(tenant=cast.tenant)
    url = reverse("profiles:list")
    cast.alice.client.get(url)
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as one:
        cast.alice.client.get(url)
    for _ in range(5):
        make_profile(tenant=cast.tenant)
    with django_assert_num_queries(len(one)):
        cast.alice.client.get(url)


@pytest.mark.covers("PRF-02")
def test_empty_list_leads_to_the_wizard(cast: Cast) -> None:
    assert reverse("profiles:wizard") in cast.alice.client.get(reverse("profiles:list")).content.decode()


@pytest.mark.covers("PRF-02")
def test_header_switches_the_current_profile_and_stays_on_the_page(cast: Cast) -> None:
    first, second = (make_profile(tenant=cast.tenant, name=name) for name in ("Un", "Deux"))
    client = cast.alice.client
    page = client.get(_settings(first, "stock")).content.decode()
    assert f'value="{reverse("profiles:profile", args=[second.pk])}"' not in page
    target = reverse("profiles:profile", args=[second.pk])
    response = client.post(reverse("profiles:profile_switch", args=[second.pk]), {"next": target})
    assert response.headers["Location"] == target
    assert "Profil courant : Deux" in client.get(reverse("profiles:account")).content.decode()


@pytest.mark.covers("PRF-03", "PRF-09")
def test_settings_are_saved_as_a_revision_of_their_author(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    response = _post(cast.alice.client, profile, "stock", **_full(profile, "stock", safety="2,5", published_only=False))
    assert response.status_code == 302
    revision = OptionsRevision.objects.get(profile=profile)
    assert revision.author == cast.alice.user
    loaded: Any = options_store.load_section(profile, "stock")
    assert str(loaded.safety) == "2.5"
    assert loaded.published_only is False


@pytest.mark.covers("PRF-09")
def test_invalid_settings_are_refused_at_their_field_and_nothing_is_saved(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    response = _post(cast.alice.client, profile, "advanced", **_full(profile, "advanced", parallel="99"))
    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["parallel"]
    assert "au plus 16" in response.content.decode()
    assert not OptionsRevision.objects.exists()


@pytest.mark.covers("PRF-08")
def test_secrets_typed_in_the_form_are_encrypted_and_never_come_back(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    _post(cast.alice.client, profile, "shop", **_full(profile, "shop", **SHOP_KEYS))
    assert Secret.objects.filter(profile=profile).count() == 2
    assert "canary" not in "".join(Secret.objects.values_list("ciphertext", flat=True))
    page = cast.alice.client.get(_settings(profile, "shop")).content.decode()
    assert "canary" not in page
    assert "Une valeur chiffrée est enregistrée" in page
    _post(cast.alice.client, profile, "shop", **_full(profile, "shop", url="https://autre.example"))
    loaded: Any = options_store.load_section(profile, "shop")
    assert (loaded.url, loaded.consumer_key.get_secret_value()) == ("https://autre.example", "ck_canary_77")
    for revision in OptionsRevision.objects.all():
        assert "canary" not in str(revision.document)


@pytest.mark.covers("ACC-02", "PRF-03")
def test_reader_and_operator_cannot_open_settings(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    assert cast.bob.client.get(_settings(profile, "stock")).status_code == 403
    assert _post(cast.bob.client, profile, "stock").status_code == 403
    assert cast.bob.client.get(reverse("profiles:profile", args=[profile.pk])).status_code == 200


def test_unknown_section_and_missing_connector_answer_404(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    assert cast.alice.client.get(_settings(profile, "nothing")).status_code == 404
    old = make_profile(tenant=cast.tenant, shop="no-longer-installed")
    assert cast.alice.client.get(_settings(old, "stock")).status_code == 404
    assert "n’est plus installé" in cast.alice.client.get(reverse("profiles:profile", args=[old.pk])).content.decode()


# --- Connections and lists ---------------------------------------------------------------------------------------


def _test_url(profile: Profile, side: str) -> str:
    return reverse("profiles:connection_test", args=[profile.pk, side])


@pytest.mark.covers("PRF-04")
def test_findings_of_a_connection_test_are_filled_in_and_translated(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = make_profile(tenant=cast.tenant)
    item = CheckItem(
        "Adresse",
        CheckState.ERROR,
        "WordPress répond, mais la boutique se trouve à l’adresse %(address)s.",
        "Saisissez %(address)s comme adresse de la boutique.",
        code="wrong_folder",
        values={"address": "https://boutique.example/vente"},
    )
    monkeypatch.setattr("profiles.connections.check", lambda spec, options: CheckReport((item,)))
    posted = {f"shop-{name}": value for name, value in _full(profile, "shop", **SHOP_KEYS).items()}
    french = cast.alice.client.post(_test_url(profile, "shop"), posted).content.decode()
    assert item.text() in french
    assert "Saisissez https://boutique.example/vente comme" in french
    cast.alice.user.language = "en"
    cast.alice.user.save()
    english = cast.alice.client.post(_test_url(profile, "shop"), posted).content.decode()
    assert "Enter https://boutique.example/vente as the address of the shop." in english
    assert "répond" not in english
    document = report_document(CheckReport((item,)))["items"][0]
    assert (document["sentence"], document["advice"]) == (item.text(), item.advice_text())
    assert "values" not in document


@pytest.mark.covers("CAT-05", "PRF-07")
def test_a_filter_that_is_no_condition_is_explained_at_its_field(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    posted = {f"products-{name}": value for name, value in _full(profile, "products").items()}
    answer = cast.alice.client.post(
        reverse("profiles:settings", args=[profile.pk, "products"]),
        {**posted, "products-expression": "AR_Ref = 'x'; DROP TABLE F_ARTICLE"},
    )
    assert answer.status_code == 422
    form = answer.context["form"]
    assert list(form.errors) == ["expression"]
    assert "point-virgule" in form.errors["expression"][0]
    assert "Saisissez une seule condition" in form.errors["expression"][1]
    assert not OptionsRevision.objects.exists()


@pytest.mark.covers("PRF-04")
def test_connection_test_uses_the_values_on_the_page(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = make_profile(tenant=cast.tenant)
    seen: list[Any] = []

    def check(spec: Any, options: Any) -> CheckReport:
        seen.append(options)
        return CheckReport(
            (
                CheckItem(
                    "Droits",
                    CheckState.ERROR,
                    "La clé ne permet que la lecture.",
                    "Créez une clé « lecture/écriture ».",
                    "403",
                ),
            )
        )

    monkeypatch.setattr("profiles.connections.check", check)
    posted = {f"shop-{name}": value for name, value in _full(profile, "shop", **SHOP_KEYS).items()}
    page = cast.alice.client.post(_test_url(profile, "shop"), posted).content.decode()
    assert seen[0].url == "https://boutique.example"
    assert "La clé ne permet que la lecture." in page
    assert "Créez une clé" in page
    assert not OptionsRevision.objects.exists(), "a test saves nothing"


@pytest.mark.covers("PRF-04")
def test_connection_test_keeps_stored_secrets_left_blank(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = make_profile(tenant=cast.tenant)
    options_store.save(profile, {"shop": SHOP_KEYS}, author=None)
    seen: list[Any] = []
    monkeypatch.setattr("profiles.connections.check", lambda spec, options: seen.append(options) or CheckReport(()))
    posted = {f"shop-{name}": value for name, value in _full(profile, "shop").items()}
    page = cast.alice.client.post(_test_url(profile, "shop"), posted).content.decode()
    assert seen[0].consumer_secret.get_secret_value() == "cs_canary_77"
    assert "La connexion fonctionne" in page


@pytest.mark.covers("PRF-04")
def test_connection_test_names_the_fields_that_are_wrong(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    page = cast.alice.client.post(_test_url(profile, "shop"), {"shop-url": "boutique"}).content.decode()
    assert "n’a pas été essayée" in page
    assert "Clé client" in page


@pytest.mark.covers("PRF-04")
def test_connection_test_of_a_missing_database_says_so(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    posted = {f"erp-{k}": v for k, v in _full(profile, "erp", kind="sqlite", path="/nowhere/x.sqlite3").items()}
    page = cast.alice.client.post(_test_url(profile, "erp"), posted).content.decode()
    assert 'data-check="error"' in page
    assert "x.sqlite3" in page


class _Lists:
    """A connection that knows two lists, one of which it may not read."""

    def choices(self, name: str) -> list[Choice]:
        if name == "taxes":
            return [Choice("T1", "TVA 20 %")]
        raise CredentialsRefused(Problem("right", "Le droit de lire « %(name)s » manque.", values={"name": name}))


@pytest.mark.covers("PRF-05")
def test_refresh_reads_lists_and_names_those_it_could_not(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = make_profile(tenant=cast.tenant)

    @contextmanager
    def opened(*_: Any, **__: Any) -> Iterator[_Lists]:
        yield _Lists()

    monkeypatch.setattr(catalogs, "open_side", opened)
    url = reverse("profiles:lists_refresh", args=[profile.pk, "erp"])
    page = cast.alice.client.post(url, {"next": _settings(profile, "products")}, follow=True).content.decode()
    assert "1 liste lue" in page
    assert "Le droit de lire « warehouses » manque." in page
    assert "TVA 20 %" in page, "the page is filled from the new list"
    assert ReferenceList.objects.filter(profile=profile).count() == 1


@pytest.mark.covers("PRF-05")
def test_refresh_before_the_connection_is_set_up_explains_it(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    url = reverse("profiles:lists_refresh", args=[profile.pk, "shop"])
    assert "Complétez d’abord" in cast.alice.client.post(url, follow=True).content.decode()


@pytest.mark.covers("PRF-05")
def test_settings_page_flags_vanished_values(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    catalogs._store(profile, Side.ERP, "warehouses", [Choice("1", "Paris")])
    options_store.save(profile, {"stock": {"warehouses": ["1", "9"]}}, author=None)
    page = cast.alice.client.get(_settings(profile, "stock")).content.decode()
    assert "9 (n’existe plus dans l’ERP)" in page
    posted = _full(profile, "stock")
    _post(cast.alice.client, profile, "stock", **posted)
    loaded: Any = options_store.load_section(profile, "stock")
    assert loaded.warehouses == ("1", "9"), "never dropped silently"


# --- The profile itself ------------------------------------------------------------------------------------------


@pytest.mark.covers("PRF-06")
def test_duplicate_copies_settings_without_secrets(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant, name="A")
    options_store.save(profile, {"shop": SHOP_KEYS, "stock": {"safety": "3"}}, author=None)
    cast.alice.client.post(reverse("profiles:profile_duplicate", args=[profile.pk]), {"clone-name": "B"})
    copy = Profile.objects.get(name="B")
    assert options_store.stored(copy)["stock"]["safety"] == "3"
    assert not Secret.objects.filter(profile=copy).exists()


@pytest.mark.covers("PRF-06")
def test_rename_and_refusal_of_a_taken_name(cast: Cast) -> None:
    profile, _other = make_profile(tenant=cast.tenant, name="A"), make_profile(tenant=cast.tenant, name="B")
    url = reverse("profiles:profile_rename", args=[profile.pk])
    assert "déjà ce nom" in cast.alice.client.post(url, {"name": "B"}, follow=True).content.decode()
    cast.alice.client.post(url, {"name": "C"})
    profile.refresh_from_db()
    assert profile.name == "C"


@pytest.mark.covers("PRF-06")
def test_delete_needs_the_typed_name(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant, name="Précieux")
    url = reverse("profiles:profile_remove", args=[profile.pk])
    cast.alice.client.post(url, {"typed_name": "precieux"})
    assert Profile.objects.filter(pk=profile.pk).exists()
    response = cast.alice.client.post(url, {"typed_name": "Précieux"})
    assert response.headers["Location"] == reverse("profiles:list")
    assert not Profile.objects.filter(pk=profile.pk).exists()


@pytest.mark.covers("PRF-02")
def test_one_default_profile(cast: Cast) -> None:
    first, second = make_profile(tenant=cast.tenant, is_default=True), make_profile(tenant=cast.tenant)
    cast.alice.client.post(reverse("profiles:profile_default", args=[second.pk]))
    assert list(Profile.objects.filter(is_default=True)) == [second]
    assert first.tenant_id == second.tenant_id


@pytest.mark.covers("PRF-10", "PRF-08")
def test_export_is_yaml_without_secrets(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant, name="Été")
    options_store.save(profile, {"shop": SHOP_KEYS}, author=None)
    response = cast.alice.client.get(reverse("profiles:profile_export", args=[profile.pk]))
    assert response.headers["Content-Disposition"] == 'attachment; filename="ete.yaml"'
    document = yaml.safe_load(response.content)
    assert document["options"]["shop"]["url"] == "https://boutique.example"
    assert "canary" not in response.content.decode()


@pytest.mark.covers("PRF-11")
def test_history_shows_before_and_after_and_restores(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    options_store.save(profile, {"stock": {"safety": "3"}}, author=cast.alice.user)
    first = options_store.current_revision(profile)
    options_store.save(profile, {"stock": {"safety": "7", "negative_to_zero": False}}, author=cast.alice.user)
    assert first is not None
    page = cast.alice.client.get(reverse("profiles:profile_history", args=[profile.pk])).content.decode()
    assert "<del>3</del> → <ins>7</ins>" in page
    assert "<del>oui</del> → <ins>non</ins>" in page
    assert "Alice" in page
    cast.alice.client.post(reverse("profiles:profile_history_restore", args=[profile.pk, first.pk]))
    assert options_store.stored(profile)["stock"]["safety"] == "3"
    assert OptionsRevision.objects.filter(profile=profile).count() == 3


@pytest.mark.covers("PRF-11", "ACC-04")
def test_revision_of_another_profile_cannot_be_restored(cast: Cast) -> None:
    one, two = make_profile(tenant=cast.tenant), make_profile(tenant=cast.tenant)
    options_store.save(one, {"stock": {"safety": "3"}}, author=None)
    revision = options_store.current_revision(one)
    assert revision is not None
    url = reverse("profiles:profile_history_restore", args=[two.pk, revision.pk])
    assert cast.alice.client.post(url).status_code == 404


def test_overview_hides_actions_from_readers(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    reader = make_user(tenant=cast.tenant, role=Role.READER)
    client = Client()
    client.force_login(reader, backend="allauth.account.auth_backends.AuthenticationBackend")
    url = reverse("profiles:profile", args=[profile.pk])
    assert "Supprimer le profil" not in client.get(url).content.decode()
    assert "Supprimer le profil" in cast.alice.client.get(url).content.decode()


def test_commands_find_a_profile_by_number_or_name_in_the_same_way(cast: Cast) -> None:
    one = make_profile(tenant=cast.tenant, name="2026")
    twin = make_profile(tenant=cast.other, name="Jumeau")
    make_profile(tenant=cast.tenant, name="Jumeau")
    assert services.profile_find(str(one.pk)) == one
    assert services.profile_find("2026") == one, "a name may look like a number"
    assert services.profile_find(str(twin.pk)) == twin
    for wanted, sentence in (("Jumeau", "donnez le numéro"), ("Personne", "Aucun profil de ce nom")):
        with pytest.raises(CommandError, match=sentence):
            call_command("profile", "show", wanted)
        with pytest.raises(CommandError, match=sentence):
            call_command("orders", "explain", profile=wanted, order="1")


@pytest.mark.covers("PRF-03")
def test_the_settings_of_a_kind_stand_together(db: None) -> None:
    links = profile_pages.section_links(make_profile(tenant=make_tenant()))
    groups = [name for name, _links in groupby(links, key=lambda link: link.group)]
    assert groups == ["Connexions", "Catalogue", "Ventes", "Profil"]
    assert [link.name for link in links if link.group == "Catalogue"][-1] == "media"
