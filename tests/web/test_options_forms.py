"""The form builder: every kind of option, visibility, secrets, vanished values, mapping grids."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, Literal

import pytest
from django.http import QueryDict
from django.template import Context, Template
from pydantic import SecretStr, ValidationError

from connectors import registry
from connectors.core.mapping_keys import KeyShape
from connectors.core.options import OptionsSection, explain, option
from connectors.core.results import Choice
from profiles.forms.builder import OptionField, OptionsForm
from profiles.sections import FLOW_SECTIONS
from sync.presentation.places import PLACES, settings_address
from tests.factories import make_profile
from tests.web.conftest import Cast


class Sample(OptionsSection):
    """One option of each kind."""

    section: ClassVar[str] = "sample"
    title: ClassVar[str] = "Essai"

    name: str = option(label="Nom", help="Aide du nom.", group="Général", min_length=2, max_length=20)
    mode: Literal["a", "b"] = option(
        "a", label="Mode", help="…", group="Général", choices={"a": "Premier", "b": "Second"}
    )
    detail: str = option("", label="Détail", help="…", group="Général", visible_if={"mode": "b"})
    enabled: bool = option(True, label="Actif", help="…", group="Général")
    count: int = option(4, label="Nombre", help="…", group="Général", ge=1, le=16, unit="lignes")
    price: Decimal = option(Decimal("1.5"), label="Prix", help="…", group="Général")
    maybe: int | None = option(None, label="Peut-être", help="…", group="Général")
    token: SecretStr = option(label="Jeton", help="…", group="Connexion")
    extra: SecretStr = option(SecretStr(""), label="Second jeton", help="…", group="Connexion")
    depot: str = option("", label="Dépôt", help="…", group="Listes", choices_from="erp.warehouses")
    depots: tuple[str, ...] = option((), label="Dépôts", help="…", group="Listes", choices_from="erp.warehouses")
    levels: tuple[str, ...] = option(
        (), label="Niveaux", help="…", group="Listes", choices_from="erp.warehouses", max_length=3
    )
    taxes: dict[str, str] = option(
        {}, label="Taxes", help="…", group="Listes", keys_from="erp.taxes", choices_from="shop.classes"
    )
    names: dict[str, str] = option({}, label="Noms", help="…", group="Listes", keys_from="erp.taxes")
    pace: int = option(5, label="Rythme", help="…", group="Connexion", advanced=True)


LISTS = {
    "erp.warehouses": [Choice("1", "Paris"), Choice("2", "Lyon")],
    "erp.taxes": [Choice("T1", "Normale"), Choice("T2", "Réduite")],
    "shop.classes": [Choice("std", "Standard")],
}


def _form(values: dict[str, Any] | None = None, data: str | None = None, **rest: Any) -> OptionsForm:
    defaults = {key: info.default for key, info in Sample.infos().items() if not info.is_secret and not info.required}
    arguments = {"lists": LISTS, **rest}
    posted = QueryDict(data) if data is not None else None
    return OptionsForm(Sample, name="s", values={**defaults, **(values or {})}, data=posted, **arguments)


def _options(form: OptionsForm) -> dict[str, OptionField]:
    return {option.info.name: option for group in form.groups() for option in [*group.fields, *group.advanced]}


def _html(form: OptionsForm, name: str) -> str:
    return Template("{% load ui %}{% field bound %}").render(Context({"bound": form[name]}))


POSTED = (
    "s-name=Atelier&s-mode=b&s-detail=x&s-enabled=on&s-count=8&s-price=12,50&s-maybe=&s-token=abc&s-extra=&s-depot=2"
    "&s-depots=1&s-depots=2&s-levels=2&s-levels=&s-levels=1&s-pace=5"
    "&s-taxes__key=T1&s-taxes__value=std&s-taxes__key=T2&s-taxes__value=&s-names__key=T1&s-names__value= Couleur "
)


@pytest.mark.covers("PRF-09")
def test_every_kind_of_option_comes_back_typed() -> None:
    form = _form(data=POSTED)
    assert form.is_valid(), form.errors
    loaded = Sample(**form.document())
    assert (loaded.name, loaded.mode, loaded.enabled, loaded.count) == ("Atelier", "b", True, 8)
    assert (loaded.price, loaded.maybe, loaded.depot, loaded.depots) == (Decimal("12.50"), None, "2", ("1", "2"))
    assert loaded.levels == ("2", "1"), "the order of the boxes counts"
    assert (loaded.taxes, loaded.names) == ({"T1": "std"}, {"T1": "Couleur"})
    assert loaded.token.get_secret_value() == "abc"


@pytest.mark.covers("PRF-09")
def test_unticked_boxes_and_empty_numbers() -> None:
    form = _form(data=POSTED.replace("s-enabled=on&", "").replace("s-count=8", "s-count="))
    assert form.is_valid()
    assert form.document()["enabled"] is False
    assert form.document()["count"] == 4


@pytest.mark.covers("PRF-09")
def test_refusals_of_the_section_appear_at_their_field() -> None:
    form = _form(data=POSTED.replace("s-count=8", "s-count=99").replace("s-price=12,50", "s-price=cher"))
    assert form.is_valid()
    with pytest.raises(ValidationError) as refused:
        Sample(**form.document())
    form.refuse(explain(refused.value))
    assert form.errors["count"] == ["La valeur doit être au plus 16."]
    assert form.errors["price"] == ["Saisissez un nombre."]


@pytest.mark.covers("PRF-09")
def test_obligatory_option_left_empty_is_refused() -> None:
    form = _form(data=POSTED.replace("s-name=Atelier", "s-name=").replace("s-token=abc", "s-token="))
    assert not form.is_valid()
    assert set(form.errors) == {"name", "token"}


@pytest.mark.covers("PRF-09")
def test_groups_bounds_and_units() -> None:
    form = _form()
    groups = {group.title: group for group in form.groups()}
    assert list(groups) == ["Général", "Connexion", "Listes"]
    assert [option.info.name for option in groups["Connexion"].advanced] == ["pace"]
    html = _html(form, "count")
    assert 'min="1"' in html
    assert 'max="16"' in html
    assert 'maxlength="20"' in _html(form, "name")
    assert "Aide du nom." in _html(form, "name")


@pytest.mark.covers("PRF-09")
def test_visibility_follows_the_present_values() -> None:
    assert _options(_form())["detail"].visible is False
    assert _options(_form({"mode": "b"}))["detail"].visible is True
    assert _options(_form(data=POSTED))["detail"].visible is True
    assert _options(_form())["detail"].rule == '{"s-mode": ["b"]}'


@pytest.mark.covers("PRF-08")
def test_secret_is_never_rendered_and_kept_when_blank() -> None:
    secret = "sk-canary-0042"
    form = _form({"token": secret}, held=["token", "extra"])
    html = "".join(str(_html(form, info)) for info in form.infos)
    assert secret not in html
    assert "Enregistré" in _html(form, "token")
    posted = _form(data=POSTED.replace("s-token=abc", "s-token="), held=["token", "extra"])
    assert posted.is_valid()
    assert (posted.document()["token"], posted.document()["extra"]) == ("", "")
    rendered = _html(_form(data=POSTED.replace("abc", secret)), "token")
    assert secret not in rendered, "not even the value just typed comes back"


@pytest.mark.covers("PRF-08")
def test_optional_secret_can_be_removed_and_obligatory_one_cannot() -> None:
    data = POSTED.replace("s-token=abc", "s-token=") + "&s-extra__remove=1&s-token__remove=1"
    form = _form(data=data, held=["token", "extra"])
    assert form.is_valid()
    assert form.document()["extra"] is None
    assert form.document()["token"] == ""


@pytest.mark.covers("PRF-05")
def test_vanished_values_are_shown_and_kept() -> None:
    values = {"depot": "9", "depots": ["1", "9"], "taxes": {"T1": "gone", "T9": "std"}}
    form = _form(values)
    assert "9 (n’existe plus dans l’ERP)" in _html(form, "depot")
    assert _options(form)["depot"].gone == ("9",)
    assert _options(form)["depots"].gone == ("9",)
    grid = _html(form, "taxes")
    assert "n’existe plus dans la boutique" in grid
    assert "n’existe plus dans l’ERP" in grid
    assert 'value="T9"' in grid
    assert '<option value="gone" selected>' in grid


@pytest.mark.covers("PRF-05")
def test_list_never_read_keeps_the_value_and_says_so() -> None:
    form = _form({"depot": "2", "taxes": {"T1": "std"}}, lists={})
    assert '<option value="2" selected>2</option>' in _html(form, "depot")
    assert _options(form)["depot"].unread == "erp"
    assert '<option value="std" selected>std</option>' in _html(form, "taxes")


def test_labels_are_escaped() -> None:
    lists = {**LISTS, "erp.taxes": [Choice("<b>", "<script>alert(1)</script>")]}
    assert "<script>" not in _html(_form(lists=lists), "taxes")


@pytest.mark.covers("PRF-09")
@pytest.mark.parametrize(
    "section",
    [*FLOW_SECTIONS, *(spec.options for spec in registry.all_specs().values())],
    ids=lambda section: section.section,
)
def test_every_declared_section_makes_a_form_whose_defaults_are_accepted(section: type[OptionsSection]) -> None:
    infos = section.infos()
    defaults = {name: info.default for name, info in infos.items() if not info.required and not info.is_secret}
    shown = OptionsForm(section, name="x", values=defaults)
    for group in shown.groups():
        assert group.title
        for shown_option in [*group.fields, *group.advanced]:
            assert shown_option.info.label
            assert shown_option.info.help
            assert str(shown_option.bound)
    errors = []
    try:
        section(**defaults)
    except ValidationError as error:
        errors = [entry.name for entry in explain(error)]
    required = {name for name, info in infos.items() if info.required}
    assert {name for name in errors if name} <= required


@pytest.mark.covers("PRF-09")
@pytest.mark.parametrize("section", FLOW_SECTIONS, ids=lambda section: section.section)
def test_form_of_a_flow_section_round_trips_its_defaults(section: type[OptionsSection]) -> None:
    defaults = {name: info.default for name, info in section.infos().items()}
    posted = QueryDict(mutable=True)
    shown = OptionsForm(section, name="x", values=defaults)
    for name in shown.fields:
        value = shown[name].value()
        if isinstance(value, bool):
            if value:
                posted[f"x-{name}"] = "on"
        elif isinstance(value, list | tuple):
            posted.setlist(f"x-{name}", [str(item) for item in value])
        elif not isinstance(value, dict):
            posted[f"x-{name}"] = "" if value is None else str(getattr(value, "value", value))
    form = OptionsForm(section, name="x", values=defaults, data=posted)
    assert form.is_valid(), form.errors
    assert section(**form.document()) == section(**defaults)


class Tables(OptionsSection):
    """One mapping table of each kind of keys."""

    section: ClassVar[str] = "tables"
    title: ClassVar[str] = "Tables"

    methods: dict[str, str] = option(
        {},
        label="Mode",
        help="…",
        group="Tables",
        keys_from="shop.payment_methods",
        choices_from="erp.modes",
        key_shape=KeyShape.CURRENCY,
    )
    zones: dict[str, str] = option(
        {}, label="Zones", help="…", group="Tables", keys_from="shop.countries", key_shape=KeyShape.ZONE
    )
    carriers: dict[str, str] = option(
        {}, label="Transporteurs", help="…", group="Tables", keys_from="shop.carriers", key_shape=KeyShape.FREE
    )
    taxes: dict[str, str] = option({}, label="Taxes", help="…", group="Tables", keys_from="erp.taxes")


TABLE_LISTS = {
    "shop.payment_methods": [Choice("bacs", "Virement"), Choice("paypal", "PayPal")],
    "shop.currencies": [Choice("EUR", "Euro"), Choice("USD", "Dollar")],
    "shop.countries": [Choice("FR", "France"), Choice("US", "États-Unis")],
    "shop.carriers": [Choice("flat_rate", "Forfait")],
    "erp.modes": [Choice("VIR", "Virement"), Choice("CB", "Carte")],
    "erp.taxes": [Choice("T1", "Normale")],
}


def _tables(values: dict[str, Any] | None = None, data: str | None = None, **lists: Any) -> OptionsForm:
    stored = {"methods": {}, "zones": {}, "carriers": {}, "taxes": {}, **(values or {})}
    posted = QueryDict(data) if data is not None else None
    return OptionsForm(Tables, name="t", values=stored, data=posted, lists={**TABLE_LISTS, **lists})


@pytest.mark.covers("PRF-05", "PAY-01")
def test_added_lines_join_the_table_in_their_one_spelling() -> None:
    form = _tables(
        data="t-methods__key=bacs&t-methods__value=VIR&t-methods__new_key=bacs&t-methods__new_part=USD"
        "&t-methods__new_value=CB&t-zones__new_key=FR&t-zones__new_part=97 1*&t-zones__new_value=7"
        "&t-zones__new_key=&t-zones__new_part=&t-zones__new_value="
        "&t-carriers__new_key=Point relais&t-carriers__new_value=R"
    )
    assert form.is_valid(), form.errors
    loaded = Tables(**form.document())
    assert loaded.methods == {"bacs": "VIR", "bacs|USD": "CB"}
    assert loaded.zones == {"FR:971*": "7"}
    assert loaded.carriers == {"Point relais": "R"}


@pytest.mark.covers("PRF-05", "PAY-01")
@pytest.mark.parametrize(
    ("posted", "sentence"),
    [
        (
            "t-methods__new_key=cheque&t-methods__new_part=&t-methods__new_value=CB",
            "« cheque » n’est pas dans la liste",
        ),
        ("t-methods__new_key=bacs&t-methods__new_part=EURO&t-methods__new_value=CB", "n’est pas une ligne valable"),
        ("t-methods__new_key=&t-methods__new_part=USD&t-methods__new_value=CB", "n’est pas une ligne valable"),
        ("t-methods__new_key=bacs&t-methods__new_part=USD&t-methods__new_value=", "Choisissez la valeur"),
        (
            "t-methods__key=bacs|USD&t-methods__value=VIR"
            "&t-methods__new_key=bacs&t-methods__new_part=usd&t-methods__new_value=CB",
            "« bacs|USD » figure déjà dans la table",
        ),
        ("t-methods__new_key=&t-methods__new_part=&t-methods__new_value=CB", "Indiquez ce que la ligne concerne"),
    ],
)
def test_a_line_that_cannot_be_added_is_refused_at_its_place_and_kept_as_typed(posted: str, sentence: str) -> None:
    form = _tables(data=posted)
    assert not form.is_valid()
    assert form.errors["methods"] == ["Corrigez les lignes signalées dans la table."]
    html = _html(form, "methods")
    row = html[html.index("mapping-fresh has-error") :]
    assert sentence in row[: row.index("</tr>")]
    assert html.count("data-mapping-fresh") == 2, "the refused line and an empty one"


@pytest.mark.covers("PRF-05")
def test_lines_added_survive_a_refresh_of_the_lists_and_say_what_vanished() -> None:
    values = {"methods": {"bacs|USD": "VIR", "cheque|USD": "CB"}, "carriers": {"Point relais": "R"}}
    form = _tables(values)
    html = _html(form, "methods")
    assert "Virement · USD" in html
    assert html.count("n’existe plus dans la boutique") == 1, "the means of payment, not the line with a known one"
    assert "n’existe plus" not in _html(form, "carriers")
    posted = QueryDict(mutable=True)
    for name, table in values.items():
        posted.setlist(f"t-{name}__key", list(table))
        posted.setlist(f"t-{name}__value", list(table.values()))
    again = _tables(values, data=posted.urlencode())
    assert again.is_valid()
    assert again.document()["methods"] == values["methods"]
    assert again.document()["carriers"] == values["carriers"]


@pytest.mark.covers("PRF-05")
def test_only_a_list_that_was_read_closes_a_table() -> None:
    assert "data-mapping-fresh" not in _html(_tables(), "taxes")
    unread = _tables(**{"erp.taxes": []})
    assert "data-mapping-fresh" in _html(unread, "taxes")
    typed = _tables(data="t-taxes__new_key=T9&t-taxes__new_value=x", **{"erp.taxes": []})
    assert typed.is_valid()
    assert typed.document()["taxes"] == {"T9": "x"}
    assert not _tables(data="t-taxes__new_key=T9&t-taxes__new_value=x").is_valid()


OPTIONS = sorted({(place.section, place.option) for found in PLACES.values() for place in found if place.option})


@pytest.mark.django_db
@pytest.mark.covers("LOG-04")
def test_every_place_of_an_error_is_a_field_of_its_page(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    pages = {section: "" for section, _option in OPTIONS}
    for section in pages:
        pages[section] = cast.alice.client.get(settings_address(profile.pk, section)).content.decode()
    for section, wanted in OPTIONS:
        anchor = settings_address(profile.pk, section, wanted).partition("#")[2]
        assert f'id="{anchor}"' in pages[section], f"{section}.{wanted}"
