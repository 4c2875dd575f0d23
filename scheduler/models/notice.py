"""Notices: what was decided about each finished run, and the mails still to be sent."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from profiles.models import Profile, TenantQuerySet
from sync.models import Run


class NoticeKind(models.TextChoices):
    """What a notice tells."""

    RUN = "run", _("Exécution terminée")
    RECOVERED = "recovered", _("Retour à la normale")
    LATE = "late", _("Traitement en retard")
    DIGEST = "digest", _("Résumé")


class NoticeState(models.TextChoices):
    """Life of a notice."""

    NONE = "none", _("sans e-mail")
    WAITING = "waiting", _("pour le prochain résumé")
    PENDING = "pending", _("à envoyer")
    SENT = "sent", _("envoyé")
    FAILED = "failed", _("abandonné")


class Notice(models.Model):
    """One mail, or the decision that a run needs none.

    A finished run has exactly one notice, written in the transaction that also moves its :class:`FlowWatch`: after a
    crash the mail is still to be sent, and never decided twice. ``digest`` is the mail that carried a waiting one.
    ``attempts`` fences the sending: who raises it sends. ``values`` hold what the text needs besides the run.
    """

    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, related_name="notices")
    flow = models.CharField(max_length=40, blank=True, default="")
    run = models.OneToOneField(Run, on_delete=models.CASCADE, null=True, blank=True, related_name="notice")
    kind = models.CharField(max_length=12, choices=NoticeKind.choices)
    state = models.CharField(max_length=8, choices=NoticeState.choices, default=NoticeState.PENDING)
    digest = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="parts")
    values = models.JSONField(default=dict, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True)

    tenant_path: ClassVar[str] = "profile__tenant"
    objects: ClassVar[Any] = TenantQuerySet.as_manager()

    class Meta:
        verbose_name = _("avis")
        verbose_name_plural = _("avis")
        ordering = ["pk"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["due_at"], condition=models.Q(state="pending"), name="notice_pending"),
            models.Index(fields=["profile", "id"], condition=models.Q(state="waiting"), name="notice_waiting"),
            models.Index(fields=["created_at"], name="notice_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.flow} {self.state}"


class NoticeFloor(models.Model):
    """One row: every run up to ``run_id`` was looked at, so that the search for new ones reads a short key range."""

    run_id = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("repère des avis")

    def __str__(self) -> str:
        return str(self.run_id)
