"""The certificate of a period: every order of the shop beside its documents in the ERP, equal or not and why."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.utils import timezone
from django.utils.formats import get_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from connectors.canonical.keys import Entity
from connectors.canonical.sales import DocumentTotals, Order, Refund
from connectors.core.ports import Reader
from connectors.core.problems import ConnectorError
from connectors.core.query import Query
from connectors.core.texts import Text, Value, stored
from profiles import options_store
from profiles.models import Profile, User
from profiles.options_store import OptionsRefused
from profiles.texts import kept, rendered
from sync.mapping.order_refunds import cancellation_number
from sync.mapping.rounding import cents
from sync.models import Certificate, CertificateState, JournalEntry, Link, Run
from sync.orders.preview import Picture, Pictures, opened
from sync.orders.steps import DOCUMENT, Act, Event, amended_refunds, covered_refunds, credited_refunds, lived
from sync.orders.vanished import imported, vanished

ROWS_KEPT = 5000
NIGHT_DAYS = 35
KEPT_FOR = timedelta(days=120)
LOST_AFTER = timedelta(hours=6)
FLOW = "orders"
_ZERO = Decimal(0)


class Verdict(StrEnum):
    """What was found for one order."""

    EQUAL = "equal"
    MISSING = "missing"
    DIFFERENT = "different"


_RANK = {Verdict.MISSING: 0, Verdict.DIFFERENT: 1, Verdict.EQUAL: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One order of a certificate as plain data; amounts are text. ``causes`` are French sentences, empty when equal.

    ``told`` are the same ones with their values, as stored, for readers of any language. ``again``: it was transferred
    before, so that an import needs its reset.
    """

    key: str
    number: str
    date: str
    status: str
    currency: str
    verdict: str
    shop_total: str
    shop_tax: str
    piece: str = ""
    erp_total: str = ""
    erp_tax: str = ""
    refunded: str = ""
    causes: tuple[str, ...] = ()
    told: tuple[list[Any], ...] = ()
    again: bool = False


def certificate_begin(
    profile: Profile, since: date, until: date, *, by: User | None = None, at: datetime | None = None
) -> Certificate:
    """Stores the wish for a certificate over the days ``since`` to ``until``, both included. ``at``: now by default."""
    made: Certificate = Certificate.objects.create(
        profile=profile, since=since, until=until, started_by=by, created_at=at or timezone.now()
    )
    return made


def certificate_make(profile: Profile, since: date, until: date, *, by: User | None = None) -> Certificate:
    """Compares now and stores the result; see ``certificate_fill``."""
    return certificate_fill(certificate_begin(profile, since, until, by=by))


def certificate_fill(certificate: Certificate) -> Certificate:
    """Compares the shop's orders of the period with the ERP's documents. Reads only; may be called twice.

    Counts an order whose status is imported or that was transferred before. A system that does not answer makes a
    failed certificate that says why; nothing is raised for it.
    """
    try:
        rows = list(_rows(certificate))
    except (ConnectorError, OptionsRefused) as error:
        certificate.state = CertificateState.FAILED
        _tell(certificate, *_words(error))
    else:
        rows.sort(key=lambda row: _RANK[Verdict(row.verdict)])
        counts = Counter(row.verdict for row in rows)
        certificate.state = CertificateState.DONE
        certificate.counts = {"orders": len(rows), **{verdict.value: counts[verdict.value] for verdict in Verdict}}
        certificate.rows = [
            {**asdict(row), "causes": list(row.causes), "told": list(row.told)} for row in rows[:ROWS_KEPT]
        ]
        _tell(certificate, Text(), Text())
    certificate.ended_at = timezone.now()
    certificate.save()
    return certificate


def _tell(certificate: Certificate, problem: Text, advice: Text) -> None:
    for column, value in stored(problem=problem, advice=advice).items():
        setattr(certificate, column, value)


def last_days(profile: Profile, days: int = NIGHT_DAYS) -> tuple[date, date]:
    """The first and the last day of a period that ends today, in the tenant's time."""
    today = timezone.now().astimezone(profile.tenant.zone).date()
    return today - timedelta(days=days), today


