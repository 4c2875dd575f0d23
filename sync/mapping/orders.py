"""An order of the shop to a document of the ERP, equal to the cent or refused with both columns (ORD-03 to ORD-10).

Everything here is arithmetic on what was recorded: no database, no clock, no float. The shop's amounts per rate are the
truth. The ERP rounds every line, so the cents of the lines are chosen together (``sync.mapping.rounding``); what no
choice can give becomes named rounding lines within the limit of the profile, or the order waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, tzinfo
from decimal import Decimal, InvalidOperation

from connectors.canonical.currencies import currency_decimals
from connectors.canonical.levies import factor, split
from connectors.canonical.sales import (
    DocumentKind,
    DocumentLine,
    DocumentTax,
    FooterCharge,
    LineKind,
    Order,
    SalesDocument,
)
from connectors.canonical.values import TaxBasis
from connectors.core.mapping_keys import percent_text
from connectors.core.problems import ItemRefused, Problem
from profiles.sections import OrderArticlesSection, OrdersSection, OrderTaxesSection, PaymentsSection
from sync.mapping.order_explain import Explanation, explain
from sync.mapping.order_lines import ROUNDING_NAME, LineBook, Slot
from sync.mapping.order_payments import deposits, instalments, invoice_day, payment_term
from sync.mapping.order_taxes import ZERO, TaxBook, zone_value
from sync.mapping.order_terms import ArticleMatch, Resolver, Sections, refuse
from sync.mapping.order_texts import day_of, fill
from sync.mapping.recorded_totals import accepted_gap, recorded_tax, require_two_decimals
from sync.mapping.rounding import (
    Balance,
    Correction,
    Piece,
    Target,
    balance,
    cents,
    corrections,
    in_order,
    price_line,
)

__all__ = ["ArticleMatch", "OrderRefused", "Preview", "Resolver", "Sections", "explain", "map_order", "preview"]


_TAX_DIFFERS = (
    "order_tax_differs",
    "La TVA de la commande et celle du document diffèrent de plus que l’écart accepté (%(limit)s).",
)
_TOTAL_DIFFERS = (
    "order_total_differs",
    "Le total de la commande (%(shop)s) et celui du document (%(erp)s) diffèrent de plus que l’écart accepté "
    "(%(limit)s).",
)
_DIFFERS_ADVICE = (
    "Ouvrez le calcul de la commande et comparez les deux colonnes. Une taxe ou un total modifié à la main dans la "
    "boutique, ou un bon d’achat qui n’est pas une ligne, en est souvent la cause."
)


class OrderRefused(ItemRefused):
    """The order adds up differently in the ERP. ``explanation`` shows both columns."""

    def __init__(self, problem: Problem, explanation: Explanation) -> None:
        super().__init__(problem)
        self.explanation = explanation


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What an import would do. ``document`` is ``None`` when ``problem`` says why not; ``explanation`` is there as soon
    as the lines could be built."""

    document: SalesDocument | None
    explanation: Explanation | None
    problem: Problem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What the mapping may not ask anyone: the day, the shop's time zone, the ERP's customer once it is known."""

    today: date
    timezone: tzinfo = UTC
    customer: str = ""


def map_order(
    order: Order, options: Sections, catalogue: Resolver, moment: Moment, *, kind: DocumentKind | None = None
) -> SalesDocument:
    """The document of an order; its total and VAT per rate equal the order's to the cent.

    Pure and deterministic. ``kind`` overrides the table of statuses. Raises ``ItemRefused`` with a stable code that
    names the missing setting, or :class:`OrderRefused` (``order_total_differs``, ``order_tax_differs``) with both
    columns when the difference exceeds the limit of the profile.
    """
    return _Draft(order, options, catalogue, moment).document(kind)


def preview(
    order: Order, options: Sections, catalogue: Resolver, moment: Moment, *, kind: DocumentKind | None = None
) -> Preview:
    """As :func:`map_order`, but a refusal is told and not raised; a status without document counts as an order."""
    try:
        document = map_order(order, options, catalogue, moment, kind=kind or _kind(order, options, default=True))
    except OrderRefused as error:
        return Preview(document=None, explanation=error.explanation, problem=error.problem)
    except ItemRefused as error:
        return Preview(document=None, explanation=None, problem=error.problem)
    return Preview(document=document, explanation=explain(order, document), problem=None)


def is_selected(order: Order, options: Sections) -> bool:
    """Whether the order's status has a document in the table of statuses."""
    section: OrdersSection = options["orders"]
    return order.status in section.statuses


