"""Which article of the ERP each line of an order stands for, at which price, before the cents are chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from connectors.canonical.levies import factor
from connectors.canonical.sales import DocumentTax, LineKind, Order, OrderLine
from connectors.canonical.values import Money, TaxBasis
from profiles.sections import OrderArticlesSection, OrdersSection
from sync.mapping.order_taxes import ZERO, Share, TaxBook
from sync.mapping.order_terms import ArticleMatch, Resolver, refuse
from sync.mapping.service_articles import (
    DISCOUNT,
    ECO,
    FEE,
    FREE_SHIPPING,
    MISC,
    ROUNDING,
    SHIPPING,
    WRAPPING,
    ServiceArticle,
)

_ONE = Decimal(1)

DISCOUNT_NAME = "Remise"
ROUNDING_NAME = "Arrondi"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A line of the document before its cents are chosen.

    ``exact`` is its amount in the basis of the document as recorded, unrounded; ``full_price`` the unit price wished
    for, before discount. ``footer``: it becomes the charge at the foot of the document.
    """

    kind: LineKind
    article: str
    variant: str
    designation: str
    quantity: Decimal
    taxes: tuple[DocumentTax, ...]
    exact: Decimal
    full_price: Decimal
    source: str = ""
    footer: bool = False

    @property
    def is_taxed(self) -> bool:
        """Whether it bears a tax above 0 %."""
        return any(tax.percent for tax in self.taxes)


