"""An order ready to be written: its document, who its customer is, and the status it gets in the shop."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.canonical.base import Record, part
from connectors.canonical.sales import SalesDocument
from sync.mapping.customers import CustomerPlan

DOCUMENT = "document"
CONTACT = "contact"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOrder(Record):
    """Everything the steps of one import need.

    ``status_after`` is the status to set in the shop, empty to leave it. Only the document counts as content: a
    corrected phone number does not make an imported order a changed one.
    """

    key: str
    number: str
    document: SalesDocument = part(DOCUMENT)
    plan: CustomerPlan = part(CONTACT)
    status_after: str = part(CONTACT, "")
