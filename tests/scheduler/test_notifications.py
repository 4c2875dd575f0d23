"""Mails about runs: which, to whom, with what, over real SMTP."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from connectors.canonical.keys import Aspect
from connectors.testing import builders
from profiles import options_store
from profiles.models import Language, Profile
from profiles.options_store import OptionsRefused
from scheduler import notifications, tasks
from scheduler.models import FlowWatch, Notice, NoticeFloor, NoticeKind, NoticeState
from sync import services
from sync.flows.registry import all_flows
from sync.models import JournalEntry, Run
from sync.presentation.journal_file import safe_cell
from tests.factories import make_run
from tests.scheduler.conftest import Bench
from tests.scheduler.smtp_server import Accepted, MailServer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fake_connectors")]

EVERY_RUN = {"only_changes": False, "on_success": True, "on_partial": True, "on_failure": True}


def settle(profile: Profile, **options: Any) -> None:
    """Notification settings of a profile, with a recipient unless told otherwise."""
    values = {"recipients": "chef@example.test", **options}
    options_store.save(profile, {"notifications": values}, author=None)


def ended(profile: Profile, result: str = "success", *, minutes_ago: float = 1, **fields: Any) -> Run:
    """A finished run."""
    at = timezone.now() - timedelta(minutes=minutes_ago)
    values = {"queued_at": at, "started_at": at, "ended_at": at + timedelta(seconds=30), "trigger": "schedule"}
    return make_run(profile=profile, result=result, **{**values, **fields})


def with_failures(run: Run, code: str, count: int, text: str = "Le prix est vide.") -> Run:
    """Refused items of one cause."""
    JournalEntry.objects.bulk_create(
        JournalEntry(
            run=run, profile_id=run.profile_id, entity="product", item_key=f"{code}-{n}", reference=f"REF-{n}",
            label="Article", outcome="refused", level="error", code=code, text=text, advice="Saisissez un prix.",
        )
        for n in range(count)
    )  # fmt: skip
    Run.objects.filter(pk=run.pk).update(refused=count)
    return run


def mails(server: MailServer) -> Sequence[Accepted]:
    """One round of the task; the mails that arrived through it."""
    before = len(server.mails)
    tasks.notify()
    return server.mails[before:]


@pytest.mark.covers("NOT-01")
def test_a_mail_after_each_run_with_subject_recipients_counts_and_link(bench: Bench, mail_server: MailServer) -> None:
    settle(
        bench.profile,
        recipients="chef@example.test; compta@example.test,\nchef@example.test",
        subject="[{profil}] {traitement} - {resultat}",
        **EVERY_RUN,
    )
    run = ended(bench.profile, read=12, created=3, updated=4, unchanged=5, units=7)
    (mail,) = mails(mail_server)
    assert mail.recipients == ["chef@example.test", "compta@example.test"]
    assert mail.message["Subject"] == "[Essai] Exporter les articles - réussie"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    link = f"https://sync.example.test{reverse('sync:run', args=[run.pk])}"
    assert link in mail.text
    assert link in mail.html
    assert "3 créés" in mail.text
    assert "Éléments lus : 12" in mail.text
    assert mail.attachments == {}
    assert mails(mail_server) == [], "told once"


@pytest.mark.covers("NOT-01")
def test_nothing_is_sent_without_recipients_nor_about_previews_and_stopped_runs(
    bench: Bench, mail_server: MailServer
) -> None:
    settle(bench.profile, recipients="", **EVERY_RUN)
    ended(bench.profile, "failed")
    assert mails(mail_server) == []
    settle(bench.profile, **EVERY_RUN)
    ended(bench.profile, "stopped")
    ended(bench.profile, "success", dry=True)
    assert mails(mail_server) == []


@pytest.mark.covers("NOT-01")
@pytest.mark.parametrize(
    ("result", "box"), [("success", "on_success"), ("partial", "on_partial"), ("failed", "on_failure")]
)
def test_each_box_decides_about_its_result(bench: Bench, mail_server: MailServer, result: str, box: str) -> None:
    settle(bench.profile, **{**EVERY_RUN, box: False})
    ended(bench.profile, result)
    assert mails(mail_server) == []
    settle(bench.profile, **EVERY_RUN)
    ended(bench.profile, result)
    assert len(mails(mail_server)) == 1


@pytest.mark.covers("NOT-02")
def test_p33_a_hundred_failures_of_one_cause_are_one_mail_with_one_line(bench: Bench, mail_server: MailServer) -> None:
    settle(bench.profile)
    with_failures(ended(bench.profile, "partial", read=100), "price_empty", 100)
    (mail,) = mails(mail_server)
    assert mail.text.count("Le prix est vide.") == 1
    assert "(100)" in mail.text
    assert "REF-7" not in mail.text


@pytest.mark.covers("NOT-02")
def test_a_task_every_five_minutes_does_not_flood(bench: Bench, mail_server: MailServer) -> None:
    settle(bench.profile)
    received: list[str] = []
    for result in ["success"] * 3 + ["failed"] * 6 + ["success"] * 3 + ["failed"] * 2:
        ended(bench.profile, result, message_code="connection_failed" if result == "failed" else "")
        received += [str(mail.message["Subject"]) for mail in mails(mail_server)]
    assert [subject.rpartition(": ")[2] for subject in received] == ["échouée", "retour à la normale", "échouée"]


@pytest.mark.covers("NOT-02")
def test_a_new_cause_is_news_and_a_known_one_is_not(bench: Bench, mail_server: MailServer) -> None:
    settle(bench.profile)
    told = []
    for codes in (["a"], ["a"], ["a", "b"], ["b"], ["a"]):
        run = ended(bench.profile, "partial", read=1)
        for code in codes:
            with_failures(run, code, 1, text=f"Cause {code}.")
        told.append(len(mails(mail_server)))
    assert told == [1, 0, 1, 0, 0]
    ended(bench.profile, "success")
    (mail,) = mails(mail_server)
    assert "fonctionne de nouveau" in mail.text


@pytest.mark.covers("NOT-02")
@pytest.mark.parametrize("options", [{}, {"only_changes": False}])
def test_what_is_still_refused_since_an_earlier_run_is_told_once(
    bench: Bench, mail_server: MailServer, options: dict[str, Any]
) -> None:
    """A run that meets it again journals nothing: it is neither a failure, nor a fall, nor a recovery."""
    settle(bench.profile, **options)
    told = []
    for result, fresh, created in (
        ("partial", True, 2),
        ("failed", False, 0),
        ("partial", False, 3),
        ("failed", False, 0),
        ("partial", True, 1),
    ):
        run = ended(bench.profile, result, read=created + 1, created=created, refused=1)
        if fresh:
            with_failures(run, f"life_{created}", 1, text="Commande modifiée après sa livraison.")
        told.append(len(mails(mail_server)))
    assert told == [1, 0, 0, 0, 1]
    assert FlowWatch.objects.get(profile=bench.profile, flow="products").level == "partial"


@pytest.mark.covers("NOT-02")
def test_a_flow_that_works_again_has_recovered_although_an_old_refusal_lasts(
    bench: Bench, mail_server: MailServer
) -> None:
    settle(bench.profile)
    ended(bench.profile, "failed", message_code="connection_failed")
    assert len(mails(mail_server)) == 1
    ended(bench.profile, "partial", read=3, created=2, refused=1)
    (mail,) = mails(mail_server)
    assert "retour à la normale" in mail.message["Subject"]
    ended(bench.profile, "partial", read=1, refused=1)
    assert mails(mail_server) == []


@pytest.mark.covers("NOT-02")
def test_flows_and_profiles_have_states_of_their_own(bench: Bench, mail_server: MailServer) -> None:
    settle(bench.profile)
    ended(bench.profile, "failed")
    ended(bench.profile, "failed", flow="stock", lock="stock")
    assert len(mails(mail_server)) == 2
    ended(bench.profile, "success", flow="stock", lock="stock")
    (mail,) = mails(mail_server)
    assert "Mettre à jour les stocks" in mail.message["Subject"]
    assert FlowWatch.objects.get(flow="products").told


@pytest.mark.covers("NOT-02")
def test_a_failure_that_was_not_told_has_no_recovery(bench: Bench, mail_server: MailServer) -> None:
    settle(bench.profile, on_failure=False)
    ended(bench.profile, "failed")
    ended(bench.profile, "success", minutes_ago=0.5)
    assert mails(mail_server) == []


@pytest.mark.covers("NOT-02")
def test_a_digest_gathers_the_runs_of_a_day(bench: Bench, mail_server: MailServer) -> None:
    bench.tenant.time_zone = "Europe/Paris"
    bench.tenant.save()
    with time_machine.travel(datetime(2026, 3, 2, 9, 0, tzinfo=UTC), tick=False) as clock:
        settle(bench.profile, digest="daily", digest_hour=7, **EVERY_RUN)
        for number in range(5):
            with_failures(ended(bench.profile, "partial", created=2, read=4), "price_empty", 2)
            ended(bench.profile, "success", flow="stock", lock="stock", updated=number)
            assert mails(mail_server) == []
        clock.move_to(datetime(2026, 3, 3, 5, 59, tzinfo=UTC))
        assert mails(mail_server) == []
        clock.move_to(datetime(2026, 3, 3, 6, 0, 5, tzinfo=UTC))
        (mail,) = mails(mail_server)
        assert mails(mail_server) == []
    assert "résumé" in mail.message["Subject"]
    assert mail.text.count("Exporter les articles") == 1
    assert "Exécutions : 5" in mail.text
    assert "mis à jour : 10" in mail.text
    assert mail.text.count("Le prix est vide.") == 1
    assert "(2)" in mail.text, "the same two articles in five runs"
    assert reverse("sync:run_list_profile", args=[bench.profile.pk]) in mail.text


@pytest.mark.covers("NOT-02")
def test_with_a_digest_a_first_failure_and_the_recovery_are_told_at_once(bench: Bench, mail_server: MailServer) -> None:
    settle(bench.profile, digest="weekly")
    told = []
    for result in ("success", "failed", "failed", "success", "success"):
        ended(bench.profile, result)
        told.append(len(mails(mail_server)))
    assert told == [0, 1, 0, 1, 0]
    assert Notice.objects.filter(state=NoticeState.WAITING).count() == 3


def test_p06_digests_leave_at_the_hour_of_the_wall_clock(bench: Bench) -> None:
    settle(bench.profile, digest="weekly", digest_hour=2)
    bench.tenant.time_zone = "Europe/Paris"
    bench.profile.tenant = bench.tenant
    options = notifications.notification_options(bench.profile)
    first = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert notifications.digest_due(options, bench.profile, first) == datetime(2026, 3, 9, 1, 0, tzinfo=UTC)
    summer = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)
    assert notifications.digest_due(options, bench.profile, summer) == datetime(2026, 3, 30, 0, 0, tzinfo=UTC)


@pytest.mark.covers("NOT-01")
def test_switching_the_digest_off_sends_what_was_waiting(bench: Bench, mail_server: MailServer) -> None:
    settle(bench.profile, digest="weekly", **EVERY_RUN)
    ended(bench.profile, "success")
    assert mails(mail_server) == []
    settle(bench.profile, digest="off", **EVERY_RUN)
    assert len(mails(mail_server)) == 1


@pytest.mark.covers("NOT-01")
def test_the_journal_is_attached_and_no_cell_is_a_formula(bench: Bench, mail_server: MailServer) -> None:
    settle(bench.profile, attach_journal="csv", **EVERY_RUN)
    run = ended(bench.profile, "partial")
    for text in ('=HYPERLINK("http://evil.test")', "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "＝1"):
        JournalEntry.objects.create(run=run, profile_id=run.profile_id, reference=text, label=text, text=text)
    JournalEntry.objects.create(run=run, profile_id=run.profile_id, reference="A;B", label='5" disque', text="Créé")
    (mail,) = mails(mail_server)
    content = mail.attachments[f"journal-products-{run.pk}.csv"].decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(content), delimiter=";"))
    assert rows[0][3] == "Référence"
    assert len(rows) == 9
    for row in rows[1:]:
        assert all(not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "＝")) for cell in row), row
    assert rows[-1][3:5] == ["A;B", '5" disque']


@pytest.mark.covers("NOT-01")
def test_the_journal_as_text(bench: Bench, mail_server: MailServer) -> None:
    settle(bench.profile, attach_journal="text", **EVERY_RUN)
    run = with_failures(ended(bench.profile, "partial"), "price_empty", 2)
    (mail,) = mails(mail_server)
    lines = mail.attachments[f"journal-products-{run.pk}.txt"].decode().splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("[Erreur] REF-0 Article : Le prix est vide.")


def test_safe_cells_leave_ordinary_text_alone() -> None:
    assert safe_cell("Chaise 50 % -10") == "Chaise 50 % -10"
    assert safe_cell("") == ""
    assert safe_cell("=1") == "'=1"


@pytest.mark.covers("NOT-01")
def test_mails_speak_the_language_and_the_clock_of_the_tenant(bench: Bench, mail_server: MailServer) -> None:
    bench.tenant.language, bench.tenant.time_zone = Language.ENGLISH, "Pacific/Honolulu"
    bench.tenant.save()
    settle(bench.profile, attach_journal="csv", **EVERY_RUN)
    at = datetime.now(UTC).replace(hour=3, minute=15) - timedelta(days=0)
    at = at if at < datetime.now(UTC) else at - timedelta(days=1)
    ended(bench.profile, "success", started_at=at)
    (mail,) = mails(mail_server)
    assert "17:15" in mail.text, "of the day before"
    assert "has ended" in mail.text


def test_a_subject_stays_one_line_and_replaces_nothing_else(bench: Bench, mail_server: MailServer) -> None:
    Profile.objects.filter(pk=bench.profile.pk).update(name="Nom\r\nBcc: tous@example.test {resultat}")
    settle(bench.profile, subject="{profil} %s {0} {inconnu}", **EVERY_RUN)
    ended(bench.profile, "success")
    (mail,) = mails(mail_server)
    assert "\n" not in mail.message["Subject"]
    assert mail.message["Bcc"] is None
    assert str(mail.message["Subject"]).endswith("%s {0} {inconnu}")


@pytest.mark.covers("NOT-01")
def test_wrong_addresses_are_refused_when_the_settings_are_saved(bench: Bench) -> None:
    with pytest.raises(OptionsRefused) as refused:
        settle(bench.profile, recipients="chef@example.test, pas une adresse")
    assert "n’est pas valide" in refused.value.errors["notifications"][0].text()
    with pytest.raises(OptionsRefused):
        settle(bench.profile, recipients=",".join(f"a{n}@example.test" for n in range(21)))


def test_p05_a_mail_server_that_is_away_is_tried_again(bench: Bench, mail_server: MailServer) -> None:
    settle(bench.profile, **EVERY_RUN)
    mail_server.refuse_data = 1
    now = timezone.now()
    ended(bench.profile, "success")
    assert mails(mail_server) == []
    notice = Notice.objects.get()
    assert (notice.state, notice.attempts) == (NoticeState.PENDING, 1)
    assert notifications.deliver(now + timedelta(seconds=30)) == 0, "not before its time"
    assert notifications.deliver(now + timedelta(minutes=5)) == 1
    assert len(mail_server.mails) == 1


def test_a_mail_that_never_leaves_is_given_up(bench: Bench, mail_server: MailServer) -> None:
    settle(bench.profile, **EVERY_RUN)
    mail_server.refused.add("chef@example.test")
    ended(bench.profile, "success")
    notifications.decide()
    now = timezone.now()
    for day in range(8):
        notifications.deliver(now + timedelta(days=day))
    assert Notice.objects.get().state == NoticeState.FAILED
    assert mail_server.mails == []


def test_p32_a_stop_between_decision_and_mail_loses_nothing(bench: Bench, mail_server: MailServer) -> None:
    settle(bench.profile, **EVERY_RUN)
    ended(bench.profile, "success")
    assert notifications.decide() == 1
    stale = Notice.objects.get()
    assert notifications.deliver() == 1
    assert notifications._send_all([stale], timezone.now()) == 0, "another process that read the row before"
    assert notifications.decide() == 0
    assert len(mail_server.mails) == 1


def test_runs_that_end_out_of_order_are_all_seen(bench: Bench, mail_server: MailServer) -> None:
    settle(bench.profile, **EVERY_RUN)
    slow = ended(bench.profile, "success", minutes_ago=60, state="running", ended_at=None)
    quick = ended(bench.profile, "success", minutes_ago=30, flow="stock", lock="stock")
    assert len(mails(mail_server)) == 1
    assert NoticeFloor.objects.get().run_id == slow.pk - 1, "the slow one is still ahead"
    Run.objects.filter(pk=slow.pk).update(state="finished", result="success", ended_at=timezone.now())
    assert len(mails(mail_server)) == 1
    assert NoticeFloor.objects.get().run_id == quick.pk


def test_old_runs_are_no_news(bench: Bench, mail_server: MailServer) -> None:
    settle(bench.profile, **EVERY_RUN)
    ended(bench.profile, "failed", minutes_ago=3 * 24 * 60)
    ended(bench.profile, "success")
    assert len(mails(mail_server)) == 1


@pytest.mark.covers("NOT-01", "NOT-02")
def test_a_real_run_with_a_refused_article_is_told_with_its_cause(bench: Bench, mail_server: MailServer) -> None:
    settle(bench.profile, attach_journal="csv")
    bench.world.put(*(builders.product(f"A{number}") for number in range(3)))
    bench.world.refuse.add("A1")
    run = bench.run("products")
    assert (run.created, run.refused) == (2, 1)
    (mail,) = mails(mail_server)
    entry = JournalEntry.objects.get(run=run, outcome="refused")
    assert mail.text.count(entry.text) == 1
    assert "2 créés" in mail.text
    assert b"A1" in mail.attachments[f"journal-products-{run.pk}.csv"]
    bench.world.refuse.clear()
    retried = services.items_retry(run, by=None)
    assert bench.finish(retried.run).result == "success"
    (mail,) = mails(mail_server)
    assert "fonctionne de nouveau" in mail.text
    assert Notice.objects.get(run=retried.run).kind == NoticeKind.RECOVERED


@pytest.mark.covers("NOT-01")
def test_created_orders_are_told_even_when_only_changes_are(
    bench: Bench, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "_imports", lambda flow, aspect: (flow, aspect) == ("products", Aspect.DATA))
    settle(bench.profile, on_orders=True)
    ended(bench.profile, "success", created=0)
    assert mails(mail_server) == []
    ended(bench.profile, "success", created=2)
    assert len(mails(mail_server)) == 1


@pytest.mark.covers("NOT-01", "ORD-16")
def test_created_quotes_are_told_apart_from_created_orders(
    bench: Bench, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "_imports", lambda flow, aspect: (flow, aspect) == ("products", Aspect.QUOTE))
    settle(bench.profile, on_orders=True)
    ended(bench.profile, "success", created=2)
    assert mails(mail_server) == []
    settle(bench.profile, on_quotes=True)
    ended(bench.profile, "success", created=2)
    assert len(mails(mail_server)) == 1


@pytest.mark.covers("NOT-01", "ORD-16")
def test_each_import_has_its_own_event() -> None:
    found = {flow: [aspect for aspect in Aspect if notifications._imports(flow, aspect)] for flow in all_flows()}
    assert {flow: aspects for flow, aspects in found.items() if aspects} == {
        "orders": [Aspect.DATA],
        "quotes": [Aspect.QUOTE],
    }