@dataclass(slots=True)
class LineBook:
    """Turns the lines of one order into slots. Raises ``ItemRefused`` for articles nobody named."""

    order: Order
    options: OrdersSection
    articles: OrderArticlesSection
    catalogue: Resolver
    taxes: TaxBook
    basis: TaxBasis

    def slots(self) -> list[Slot]:
        """Every line, discounts by tax after the goods, carriage last."""
        shares = [share for line in self.order.lines for share in self.taxes.shares(line)]
        carriage = [share for share in shares if share.line.kind is LineKind.SHIPPING]
        found: list[Slot] = []
        for share in shares:
            if share.line.kind is not LineKind.SHIPPING:
                found += self._slot(share)
        if self.options.discounts == "article":
            found += self._discounts([share for share in shares if share.line.kind is not LineKind.SHIPPING])
        return found + self._carriage(carriage)

    def _lead(self, share: Share) -> Decimal:
        return share.net if self.basis is TaxBasis.NET else share.gross

    def _full(self, share: Share) -> Decimal:
        return share.net_before if self.basis is TaxBasis.NET else share.gross_before

    def _slot(self, share: Share) -> list[Slot]:
        line = share.line
        lead, full = self._lead(share), self._full(share)
        if self.options.discounts == "article" and full > lead >= 0:
            lead = full
        if line.kind is not LineKind.GOODS and not lead and not full:
            return []
        quantity = line.quantity if share.whole else _ONE
        if not quantity:
            if not lead:
                return []
            quantity = _ONE
        match = self._article(share)
        return [
            Slot(
                kind=line.kind,
                article=match.article,
                variant=match.variant,
                designation=match.designation if self.options.erp_designations and match.designation else line.name,
                quantity=quantity,
                taxes=share.taxes,
                exact=lead,
                full_price=self._full_price(share, match, quantity, lead, full),
                source=line.key,
            )
        ]

    def _full_price(
        self, share: Share, match: ArticleMatch, quantity: Decimal, lead: Decimal, full: Decimal
    ) -> Decimal:
        if self.options.discounts == "erp_price" and match.price is not None and share.line.kind is LineKind.GOODS:
            price = self._in_basis(match.price, share.taxes)
            if price * quantity >= lead >= 0:
                return price
        if self.options.discounts == "line" and full > lead >= 0:
            return full / quantity
        return lead / quantity

    def _in_basis(self, price: Money, taxes: Sequence[DocumentTax]) -> Decimal:
        if price.currency != self.order.currency:
            return ZERO
        if price.basis is self.basis:
            return price.amount
        whole = factor(taxes)
        return price.amount * whole if self.basis is TaxBasis.GROSS else price.amount / whole

    # --- Articles --------------------------------------------------------------------------------------------

    def _article(self, share: Share) -> ArticleMatch:
        line = share.line
        if line.kind is LineKind.GOODS:
            return self._goods(line)
        if line.kind is LineKind.DISCOUNT or self._lead(share) < 0:
            return self.discount(share.taxes)
        if line.kind is LineKind.WRAPPING:
            return self.service(self.articles.wrapping_article, WRAPPING)
        if line.kind is LineKind.ECO:
            return self.service(self.articles.eco_article or self.articles.misc_article, ECO)
        if line.kind is LineKind.ROUNDING:
            return self.rounding()
        return self.service(self.articles.fee_article or self.articles.misc_article, FEE)

    def _goods(self, line: OrderLine) -> ArticleMatch:
        if line.product_key or line.reference:
            match = self.catalogue.variant_of(line.product_key, line.variant_key, line.reference)
            if match is not None:
                return match
        if self.articles.unknown == "misc":
            return self.service(self.articles.misc_article, MISC)
        raise refuse(
            "article_unknown",
            "L’article « %(name)s » (référence %(reference)s) n’existe pas dans l’ERP.",
            "Créez l’article dans l’ERP ou corrigez sa référence dans la boutique ; ou autorisez l’article Divers dans "
            "Commandes : articles. Puis relancez cette commande.",
            name=line.name or line.key,
            reference=line.reference or "—",
        )

    def service(self, reference: str, article: ServiceArticle) -> ArticleMatch:
        """A service article by its reference. Raises ``ItemRefused`` when it is not set or not in the ERP."""
        if not reference:
            raise refuse(
                "service_article_missing",
                article.missing,
                "Ouvrez Commandes : articles et indiquez la référence de cet article.",
            )
        match = self.catalogue.variant_of("", "", reference)
        if match is None:
            raise refuse(
                "service_article_unknown",
                article.unknown,
                "Ouvrez Commandes : articles et corrigez la référence, ou créez l’article dans l’ERP.",
                reference=reference,
            )
        return match

    def discount(self, taxes: Sequence[DocumentTax]) -> ArticleMatch:
        """The discount article of a tax (the first of several); the one a single voucher names, where allowed."""
        if self.articles.coupon_as_article and len(self.order.coupons) == 1:
            coupon = self.order.coupons[0]
            for text in (coupon.description, coupon.code):
                match = self.catalogue.variant_of("", "", text) if text else None
                if match is not None:
                    return match
        named = self.articles.discount_articles.get(taxes[0].code, "") if taxes else ""
        return self.service(named or self.articles.discount_article, DISCOUNT)

    def rounding(self) -> ArticleMatch:
        """The article of rounding lines."""
        return self.service(self.articles.rounding_article or self.articles.misc_article, ROUNDING)

    # --- Discounts and carriage ------------------------------------------------------------------------------

    def _discounts(self, shares: Sequence[Share]) -> list[Slot]:
        """One line per set of taxes with all that was taken off its goods, as recorded."""
        off: dict[tuple[DocumentTax, ...], Decimal] = {}
        for share in shares:
            lead, full = self._lead(share), self._full(share)
            if full > lead >= 0:
                off[share.taxes] = off.get(share.taxes, ZERO) + full - lead
        codes = ", ".join(coupon.code for coupon in self.order.coupons)
        found = []
        for taxes, amount in off.items():
            match = self.discount(taxes)
            found.append(
                Slot(
                    kind=LineKind.DISCOUNT,
                    article=match.article,
                    variant=match.variant,
                    designation=f"{DISCOUNT_NAME} {codes}".strip(),
                    quantity=_ONE,
                    taxes=taxes,
                    exact=-amount,
                    full_price=-amount,
                )
            )
        return found

    def _carriage(self, shares: Sequence[Share]) -> list[Slot]:
        paid = [share for share in shares if self._lead(share)]
        found = [slot for share in shares for slot in self._carriage_line(share)]
        if self.options.shipping_as == "footer" and paid and len({share.taxes for share in paid}) == 1:
            whole = sum((self._lead(share) for share in paid), ZERO)
            if whole > 0:
                free = [slot for slot in found if not slot.exact]
                first = next(slot for slot in found if slot.exact)
                return [*free, replace(first, exact=whole, full_price=whole, footer=True)]
        return found

    def _carriage_line(self, share: Share) -> list[Slot]:
        lead = self._lead(share)
        if lead:
            match = self._carriage_article(lead, share.taxes)
        elif self.articles.free_shipping_article:
            match = self.service(self.articles.free_shipping_article, FREE_SHIPPING)
        else:
            return []
        return [
            Slot(
                kind=LineKind.SHIPPING,
                article=match.article,
                variant=match.variant,
                designation=share.line.name,
                quantity=_ONE,
                taxes=share.taxes,
                exact=lead,
                full_price=lead,
                source=share.line.key,
            )
        ]

    def _carriage_article(self, lead: Decimal, taxes: Sequence[DocumentTax]) -> ArticleMatch:
        if lead < 0:
            return self.discount(taxes)
        return self.service(self.articles.shipping_article, SHIPPING)