def is_quote(order: Order, options: Sections) -> bool:
    """Whether the order's status stands for a quote in the table of statuses."""
    section: OrdersSection = options["orders"]
    return section.statuses.get(order.status) == "quote"


def status_after(order: Order, options: Sections) -> str:
    """The status to give the order in the shop once its document exists, or empty."""
    section: OrdersSection = options["orders"]
    wanted = section.statuses_after.get(order.status, "")
    return "" if wanted == order.status else wanted


def web_number(order: Order, options: Sections) -> str:
    """What the document is searched by in the ERP; known before anything is mapped."""
    section: OrdersSection = options["orders"]
    return section.web_prefix + (order.key if section.web_number == "id" else order.number)


def _kind(order: Order, options: Sections, *, default: bool = False) -> DocumentKind:
    section: OrdersSection = options["orders"]
    chosen = section.statuses.get(order.status)
    if chosen:
        return DocumentKind(chosen)
    if default:
        return DocumentKind.ORDER
    raise refuse(
        "status_not_selected",
        "L’état « %(status)s » de la commande n’est pas à importer.",
        "Ouvrez Commandes et choisissez un document pour cet état.",
        status=order.status,
    )


def line_basis(order: Order, section: OrdersSection) -> TaxBasis:
    """Which amount leads in the document."""
    if section.basis == "shop":
        return TaxBasis.GROSS if order.prices_include_tax else TaxBasis.NET
    return TaxBasis(section.basis)


