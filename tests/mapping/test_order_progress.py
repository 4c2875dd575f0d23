"""From the chain of documents in the ERP to the status of an order in the shop."""

from __future__ import annotations

import pytest

from connectors.canonical.sales import OrderProgress
from profiles.sections import ProgressSection
from sync.mapping.progress import further_statuses, shop_status

ALL = {
    "preparation_status": "packing",
    "partial_status": "partial",
    "delivery_status": "sent",
    "invoice_status": "invoiced",
    "posted_status": "closed",
}


def status(state: str, *, partial: bool = False, **options: str) -> str:
    progress = OrderProgress(key="BC1", web_number="1", state=state, partial=partial)
    return shop_status(progress, ProgressSection.model_validate(options))


@pytest.mark.covers("UPD-01")
@pytest.mark.parametrize(
    ("state", "full", "sparse"),
    [
        ("order", "", ""),
        ("preparation", "packing", ""),
        ("delivery", "sent", "sent"),
        ("invoice", "invoiced", "sent"),
        ("posted", "closed", "sent"),
    ],
)
def test_each_stage_has_its_status_or_that_of_the_stage_before(state: str, full: str, sparse: str) -> None:
    assert status(state, **ALL) == full
    assert status(state, delivery_status="sent") == sparse
    assert status(state) == ""


@pytest.mark.covers("UPD-01")
def test_a_part_that_is_delivered_has_a_status_of_its_own_or_that_of_its_stage() -> None:
    assert status("delivery", partial=True, **ALL) == "partial"
    assert status("delivery", partial=True, **{**ALL, "partial_status": ""}) == "sent"


@pytest.mark.covers("UPD-01", "UPD-02")
def test_the_status_of_a_parcel_stands_between_delivery_and_invoice() -> None:
    section = ProgressSection.model_validate({**ALL, "tracking_status": "shipped"})
    assert further_statuses("sent", section) == ("shipped", "invoiced", "closed")
    assert further_statuses("shipped", section) == ("invoiced", "closed")
    assert further_statuses("", section) == ()
    unsent = ProgressSection.model_validate({**ALL, "tracking_status": "shipped", "send_tracking": False})
    assert further_statuses("sent", unsent) == ("invoiced", "closed")
    free = ProgressSection.model_validate({**ALL, "forward_only": False})
    assert further_statuses("sent", free) == ()
