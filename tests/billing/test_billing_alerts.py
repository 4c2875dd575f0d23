"""Alerts at 20 %, 5 % and zero: each once, again after a credit, and never lost with a failing mail server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives

from billing import alerts, ledger
from billing.alerts import Alert
from billing.models import Account, LedgerEntry
from profiles.models import Membership, Role, Tenant, User

Buy = Callable[..., LedgerEntry]
pytestmark = pytest.mark.covers("BIL-05")
Check = Callable[[], Alert | None]


@pytest.fixture
def check(tenant: Tenant, django_capture_on_commit_callbacks: Any) -> Check:
    """Check the export counter as the engine does after a run, its transaction committed."""

    def run() -> Alert | None:
        with django_capture_on_commit_callbacks(execute=True):
            return alerts.check(tenant.pk, "export")

    return run


def spend(tenant: Tenant, units: int) -> None:
    key = f"spend-{ledger.balance(tenant_id=tenant.pk, kind='export').used}"
    ledger.spend(tenant_id=tenant.pk, kind="export", units=units, key=key, reference="run 1")


def test_each_threshold_is_told_once(tenant: Tenant, check: Check, buy: Buy) -> None:
    buy(tenant, 1000)
    told = []
    for units in (799, 1, 1, 148, 1, 1, 48, 1):
        spend(tenant, units)
        told += [check(), check()]
    low, very_low, empty = Alert.LOW, Alert.VERY_LOW, Alert.EMPTY
    assert told == [None, None, low, None, None, None, None, None, very_low, None, None, None, None, None, empty, None]
    assert [message.to for message in mail.outbox] == [["alice@example.test"]] * 3


def test_a_run_that_crosses_several_thresholds_tells_the_gravest(tenant: Tenant, check: Check, buy: Buy) -> None:
    buy(tenant, 1000)
    spend(tenant, 1000)
    assert [check(), check()] == [Alert.EMPTY, None]
    assert len(mail.outbox) == 1


def test_a_credit_starts_the_alerts_anew_from_what_is_left(tenant: Tenant, check: Check, buy: Buy) -> None:
    buy(tenant, 1000)
    spend(tenant, 960)
    assert check() is Alert.VERY_LOW
    buy(tenant, 60, key="invoice-2")
    assert check() is None
    spend(tenant, 80)
    assert check() is Alert.LOW


def test_a_tenant_that_never_bought_is_told_once(check: Check) -> None:
    assert [check(), check()] == [Alert.EMPTY, None]


def test_units_reserved_by_a_run_under_way_raise_no_alert(tenant: Tenant, check: Check, buy: Buy) -> None:
    buy(tenant, 10)
    ledger.reserve(tenant_id=tenant.pk, kind="export", units=10, key="run/1/1", owner="run/1")
    assert check() is None


def test_only_active_owners_of_the_tenant_are_told(tenant: Tenant, stranger: User, check: Check) -> None:
    people = {
        "second-owner@example.test": (Role.OWNER, True),
        "left-owner@example.test": (Role.OWNER, False),
        "manager@example.test": (Role.MANAGER, True),
    }
    for email, (role, active) in people.items():
        user = User.objects.create_user(email, is_active=active)
        Membership.objects.create(user=user, tenant=tenant, role=role)
    check()
    assert sorted(message.to[0] for message in mail.outbox) == ["alice@example.test", "second-owner@example.test"]


def test_the_mail_names_company_counter_and_units(tenant: Tenant, check: Check, buy: Buy) -> None:
    buy(tenant, 10_000)
    spend(tenant, 8_766)
    check()
    (message,) = mail.outbox
    assert message.subject == "Maison Dupont : il reste 20 % ou moins de vos unités d’export"
    html = next(content for content, kind in message.alternatives if kind == "text/html")
    for body in (str(message.body), str(html)):
        text = body.replace("\u202f", " ").replace("\xa0", " ")
        assert "Maison Dupont" in text
        assert "1 234" in text
        assert "/unites/" in text


def test_the_mail_at_zero_says_what_happens_to_the_rest(tenant: Tenant, check: Check) -> None:
    check()
    (message,) = mail.outbox
    assert message.subject == "Maison Dupont : vos unités d’export sont épuisées"
    assert "rien n’est perdu" in str(message.body)


@pytest.fixture
def failing_mail(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A mail server that hangs up."""

    def send(self: EmailMultiAlternatives, fail_silently: bool = False) -> int:
        raise SMTPServerDisconnected("connection closed")

    with monkeypatch.context() as patch:
        patch.setattr(EmailMultiAlternatives, "send", send)
        yield patch


def test_mail_server_failure_keeps_the_alert_for_the_next_check(
    tenant: Tenant, check: Check, failing_mail: pytest.MonkeyPatch
) -> None:
    assert check() is Alert.EMPTY
    failing_mail.undo()
    assert check() is Alert.EMPTY
    assert len(mail.outbox) == 1
    assert Account.objects.get(tenant=tenant).alert_told == Alert.EMPTY


def test_alert_read_before_a_credit_does_not_silence_those_after_it(
    tenant: Tenant, check: Check, monkeypatch: pytest.MonkeyPatch, buy: Buy
) -> None:
    buy(tenant, 10)
    spend(tenant, 10)
    real = alerts.current

    def credit_meanwhile(account: Account) -> Alert | None:
        found = real(account)
        buy(tenant, 100, key="invoice-2")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(alerts, "current", credit_meanwhile)
        assert check() is None
    spend(tenant, 90)
    assert check() is Alert.LOW