class _Draft:
    """One mapping in progress."""

    def __init__(self, order: Order, options: Sections, catalogue: Resolver, moment: Moment) -> None:
        self.order = order
        self.options = options
        self.catalogue = catalogue
        self.moment = moment
        self.section: OrdersSection = options["orders"]
        self.articles: OrderArticlesSection = options["order_articles"]
        self.accounts: OrderTaxesSection = options["order_taxes"]
        self.payments: PaymentsSection = options["payments"]
        self.basis = line_basis(order, self.section)
        self.taxes = TaxBook(order, self.accounts, catalogue)
        self.lines = LineBook(order, self.section, self.articles, catalogue, self.taxes, self.basis)

    def document(self, kind: DocumentKind | None) -> SalesDocument:
        kind = kind or _kind(self.order, self.options)
        self._check()
        slots = self.lines.slots()
        if not slots:
            raise refuse("order_empty", "La commande n’a aucune ligne.", "Vérifiez la commande dans la boutique.")
        vat = recorded_tax(self.order, self.taxes)
        target = Target(vat, cents(self.order.total))
        pieces = [Piece(slot.taxes, slot.exact) for slot in slots]
        chosen = balance(pieces, target, self.basis)
        head = self._head(kind, slots, vat)
        plain = self._with_lines(head, slots, chosen, ())
        if chosen.is_exact:
            return plain
        return self._corrected(head, slots, chosen, plain)

    def _check(self) -> None:
        require_two_decimals(self.order.total, self.order.currency)

    # --- Head ------------------------------------------------------------------------------------------------

    def _head(self, kind: DocumentKind, slots: list[Slot], vat: Mapping[DocumentTax, Decimal]) -> SalesDocument:
        order, section, moment = self.order, self.section, self.moment
        on = self._day()
        currency, rate = self._currency()
        paid = deposits(order, self.payments, today=moment.today, timezone=moment.timezone, account=moment.customer)
        return SalesDocument(
            key=order.key,
            web_number=web_number(order, self.options),
            kind=kind,
            on=on,
            delivery_on=on if section.delivery_date else None,
            reference=fill(section.reference_template, order, account=moment.customer, timezone=moment.timezone),
            basis=self.basis,
            lines=(),
            deposits=paid,
            instalments=instalments(order, self.payments, paid, on=on),
            warehouse=section.warehouse,
            series=section.series,
            status=section.document_status,
            accounting_category=self._accounting_category(slots, vat),
            carrier=self._carrier(),
            currency=currency,
            currency_rate=rate,
            comment="\n".join([*([order.note] if section.copy_note and order.note else []), *order.team_notes]),
            customer=moment.customer,
            payment_term=payment_term(order, self.payments),
            billing=order.billing,
            delivery=order.shipping,
            expected_gross=cents(order.total),
            expected_tax=_summed(vat, lambda tax: percent_text(tax.percent)),
            expected_codes=_summed(vat, lambda tax: tax.code),
        )

    def _day(self) -> date:
        if self.section.document_date == "today":
            return self.moment.today
        if self.section.document_date == "order":
            return day_of(self.order.created_at, self.moment.timezone)
        return invoice_day(self.order, self.moment.timezone)

    def _currency(self) -> tuple[str, Decimal | None]:
        code = self.order.currency
        if code == self.catalogue.currency:
            return "", None
        key = self.accounts.currencies.get(code, "")
        if not key:
            raise refuse(
                "currency_unmapped",
                "La commande est en %(currency)s et l’ERP en %(erp)s.",
                "Ouvrez Commandes : pays et taxes et choisissez la devise de l’ERP pour %(currency)s, puis relancez "
                "cette commande.",
                currency=code,
                erp=self.catalogue.currency or "?",
            )
        rate = self._recorded_rate() or self.catalogue.currency_rate(key)
        if rate is None or rate <= 0:
            raise refuse(
                "currency_rate_missing",
                "Aucun cours n’est connu pour la devise %(currency)s de la commande.",
                "Renseignez le cours de la devise dans l’ERP, ou le champ du taux de change dans Commandes : pays et "
                "taxes.",
                currency=code,
            )
        return key, rate

    def _recorded_rate(self) -> Decimal | None:
        text = self.order.fields.get(self.accounts.rate_field, "") if self.accounts.rate_field else ""
        try:
            rate = Decimal(text.replace(",", "."))
        except InvalidOperation:
            return None
        return rate if rate.is_finite() and rate > 0 else None

    def _accounting_category(self, slots: list[Slot], vat: Mapping[DocumentTax, Decimal]) -> str:
        nothing_due = not any(slot.exact for slot in slots)
        taxed = nothing_due or any(vat.values()) or any(slot.is_taxed for slot in slots if slot.exact)
        table = self.accounts.categories_taxed if taxed else self.accounts.categories_untaxed
        default = self.accounts.category_taxed if taxed else self.accounts.category_untaxed
        found = zone_value(table, self.order) or default
        if found or taxed:
            return found
        raise refuse(
            "accounting_category_missing",
            "La commande est sans taxe et aucune catégorie comptable n’est choisie pour ce cas (%(country)s).",
            "Ouvrez Commandes : pays et taxes et choisissez la catégorie comptable sans taxe de ce pays ou par défaut.",
            country=self.taxes.country or "?",
        )

    def _carrier(self) -> str:
        section = self.section
        key = self.order.carrier if section.carriers_by == "id" else self.order.carrier_title
        # "flat_rate:3" names one instance of a method; the table may hold the method alone.
        names = (key, key.partition(":")[0]) if section.carriers_by == "id" else (key,)
        found = next((section.carriers[name] for name in names if section.carriers.get(name)), "")
        return found or section.carrier_default

    # --- Lines -----------------------------------------------------------------------------------------------

    def _with_lines(
        self, head: SalesDocument, slots: list[Slot], chosen: Balance, extra: tuple[Correction, ...]
    ) -> SalesDocument:
        lines: list[DocumentLine] = []
        footer: FooterCharge | None = None
        for slot, lead in zip(slots, chosen.leads, strict=True):
            found = split(lead, slot.taxes, self.basis)
            first, more = slot.taxes[0] if slot.taxes else None, slot.taxes[1:]
            if slot.footer:
                footer = FooterCharge(
                    amount=lead, basis=self.basis, tax=first, more_taxes=more, net=found.net, gross=found.gross
                )
                continue
            pricing = price_line(slot.quantity, lead, slot.full_price, self.section.decimals)
            lines.append(
                DocumentLine(
                    position=len(lines) + 1,
                    kind=slot.kind,
                    article=slot.article,
                    variant=slot.variant,
                    designation=slot.designation,
                    quantity=slot.quantity,
                    unit_price=pricing.unit_price,
                    discount=pricing.discount,
                    tax=first,
                    more_taxes=more,
                    net=found.net,
                    gross=found.gross,
                    source=slot.source,
                )
            )
        lines += [self._rounding_line(len(lines) + 1 + place, one) for place, one in enumerate(extra)]
        return replace(head, lines=tuple(lines), footer=footer)

    def _rounding_line(self, position: int, correction: Correction) -> DocumentLine:
        match, tax = self.lines.rounding(), correction.tax
        found = split(correction.lead, (tax,) if tax else (), self.basis)
        return DocumentLine(
            position=position,
            kind=LineKind.ROUNDING,
            article=match.article,
            variant=match.variant,
            designation=f"{ROUNDING_NAME} TVA {percent_text(tax.percent)} %" if tax else ROUNDING_NAME,
            quantity=Decimal(1),
            unit_price=correction.lead,
            tax=tax,
            net=found.net,
            gross=found.gross,
        )

    def _corrected(
        self, head: SalesDocument, slots: list[Slot], chosen: Balance, plain: SalesDocument
    ) -> SalesDocument:
        """With rounding lines when every gap is within the limit, else refused with both columns."""
        limit = self._limit()
        present = {tax for slot in slots for tax in slot.taxes}
        too_far = [tax for tax, gap in chosen.tax_gaps.items() if abs(gap) > limit or tax not in present]
        exact = sum((slot.exact * (1 if self.basis is TaxBasis.GROSS else factor(slot.taxes)) for slot in slots), ZERO)
        accepted = accepted_gap(self.order, exact, limit)
        extra = None if too_far or abs(chosen.gross_gap) > accepted else corrections(chosen, self.basis)
        if extra is None:
            raise self._differs(plain, chosen, tax=abs(chosen.net_gap) <= accepted)
        return self._with_lines(head, slots, chosen, extra)

    def _limit(self) -> Decimal:
        """The accepted difference, in the smallest amounts of the order's currency: 0.05 EUR is 5 JPY."""
        decimals = currency_decimals(self.order.currency)
        return self.articles.rounding_limit * (100 if decimals == 0 else 1)

    def _differs(self, plain: SalesDocument, chosen: Balance, *, tax: bool) -> OrderRefused:
        told = explain(self.order, plain)
        code, sentence = _TAX_DIFFERS if tax else _TOTAL_DIFFERS
        values = {
            "shop": str(told.shop_total),
            "erp": str(told.erp_total),
            "limit": str(self._limit()),
        }
        return OrderRefused(Problem(code, sentence, _DIFFERS_ADVICE, told.columns(), values), told)


def _summed(vat: Mapping[DocumentTax, Decimal], name: Callable[[DocumentTax], str]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for tax in in_order(vat):
        if tax.percent:
            found[name(tax)] = found.get(name(tax), ZERO) + vat[tax]
    return found
