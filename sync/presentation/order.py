"""Page of one order: its arithmetic on both sides, what its import has done so far, its history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connectors.canonical.keys import Entity
from connectors.canonical.sales import DocumentTotals
from connectors.core.problems import ConnectorError, Problem
from connectors.core.texts import Text
from profiles import catalogs
from profiles.models import Profile
from profiles.options_store import OptionsRefused
from sync.mapping.order_explain import ErpLine, Explanation, RateRow, ShopLine
from sync.mapping.rounding import cents
from sync.models import JournalEntry, Link
from sync.orders.preview import Picture, order_picture
from sync.orders.steps import ADDRESS, CUSTOMER, DOCUMENT, MARK, Act, Event, amended_refunds, lived
from sync.presentation import places
from sync.presentation.paging import Slice, page_of

HISTORY_SIZE = 20
_ZERO = Decimal(0)
_STEPS: tuple[tuple[str, str | Promise, str], ...] = (
    (CUSTOMER, _("Client"), "person"),
    (ADDRESS, _("Adresse de livraison"), "geo-alt"),
    (DOCUMENT, _("Pièce et règlements"), "file-earmark-text"),
    (MARK, _("Marque dans la boutique"), "check2-circle"),
)
_EVENTS: Mapping[Event, str | Promise] = {
    Event.EDITED: _("Modifiée dans la boutique"),
    Event.REFUNDED: _("Remboursée"),
    Event.UNREFUNDED: _("Remboursement supprimé"),
    Event.CANCELLED: _("Annulée"),
    Event.RESUMED: _("Reprise après annulation"),
    Event.PAID: _("Payée après l’import"),
}
_ACTS: Mapping[Act, str | Promise] = {
    Act.AMEND: _("Pièce corrigée"),
    Act.CREDIT: _("Avoir créé"),
    Act.HOLD: _("Pièce mise en attente"),
    Act.TELL: _("À traiter par une personne"),
    Act.NONE: _("Rien à faire"),
}
_STAGES: Mapping[str, str | Promise] = {
    "open": _("pièce ouverte"),
    "preparation": _("pièce en préparation"),
    "delivery": _("pièce livrée"),
    "invoice": _("pièce facturée"),
    "posted": _("pièce comptabilisée"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an import. ``value`` is what it left behind (number of a customer, of a piece), empty until done."""

    label: str | Promise
    icon: str
    value: str
    done: bool


@dataclass(frozen=True, slots=True)
class LifeRow:
    """One event after the import: what happened, when it was met, what was done, and the piece it left behind.

    ``text`` is what a person was told; ``open`` while nobody said that it is settled.
    """

    at: datetime
    label: str | Promise
    key: str
    act: str | Promise
    stage: str | Promise
    piece: str
    text: Text
    advice: Text
    open: bool


@dataclass(frozen=True, slots=True)
class LinePair:
    """A line of the order beside the lines of the document that come from it; either side may be empty."""

    shop: ShopLine | None
    erp: tuple[ErpLine, ...]


@dataclass(frozen=True, slots=True)
class AmountRow:
    """One amount on both sides. ``planned`` is the mapping's, ``held`` what the ERP's document says once it exists.

    ``difference`` is ERP less shop, from ``held`` when there is a document.
    """

    label: str | Promise
    shop: Decimal | None
    planned: Decimal | None
    held: Decimal | None
    rounding: Decimal = _ZERO
    strong: bool = False

    @property
    def difference(self) -> Decimal | None:
        """``None`` where one of the sides says nothing."""
        erp = self.held if self.held is not None else self.planned
        return None if erp is None or self.shop is None else erp - self.shop


@dataclass(frozen=True, slots=True)
class Trouble:
    """A problem in words, with the places where it is mended."""

    sentence: Text
    advice: Text
    code: str
    detail: str = ""
    links: list[places.Link] = field(default_factory=list)


