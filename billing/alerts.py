"""Alerts before the units run out: at 20 %, at 5 % and at zero, each told once until the next credit.

The 100 % are the units that were left right after the last credit. Units reserved by batches under way count as left,
so an alert does not depend on what happens to be in flight.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import models, transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import Account, Kind
from profiles.models import Membership, Role, User

logger = logging.getLogger(__name__)


class Alert(models.IntegerChoices):
    """Alerts by growing seriousness."""

    LOW = 1, gettext_lazy("20 % restants")
    VERY_LOW = 2, gettext_lazy("5 % restants")
    EMPTY = 3, gettext_lazy("Quota épuisé")


THRESHOLDS: Mapping[Alert, int] = {Alert.VERY_LOW: 5, Alert.LOW: 20}


def current(account: Account) -> Alert | None:
    """Return the alert that the figures of an account call for, told or not."""
    left = account.bought - account.used
    if left <= 0:
        return Alert.EMPTY
    return next((alert for alert, share in THRESHOLDS.items() if left * 100 <= share * account.alert_base), None)


def check(tenant_id: int, kind: str) -> Alert | None:
    """Tell the owners by e-mail when an alert is newly crossed, and return it; None otherwise.

    Call it after a run. Of several callers at once one tells; a run that crosses two thresholds tells the graver one.
    The mail leaves after the commit; when no mail could be sent, the alert is told again by the next call.
    """
    account: Account = Account.objects.get_or_create(tenant_id=tenant_id, kind=Kind(kind))[0]
    alert = current(account)
    if alert is None or alert <= account.alert_told:
        return None
    # The condition on what was bought keeps an alert of before a credit from silencing those after it.
    claim = Account.objects.filter(pk=account.pk, alert_told=account.alert_told, bought=account.bought)
    if not claim.update(alert_told=alert):
        return None
    transaction.on_commit(partial(_tell_owners, account, alert))
    return alert


def _tell_owners(account: Account, alert: Alert) -> None:
    sent = [_send(owner, account, alert) for owner in _owners(account.tenant_id)]
    if any(sent):
        return
    logger.warning("no owner could be told that units run out", extra={"kind": account.kind, "alert": alert.name})
    Account.objects.filter(pk=account.pk, alert_told=alert).update(alert_told=account.alert_told)


def _owners(tenant_id: int) -> Sequence[User]:
    owners = (
        Membership.objects.for_tenant(tenant_id).filter(role=Role.OWNER, user__is_active=True).select_related("user")
    )
    return [membership.user for membership in owners.order_by("pk")]


def _send(owner: User, account: Account, alert: Alert) -> bool:
    with translation.override(owner.language):
        message = _message(owner, account, alert)
    try:
        return bool(message.send())
    except (OSError, SMTPException):
        logger.warning("the mail server refused an alert of units", exc_info=True)
        return False


def _message(owner: User, account: Account, alert: Alert) -> EmailMultiAlternatives:
    kind = Kind(account.kind)
    context = {
        "owner": owner,
        "tenant": account.tenant,
        "account": account,
        "left": account.bought - account.used,
        "empty": alert is Alert.EMPTY,
        "export": kind is Kind.EXPORT,
        "link": settings.PUBLIC_URL + reverse("billing:overview"),
    }
    message = EmailMultiAlternatives(
        subject=_subject(kind, alert, account),
        body=render_to_string("emails/units_alert.txt", context),
        to=[owner.email],
    )
    message.attach_alternative(render_to_string("emails/units_alert.html", context), "text/html")
    return message


def _subject(kind: Kind, alert: Alert, account: Account) -> str:
    values = {"tenant": account.tenant.name, "kind": kind.label.lower(), "share": THRESHOLDS.get(alert, 0)}
    if alert is Alert.EMPTY:
        return _("%(tenant)s : vos unités d’%(kind)s sont épuisées") % values
    return _("%(tenant)s : il reste %(share)d %% ou moins de vos unités d’%(kind)s") % values