def csv_text(certificate: Certificate) -> str:
    """The rows as a table for a spreadsheet, in the active language: semicolons, decimals as it writes them, UTF-8."""
    out = io.StringIO()
    table = csv.writer(out, delimiter=";", lineterminator="\r\n")
    table.writerow([_("Commande"), _("Identifiant"), _("Date"), _("État"), _("Verdict"), _("Devise"),
                    _("Total boutique"), _("TVA boutique"), _("Pièce"), _("Total ERP"), _("TVA ERP"), _("Remboursé"),
                    _("Causes")])  # fmt: skip
    for row in certificate.rows:
        table.writerow([_safe(cell) for cell in _cells(row)])
    return "\ufeff" + out.getvalue()


_VERDICT_WORDS = {
    "equal": gettext_lazy("égale"),
    "missing": gettext_lazy("manquante"),
    "different": gettext_lazy("différente"),
}


def _cells(row: Mapping[str, Any]) -> list[str]:
    mark = get_format("DECIMAL_SEPARATOR")
    names = ("shop_total", "shop_tax", "erp_total", "erp_tax", "refunded")
    amounts = {name: row[name].replace(".", mark) for name in names}
    return [
        row["number"],
        row["key"],
        row["date"],
        row["status"],
        str(_VERDICT_WORDS[row["verdict"]]),
        row["currency"],
        amounts["shop_total"],
        amounts["shop_tax"],
        row["piece"],
        amounts["erp_total"],
        amounts["erp_tax"],
        amounts["refunded"],
        " ".join(rendered(Text.loads(cause)) for cause in row.get("told") or row["causes"]),
    ]


