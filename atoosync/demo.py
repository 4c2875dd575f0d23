"""The demo merchant: tenant, user, profile between the two stand-ins, units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allauth.account.models import EmailAddress
from django.db import transaction

from billing import ledger
from connectors.canonical.keys import Direction, Side
from profiles import catalogs, options_store
from profiles.models import Membership, Profile, Role, Tenant, User
from profiles.options_store import Document
from profiles.services import profile_create

EMAIL = "demo@atoosync.example"
# The demo listens on loopback only and its account is printed for everyone to use.
PASSWORD = "atoosync-demo"  # noqa: S105
COMPANY = "Vercors Équipement"
PROFILE = "Boutique en ligne"
NEXT_DELIVERY = "_next_delivery_date"
"""The custom field that the pages of the stand-in shop show."""
UNITS = {Direction.EXPORT: 5000, Direction.IMPORT: 1000}

# Every tax of the demo merchant except CMARG (margin scheme): two articles are refused, as a first error to mend.
TAX_MAP = {
    "C20": "standard",
    "D20": "standard",
    "C10": "taux-intermediaire",
    "C055": "reduced-rate",
    "C021": "taux-super-reduit",
    "C00": "zero-rate",
    "C085": "reduced-rate",
    "C0105": "taux-super-reduit",
}


def seed_demo(systems: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Creates what is missing and answers the account: ``email``, ``password``, ``tenant``, ``profile``.

    ``systems``: what each stand-in printed, by name (``woocommerce``, ``sage100``). May be run again at every start:
    addresses and keys follow the stand-ins, everything else a user changed stays.
    """
    with transaction.atomic():
        user = _user()
        tenant = _tenant(user)
    for direction, units in UNITS.items():
        ledger.credit(
            tenant_id=tenant.pk,
            kind=direction.value,
            units=units,
            key=f"demo:{tenant.pk}:{direction.value}",
            note="Unités offertes pour la démonstration",
            actor="demo",
        )
    profile = _profile(tenant, user, systems)
    return {"email": EMAIL, "password": PASSWORD, "tenant": tenant.pk, "profile": profile.pk}


def _user() -> User:
    user = User.objects.filter(email=EMAIL).first()
    if user is None:
        user = User.objects.create_user(email=EMAIL, password=PASSWORD, full_name="Camille Démo")
        EmailAddress.objects.create(user=user, email=EMAIL, primary=True, verified=True)
    return user


def _tenant(user: User) -> Tenant:
    membership = Membership.objects.filter(user=user).select_related("tenant").first()
    if membership is not None:
        return membership.tenant
    tenant = Tenant.objects.create(name=COMPANY)
    Membership.objects.create(user=user, tenant=tenant, role=Role.OWNER)
    return tenant


def _profile(tenant: Tenant, user: User, systems: Mapping[str, Mapping[str, Any]]) -> Profile:
    """The demo profile, pointed at the stand-ins; its settings are written once and belong to the user afterwards."""
    shop, erp = systems["woocommerce"], systems["sage100"]
    connection: Document = {
        "erp": {"kind": "sqlite", "path": erp["path"], "media_folder": erp.get("pictures", "")},
        "shop": {
            "url": shop["url"],
            "consumer_key": shop["consumer_key"],
            "consumer_secret": shop["consumer_secret"],
            "media_user": shop.get("media_user", ""),
            "media_password": shop.get("media_password", ""),
        },
    }
    profile: Profile | None = Profile.objects.for_tenant(tenant).filter(name=PROFILE).first()
    if profile is not None:
        options_store.save(profile, connection, author=user, note="démonstration : adresses")
        return profile
    settings: Document = {
        "products": {
            "tax_map": TAX_MAP,
            "description_field": "glossaire:1",
            "brand_field": "Marque commerciale",
            "feature_map": {"Matière": "Matière", "AR_Stat01": "Saison", "AR_Stat03": "Usage"},
        },
        "prices": {"price_category": "1", "accounting_category": "1"},
        "stock": {"warehouses": ["1", "2"], "figure": "available", "next_delivery": "empty"},
        "orders": {
            "statuses": {"processing": "order", "on-hold": "order", "completed": "order"},
            "reference_template": "Web %ON",
        },
        "order_taxes": {
            "category_taxed": "1",
            "category_untaxed": "3",
            "tax_map": {"20": "C20", "10": "C10", "5.5": "C055", "2.1": "C021"},
            "tax_by_percent": False,
            "untaxed_lines": "exempt",
        },
        "order_articles": {
            "misc_article": "DIVERS",
            "shipping_article": "PORT",
            "wrapping_article": "EMBALLAGE",
            "discount_article": "REMISE",
        },
        "order_customers": {"prefix": "WEB", "guest_prefix": "INV", "number_length": 12},
        "payments": {"method_default": "1"},
        "prospects": {"accounting_category": "1"},
        "progress": {"delivery_status": "completed", "tracking_field": "N° de suivi"},
    }
    profile = profile_create(
        tenant=tenant,
        name=PROFILE,
        erp="sage100",
        shop="woocommerce",
        document={**connection, **settings, "shop": {**connection["shop"], "next_delivery_meta": NEXT_DELIVERY}},
        author=user,
        features=["products", "orders"],
    )
    for side in Side:
        catalogs.refresh(profile, side)
    return profile
