"""Every mandatory setting, removed in turn: a named refusal before the run, never a quiet zero (P37)."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.core.options import is_visible
from connectors.erp.sage100.options import Sage100Options
from connectors.shops.woocommerce.options import WooCommerceOptions
from profiles import options_store
from profiles.models import Profile
from profiles.options_store import OptionsRefused
from profiles.services import profile_create
from sync import services
from sync.models import Run
from tests.factories import make_tenant

pytestmark = [pytest.mark.django_db, pytest.mark.covers("PRF-12")]

SHOP = {"url": "http://127.0.0.1:9", "consumer_key": "ck_x", "consumer_secret": "cs_x"}
KINDS: dict[str, dict[str, str]] = {
    "sage": {"dsn": "SAGE"},
    "sqlserver": {"server": "SRV01", "database": "BIJOU"},
    "connection_string": {"connection_string": "DSN=SAGE"},
    "sqlite": {"path": "/tmp/sage.db"},
}

FLOWS = ("categories", "products", "new_products", "stock", "prices", "state")


def _profile(kind: str = "sqlite", *, without: tuple[str, str] = ("", "")) -> Profile:
    document: dict[str, dict[str, Any]] = {"erp": {"kind": kind, **KINDS[kind]}, "shop": dict(SHOP)}
    section, option = without
    if section:
        document[section].pop(option)
    tenant = make_tenant()
    return profile_create(tenant=tenant, name="Essai", erp="sage100", shop="woocommerce", document=document)


def _mandatory(flow: str) -> list[tuple[str, str]]:
    """Sections and options that the declarations call mandatory for a flow."""
    profile = _profile()
    found = []
    for name, section in options_store.sections_of(profile).items():
        values = options_store.effective(profile, name)
        wanted = [info for info in section.infos().values() if flow in info.needed_by or info.required]
        found += [(name, info.name) for info in wanted if is_visible(info, values)]
    return found


def _refusal(profile: Profile, flow: str) -> services.RunRefused:
    with pytest.raises(services.RunRefused) as refusal:
        services.run_request(profile=profile, flow=flow)
    assert not Run.objects.exists()
    return refusal.value


def _refused_where_typed(kind: str, section: str, option: str) -> list[str]:
    with pytest.raises(OptionsRefused) as refusal:
        _profile(kind, without=(section, option))
    assert list(refusal.value.errors) == [section]
    return [f"{error.name} {error.text()}" for error in refusal.value.errors[section]]


@pytest.mark.parametrize("flow", FLOWS)
def test_p37_each_mandatory_option_removed_in_turn_is_named_before_the_run(flow: str) -> None:
    options = _mandatory(flow)
    assert {("shop", name) for name in SHOP} <= set(options)
    for section, option in options:
        if section in ("erp", "shop"):
            assert _refused_where_typed("sqlite", section, option)[0].startswith(option)
            continue
        profile = _profile()
        options_store.save(profile, {section: {option: ""}}, author=None)
        label = options_store.sections_of(profile)[section].infos()[option].label
        refusal = _refusal(profile, flow)
        assert label in str(refusal)
        assert [(one.section, one.info.name) for one in refusal.missing] == [(section, option)]


@pytest.mark.parametrize(("kind", "option"), [(kind, option) for kind, values in KINDS.items() for option in values])
def test_p37_each_way_to_reach_sage_names_what_it_lacks(kind: str, option: str) -> None:
    label = Sage100Options.infos()[option].label
    assert label in _refused_where_typed(kind, "erp", option)[0]


@pytest.mark.parametrize("flow", FLOWS)
def test_p37_a_profile_whose_shop_was_never_typed_names_its_settings_before_the_run(flow: str) -> None:
    profile = profile_create(tenant=make_tenant(), name="Vide", erp="sage100", shop="woocommerce", document={})
    refusal = _refusal(profile, flow)
    labels = [WooCommerceOptions.infos()[name].label for name in SHOP]
    assert [label for label in labels if label not in str(refusal)] == []


@pytest.mark.parametrize("flow", FLOWS)
def test_p37_a_profile_whose_erp_was_never_typed_names_its_setting_before_the_run(flow: str) -> None:
    profile = profile_create(
        tenant=make_tenant(), name="Sans ERP", erp="sage100", shop="woocommerce", document={"shop": dict(SHOP)}
    )
    assert Sage100Options.infos()["dsn"].label in str(_refusal(profile, flow))


def test_p37_a_complete_profile_starts() -> None:
    for flow in FLOWS:
        assert services.run_request(profile=_profile(), flow=flow).created