@dataclass(slots=True)
class OrderView:
    """Everything of one order. ``picture`` is absent when a system did not answer; ``trouble`` then says why.

    ``status_label``: how the shop calls the order's status, empty where the reference list does not know it.
    """

    key: str
    number: str
    label: str
    status_label: str
    picture: Picture | None
    trouble: Trouble | None
    pairs: list[LinePair]
    rates: list[AmountRow]
    totals: list[AmountRow]
    link: Link | None
    steps: list[Step]
    life: list[LifeRow]
    page: Slice[JournalEntry]

    @property
    def document(self) -> DocumentTotals | None:
        """The document in the ERP, once there is one."""
        return self.picture.document if self.picture else None

    @property
    def explanation(self) -> Explanation | None:
        """The arithmetic, when the lines could be built."""
        return self.picture.found.explanation if self.picture else None

    @property
    def waits(self) -> bool:
        """Whether a person was told something that is not settled."""
        return any(row.open for row in self.life)

    @property
    def has_difference(self) -> bool:
        """Whether any amount differs."""
        return any(row.difference for row in (*self.rates, *self.totals))


def order_view(profile: Profile, key: str, params: Mapping[str, Any]) -> OrderView:
    """The order as both systems show it now. Never raises for a system that is away: the view says so in words."""
    link = Link.objects.filter(profile=profile, entity=Entity.ORDER, shop_key=key).first()
    picture, trouble = _picture(profile, key, link)
    explanation = picture.found.explanation if picture else None
    document = picture.document if picture else None
    page = page_of(_history(profile, key), params, size=HISTORY_SIZE, newest_first=True)
    newest = page.rows[0] if page.rows else None
    return OrderView(
        key=key,
        number=(picture.order.number if picture else "") or (link.reference if link else "") or key,
        label=(link.label if link else "") or (newest.label if newest else ""),
        status_label=_status_label(profile, picture.order.status) if picture else "",
        picture=picture,
        trouble=trouble,
        pairs=_pairs(explanation) if explanation else [],
        rates=_rates(explanation, document, _taken(picture)) if picture and explanation else [],
        totals=_totals(picture, explanation, document) if picture else [],
        link=link,
        steps=_steps(link),
        life=_life(link),
        page=page,
    )


def order_key(profile: Profile, typed: str) -> str:
    """The shop's id of the order that a person named by its id or by its number; what was typed when unknown."""
    known = Link.objects.filter(profile=profile, entity=Entity.ORDER)
    if known.filter(shop_key=typed).exists():
        return typed
    by_number = known.filter(reference=typed).values_list("shop_key", flat=True).first()
    lines = JournalEntry.objects.filter(profile_id=profile.pk, entity=Entity.ORDER, run__tenant_id=profile.tenant_id)
    found = by_number or lines.filter(reference=typed).order_by("-pk").values_list("item_key", flat=True).first()
    return found or typed


def trouble_of(error: ConnectorError | OptionsRefused, profile_id: int) -> Trouble:
    """A connection that failed, in words."""
    if isinstance(error, OptionsRefused):
        sentence = Text("Les réglages du profil sont incomplets : la commande ne peut pas être lue.")
        advice = Text("Complétez les connexions, puis revenez ici.")
        links = places.links_for("connection_failed", profile_id)
        return Trouble(sentence, advice, "options_refused", str(error), links)
    return _told(error.problem, profile_id)


def _picture(profile: Profile, key: str, link: Link | None) -> tuple[Picture | None, Trouble | None]:
    piece = link.steps.get(DOCUMENT, "") if link else ""
    try:
        picture = order_picture(profile, key, piece=piece, amended=amended_refunds(link.steps) if link else ())
    except (ConnectorError, OptionsRefused) as error:
        return None, trouble_of(error, profile.pk)
    problem = picture.found.problem
    return picture, _told(problem, profile.pk) if problem else None


def _told(problem: Problem, profile_id: int) -> Trouble:
    links = places.links_for(problem.code, profile_id)
    return Trouble(problem.said, problem.advised, problem.code, problem.detail, links)


def _status_label(profile: Profile, status: str) -> str:
    known = {one.key: one.label for one in catalogs.choices(profile, "shop.order_statuses")}
    label = known.get(status, "")
    return label if label != status else ""


def _pairs(explanation: Explanation) -> list[LinePair]:
    """Lines of the order in their order, each with its own; then what belongs to none or to several."""
    known = {line.key for line in explanation.shop_lines}
    found = [
        LinePair(line, tuple(one for one in explanation.erp_lines if one.source == line.key))
        for line in explanation.shop_lines
    ]
    rest = tuple(one for one in explanation.erp_lines if one.source not in known)
    return [*found, *(LinePair(None, (one,)) for one in rest)]