def _safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; negative amounts stay numbers."""
    is_formula = cell[:1] in ("=", "+", "@", "\t", "\r") or (cell[:1] == "-" and not cell[1:2].isdigit())
    return f"'{cell}" if is_formula else cell


def _words(error: ConnectorError | OptionsRefused) -> tuple[Text, Text]:
    if isinstance(error, OptionsRefused):
        sentence = "Les réglages du profil sont incomplets : les deux systèmes n’ont pas pu être lus."
        return Text(sentence), error.said
    return error.problem.said, error.problem.advised


# --- Comparing ---------------------------------------------------------------------------------------------------


def _rows(certificate: Certificate) -> Iterator[Row]:
    profile = certificate.profile
    zone = profile.tenant.zone
    query = Query(
        created_after=datetime.combine(certificate.since, time(), zone),
        created_before=datetime.combine(certificate.until + timedelta(days=1), time(), zone),
        include_transferred=True,
    )
    with opened(profile) as (pictures, shop):
        reader = shop.reader(Entity.ORDER)
        seen: set[str] = set()
        for page in reader.pages(query):
            seen |= {order.key for order in page.records} | {row.key for row in page.refused}
            pictures.resolver.prefetch(page.records)
            yield from _page(profile, pictures, page.records)
        yield from _vanished(profile, pictures, reader, query, seen)


def _vanished(
    profile: Profile, pictures: Pictures, reader: Reader[Any], query: Query, seen: Collection[str]
) -> Iterator[Row]:
    """Orders first met in the period that were deleted in the shop, while nobody dealt with their document.

    Raises ``Misconfigured`` (``orders_vanished``) where so many are absent that it must be another shop.
    """
    rows = list(imported(profile.pk).filter(created_at__gte=query.created_after, created_at__lt=query.created_before))
    lost = {row.shop_key or "": row for row in rows if row.shop_key not in seen and not _is_dealt_with(row.steps)}
    limit = options_store.load(profile)["order_changes"].vanished_limit
    for key in sorted(vanished(reader, list(lost), present=len(rows) - len(lost), limit_percent=limit)):
        held = pictures.document(lost[key].erp_key or lost[key].reference, lost[key].steps.get(DOCUMENT, ""))
        if held is not None:
            yield _vanished_row(lost[key], held)


def _is_dealt_with(steps: Mapping[str, str]) -> bool:
    """Whether the cancellation of the order was acted upon, or a person said that it is settled."""
    return any(one.event is Event.CANCELLED and not one.open for one in lived(steps))


def _vanished_row(link: Link, held: DocumentTotals) -> Row:
    return Row(
        key=link.shop_key or "",
        number=link.reference,
        date=link.created_at.isoformat(timespec="seconds"),
        status="",
        currency="",
        verdict=Verdict.DIFFERENT.value,
        shop_total=_text(_ZERO),
        shop_tax=_text(_ZERO),
        piece=held.piece,
        erp_total=_text(held.gross),
        erp_tax=_text(sum(held.tax.values(), _ZERO)),
        causes=("Commande supprimée dans la boutique : sa pièce est toujours dans l’ERP.",),
    )


def _page(profile: Profile, pictures: Pictures, orders: Iterable[Order]) -> Iterator[Row]:
    orders = list(orders)
    keys = [order.key for order in orders]
    links = {link.shop_key: link for link in Link.objects.filter(profile=profile, entity="order", shop_key__in=keys)}
    causes = _journal(profile, keys)
    for order in orders:
        link = links.get(order.key)
        steps: Mapping[str, str] = link.steps if link else {}
        met = bool(order.mark or steps.get(DOCUMENT))
        amended = amended_refunds(steps)
        picture = pictures.of(order, with_document=False, amended=amended)
        wanted = met or picture.selected
        if not wanted and not picture.settled:
            continue
        held = pictures.document(picture.number, steps.get(DOCUMENT, ""))
        # Nobody needs the document of an order that was given up.
        if held is None and (not wanted or order.cancelled):
            continue
        if held is None:
            yield _row(order, Verdict.MISSING, None, (_missing(picture, met=met, told=causes.get(order.key)),), met)
            continue
        found = (
            *_differences(picture, held, amended),
            *_refunds(picture, pictures, amended | covered_refunds(steps)),
            *_cancellation(picture, pictures, steps),
        )
        yield _row(order, Verdict.DIFFERENT if found else Verdict.EQUAL, held, found, met)


def _row(order: Order, verdict: Verdict, held: DocumentTotals | None, causes: Iterable[Text], met: bool) -> Row:
    refunded = sum((refund.amount for refund in order.refunds), _ZERO)
    found = list(causes)
    return Row(
        key=order.key,
        number=order.number,
        date=order.created_at.isoformat(timespec="seconds"),
        status=order.status,
        currency=order.currency,
        verdict=verdict.value,
        shop_total=_text(order.total),
        shop_tax=_text(order.total_tax),
        piece=held.piece if held else "",
        erp_total=_text(held.gross) if held else "",
        erp_tax=_text(sum(held.tax.values(), _ZERO)) if held else "",
        refunded=_text(refunded) if refunded else "",
        causes=tuple(map(str, found)),
        told=tuple(cause.dumps() for cause in found),
        again=met,
    )


def _missing(picture: Picture, *, met: bool, told: Text | None) -> Text:
    """Why there is no document: it was taken away, the order is refused, or nobody imported it yet."""
    if met:
        return Text("La pièce a existé : elle a été supprimée dans l’ERP, ou son identifiant web y a été changé.")
    problem = picture.found.problem
    if problem is not None:
        return Text("Refusée : %(reason)s", {"reason": problem.said})
    if told:
        return Text("Dernier essai : %(reason)s", {"reason": told})
    return Text("La commande n’a pas encore été importée.")


def _differences(picture: Picture, held: DocumentTotals, amended: Collection[str]) -> Iterator[Text]:
    """Total, VAT per rate, payments: each difference as a sentence with both amounts.

    The refunds ``amended`` were taken out of the piece.
    """
    order, document = picture.order, picture.expected
    taken = sum((refund.amount for refund in order.refunds if refund.key in amended), _ZERO)
    if order.total - taken != held.gross:
        yield _both(Text("Total"), order.total - taken, held.gross)
    tax = sum(held.tax.values(), _ZERO)
    if document is None:
        if not amended and cents(order.total_tax) != tax:
            yield _both(Text("TVA"), cents(order.total_tax), tax)
        return
    for rate in sorted({*document.expected_tax, *held.tax}, key=Decimal, reverse=True):
        wanted, found = document.expected_tax.get(rate, _ZERO), held.tax.get(rate, _ZERO)
        if wanted != found:
            yield _both(Text("TVA %(rate)s %%", {"rate": Decimal(rate)}), wanted, found)
    known = {*document.expected_codes, *held.codes} if document.expected_codes and held.codes else set()
    for code in sorted(known):
        wanted, found = document.expected_codes.get(code, _ZERO), held.codes.get(code, _ZERO)
        if wanted != found:
            yield _both(Text("Taxe %(code)s", {"code": code}), wanted, found)
    paid = sum((deposit.amount for deposit in document.deposits), _ZERO)
    if paid and paid != held.deposits:
        yield _both(Text("Règlements"), paid, held.deposits)


def _refunds(picture: Picture, pictures: Pictures, amended: Collection[str]) -> Iterator[Text]:
    """Refunds that the piece still holds and that have no credit note of their own, or one of another amount."""
    for refund in (one for one in picture.order.refunds if one.key not in amended):
        credit = pictures.document(f"{picture.number}-R{refund.key}")
        if credit is None:
            yield _refund_missing(refund)
        elif credit.gross != refund.amount:
            yield _both(Text("Remboursement %(key)s", {"key": refund.key}), refund.amount, credit.gross)


def _cancellation(picture: Picture, pictures: Pictures, steps: Mapping[str, str]) -> Iterator[Text]:
    """The credit note of a cancelled order, where one was made: there, and of all that was not credited apart."""
    if not any(one.event is Event.CANCELLED and one.act is Act.CREDIT for one in lived(steps)):
        return
    apart = amended_refunds(steps) | credited_refunds(steps)
    refunds = picture.order.refunds
    wanted = picture.order.total - sum((refund.amount for refund in refunds if refund.key in apart), _ZERO)
    credit = pictures.document(cancellation_number(picture.number))
    if credit is None:
        sentence = "Commande annulée : son avoir de %(amount)s n’est plus dans l’ERP."
        yield Text(sentence, {"amount": cents(wanted)})
    elif credit.gross != wanted:
        yield _both(Text("Annulation"), wanted, credit.gross)


def _refund_missing(refund: Refund) -> Text:
    values: dict[str, Value] = {"key": refund.key, "amount": cents(refund.amount)}
    return Text("Remboursement %(key)s de %(amount)s sans avoir dans l’ERP.", values)


def _journal(profile: Profile, keys: Iterable[str]) -> dict[str, Text]:
    """What the last import said of each order."""
    rows = JournalEntry.objects.filter(
        profile_id=profile.pk, entity="order", item_key__in=list(keys), run__flow=FLOW, run__dry=False
    ).exclude(code="")
    lines = rows.order_by("pk").values_list("item_key", "text", "told")
    return {key: kept(told, "text", text) for key, text, told in lines}


def _both(name: Text, shop: Decimal, erp: Decimal) -> Text:
    values: dict[str, Value] = {"name": name, "shop": cents(shop), "erp": cents(erp), "difference": cents(erp - shop)}
    return Text("%(name)s : boutique %(shop)s, ERP %(erp)s, écart %(difference)s.", values)


def _text(value: Decimal) -> str:
    return f"{cents(value):f}"


# --- At night ----------------------------------------------------------------------------------------------------


def night_profiles(now: datetime, *, hour: int = 2) -> Iterator[Profile]:
    """Profiles whose night certificate is due: it is past ``hour`` (30) where they are, and none was made today.

    Only those that import orders: both systems declare orders, and orders were imported before. May be asked often.
    """
    with_runs = Run.objects.filter(flow=FLOW, dry=False).order_by().values("profile_id").distinct()
    for profile in Profile.objects.filter(pk__in=with_runs, state="active").select_related("tenant"):
        local = now.astimezone(profile.tenant.zone)
        if not hour * 60 + 30 <= local.hour * 60 + local.minute < (hour + 4) * 60 or not _imports_orders(profile):
            continue
        midnight = datetime.combine(local.date(), time(), profile.tenant.zone)
        if not Certificate.objects.filter(profile=profile, created_at__gte=midnight, started_by=None).exists():
            yield profile


def _imports_orders(profile: Profile) -> bool:
    try:
        specs = (profile.erp_spec, profile.shop_spec)
    except LookupError:
        return False
    return all(spec.capability(Entity.ORDER) is not None for spec in specs)


def night_begin(now: datetime) -> list[int]:
    """Begins the certificates that are due at night and returns their ids; see ``night_profiles``.

    Those that a worker lost are told as failed, and those nobody looks at any more are deleted.
    """
    Certificate.objects.filter(created_at__lt=now - KEPT_FOR).delete()
    Certificate.objects.filter(state=CertificateState.RUNNING, created_at__lt=now - LOST_AFTER).update(
        state=CertificateState.FAILED,
        ended_at=now,
        **stored(problem=Text("Le certificat a été interrompu."), advice=Text("Établissez-le de nouveau.")),
    )
    return [certificate_begin(profile, *last_days(profile), at=now).pk for profile in night_profiles(now)]