@dataclass(frozen=True, slots=True)
class _Taken:
    """What refunds took out of the piece: total and VAT per rate."""

    gross: Decimal = _ZERO
    tax: Mapping[str, Decimal] = field(default_factory=dict)
    codes: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def whole_tax(self) -> Decimal:
        return sum(self.tax.values(), _ZERO)


def _taken(picture: Picture) -> _Taken:
    document, expected = picture.found.document, picture.expected
    if document is None or expected is None:
        return _Taken()
    tax = _less(document.expected_tax, expected.expected_tax)
    codes = _less(document.expected_codes, expected.expected_codes)
    return _Taken(document.expected_gross - expected.expected_gross, tax, codes)


def _less(whole: Mapping[str, Decimal], left: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {name: amount - left.get(name, _ZERO) for name, amount in whole.items()}


def _rates(explanation: Explanation, document: DocumentTotals | None, taken: _Taken) -> list[AmountRow]:
    rows = {(row.percent, row.code): row for row in explanation.rates}
    told = {percent for percent, _ in rows}
    keys = [*rows, *((percent, "") for percent in (document.tax if document else {}) if percent not in told)]
    return [
        _rate(rows.get(key), key, document, taken) for key in sorted(keys, key=lambda key: (-Decimal(key[0]), key[1]))
    ]


def _rate(row: RateRow | None, key: tuple[str, str], document: DocumentTotals | None, taken: _Taken) -> AmountRow:
    percent, code = key
    left = taken.codes.get(code, _ZERO) if code else taken.tax.get(percent, _ZERO)
    held = (document.codes.get(code, _ZERO) if code else document.tax.get(percent, _ZERO)) if document else None
    return AmountRow(
        label=f"{percent.replace('.', ',')} % {code}".strip(),
        shop=(row.shop_tax if row else _ZERO) - left,
        planned=(row.erp_tax if row else _ZERO) - left,
        held=held,
        rounding=row.rounding if row else _ZERO,
    )


def _totals(picture: Picture, planned: Explanation | None, document: DocumentTotals | None) -> list[AmountRow]:
    order, taken = picture.order, _taken(picture)
    left_tax, left_gross = taken.whole_tax, taken.gross
    tax = sum(document.tax.values(), _ZERO) if document else None
    net, gross = (document.net, document.gross) if document else (None, None)
    if planned is None:
        plan: tuple[Decimal | None, ...] = (None, None, None)
    else:
        plan = (
            planned.erp_net - (left_gross - left_tax),
            planned.erp_tax - left_tax,
            planned.erp_total - left_gross,
        )
    rows = [
        AmountRow(_("Total HT"), cents(order.total - order.total_tax) - (left_gross - left_tax), plan[0], net),
        AmountRow(_("TVA"), cents(order.total_tax) - left_tax, plan[1], tax),
        AmountRow(_("Total TTC"), order.total - left_gross, plan[2], gross, strong=True),
    ]
    if left_gross:
        rows.append(AmountRow(_("Remboursé, déjà déduit ci-dessus"), left_gross, left_gross, left_gross))
    deposits = planned.deposits if planned else _ZERO
    if deposits or (document and document.deposits):
        rows.append(AmountRow(_("Règlements"), deposits, deposits, document.deposits if document else None))
    return rows


def _steps(link: Link | None) -> list[Step]:
    held: Mapping[str, str] = link.steps if link else {}
    return [Step(label, icon, "" if name == MARK else held.get(name, ""), name in held) for name, label, icon in _STEPS]


def _life(link: Link | None) -> list[LifeRow]:
    return [
        LifeRow(
            at=datetime.fromisoformat(one.at),
            label=_EVENTS[one.event],
            key=one.key if one.event in (Event.REFUNDED, Event.UNREFUNDED) else "",
            act=_ACTS[one.act] if one.act is not Act.TELL or one.open else _("Traité par une personne"),
            stage=_STAGES.get(one.state, ""),
            piece=one.piece,
            text=one.text,
            advice=one.advice if one.open else Text(),
            open=one.open,
        )
        for one in lived(link.steps if link else {})
    ]


def _history(profile: Profile, key: str) -> Any:
    rows = JournalEntry.objects.filter(profile_id=profile.pk, entity=Entity.ORDER, item_key=key)
    return rows.filter(run__tenant_id=profile.tenant_id).select_related("run").defer("detail")
