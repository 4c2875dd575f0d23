"""Pages of scheduled tasks: list, form, preview with forecast, roles."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing import ledger
from profiles.models import Profile, Role
from scheduler import services
from scheduler.forecast import average_units, forecast
from scheduler.models import Schedule
from scheduler.planning import LAST, Every, MonthBy, Recurrence
from scheduler.wording import describe
from sync.models import Run
from tests.factories import make_profile, make_run, make_schedule, make_tenant, make_user
from tests.scheduler.conftest import Bench

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fake_connectors")]
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # 13:00 in Paris


def client_of(bench: Bench, role: Role) -> Client:
    client = Client()
    client.force_login(
        make_user(tenant=bench.tenant, role=role), backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    return client


@pytest.fixture
def manager(bench: Bench) -> Client:
    bench.tenant.time_zone = "Europe/Paris"
    bench.tenant.save()
    return client_of(bench, Role.MANAGER)


def typed(profile: Profile, **fields: Any) -> dict[str, Any]:
    """What a person types into the form: every day at 8 o'clock."""
    return {
        "profile": profile.pk, "flow": "products", "starts_on": "2026-03-03", "starts_time": "08:00", "every": "day",
        "day_interval": 1, "week_interval": 1, "month_by": "days", "repeat_minutes": 5, "repeat_for": 720, **fields,
    }  # fmt: skip


@pytest.mark.covers("SCH-01")
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Chaque jour à 08:00"),
        ({"day_interval": 3, "repeat": "on"}, "Tous les 3 jours à 08:00, puis toutes les 5 min pendant 12 h"),
        (
            {"every": "week", "weekdays": [1, 3], "week_interval": 2},
            "Toutes les 2 semaines le lundi et mercredi à 08:00",
        ),
        (
            {"every": "month", "months": [1, 6, 12], "month_days": [1, 15, LAST]},
            "Le 1, 15 et dernier jour de janvier, juin et décembre à 08:00",
        ),
        (
            {"every": "month", "months": list(range(1, 13)), "month_by": "weekdays", "month_weeks": [1, LAST],
             "month_weekdays": [5], "repeat": "on", "repeat_minutes": 360, "repeat_for": 1440},
            "Le premier et dernier vendredi de chaque mois à 08:00, puis toutes les 6 h pendant 1 jour",
        ),
    ],
)  # fmt: skip
def test_every_recurrence_is_saved_shown_and_edited(
    bench: Bench, manager: Client, fields: dict[str, Any], words: str
) -> None:
    with time_machine.travel(NOON, tick=False):
        response = manager.post(reverse("scheduler:new"), typed(bench.profile, **fields))
        assert response.status_code == 302, response.context["form"].errors
        schedule = Schedule.objects.get()
        assert describe(schedule.recurrence) == words
        assert schedule.next_at is not None
        assert schedule.next_at > NOON
        assert words in manager.get(reverse("scheduler:list")).content.decode()
        # The form of the stored task posts the same task again.
        form = manager.get(reverse("scheduler:edit", args=[schedule.pk])).context["form"]
        again = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
        again["starts_time"] = form["starts_time"].value().strftime("%H:%M")
        before = schedule.recurrence
        assert manager.post(reverse("scheduler:edit", args=[schedule.pk]), again).status_code == 302
        schedule.refresh_from_db()
        assert schedule.recurrence == before


@pytest.mark.covers("SCH-01")
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"every": "week", "weekdays": []}, "weekdays"),
        ({"every": "month", "months": [], "month_days": [1]}, "months"),
        ({"every": "month", "months": [2], "month_days": []}, "month_days"),
        ({"every": "month", "months": [2], "month_by": "weekdays", "month_weeks": []}, "month_weeks"),
        ({"repeat": "on", "repeat_minutes": 60, "repeat_for": 30}, "repeat_for"),
        ({"repeat": "on", "repeat_minutes": 7}, "repeat_minutes"),
        ({"until": "2026-03-01"}, "until"),
        ({"every": "month", "months": [2], "month_days": [31]}, "__all__"),
        ({"day_interval": 0}, "day_interval"),
        ({"flow": "match"}, "flow"),
        ({"starts_time": "25:00"}, "starts_time"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(
    bench: Bench, manager: Client, fields: dict[str, Any], field: str
) -> None:
    with time_machine.travel(NOON, tick=False):
        response = manager.post(reverse("scheduler:new"), typed(bench.profile, **fields))
    assert response.status_code == 422
    assert field in response.context["form"].errors
    assert not Schedule.objects.exists()


@pytest.mark.covers("SCH-04")
def test_the_next_ten_executions_are_shown_before_saving_in_the_zone_of_the_tenant(
    bench: Bench, manager: Client
) -> None:
    with time_machine.travel(datetime(2026, 3, 27, 12, 0, tzinfo=UTC), tick=False):
        data = typed(bench.profile, starts_on="2026-03-27", starts_time="02:30")
        page = manager.post(reverse("scheduler:preview"), data).content.decode()
    shown = re.findall(r"<time[^>]*>(.*?)<strong>(.*?)</strong>", page)
    assert len(shown) == 10
    assert shown[0] == ("samedi 28 mars 2026", "02:30")
    assert shown[1] == ("dimanche 29 mars 2026", "03:00"), "half past two does not exist on that day"
    assert shown[2] == ("lundi 30 mars 2026", "02:30")
    assert not Schedule.objects.exists()


def test_the_preview_shows_times_before_a_flow_is_chosen_and_waits_for_a_rule(bench: Bench, manager: Client) -> None:
    page = manager.post(
        reverse("scheduler:preview"), {**typed(bench.profile), "flow": "", "profile": ""}
    ).content.decode()
    assert page.count("<li>") == 10
    page = manager.post(reverse("scheduler:preview"), typed(bench.profile, every="week")).content.decode()
    assert "Complétez le déclenchement" in page


def units_of_past_runs(profile: Profile, *units: int) -> None:
    for count in units:
        make_run(profile=profile, units=count)


@pytest.mark.covers("SCH-04")
def test_a_frequency_that_exhausts_the_units_is_warned_of(bench: Bench, manager: Client) -> None:
    units_of_past_runs(bench.profile, 5000, 4, 6, 5, 5)
    assert average_units(bench.profile.pk, "products") == 5, "the first transfer of the catalogue counts for nothing"
    hourly = {"repeat": "on", "repeat_minutes": 60, "repeat_for": 1440}
    with time_machine.travel(NOON, tick=False):
        page = manager.post(reverse("scheduler:preview"), typed(bench.profile, **hourly)).content.decode()
        assert "Vos unités ne suffiront pas" in page
        # 24 runs of 5 units a day: 10,000 units last 83 days.
        assert "25 mai 2026" in page
        until = typed(bench.profile, **hourly, until="2026-05-01")
        assert "ne suffiront pas" not in manager.post(reverse("scheduler:preview"), until).content.decode()
        daily = manager.post(reverse("scheduler:preview"), typed(bench.profile)).content.decode()
        assert "ne suffiront pas" not in daily
        assert "unités disponibles" in daily


@pytest.mark.covers("SCH-04")
def test_the_other_tasks_of_the_tenant_spend_too_and_the_changed_one_counts_once(bench: Bench) -> None:
    units_of_past_runs(bench.profile, 10, 10, 10)
    may = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
    rule = Recurrence(start=datetime(2026, 3, 1, 8, 0))  # noqa: DTZ001  # wall clock
    alone = forecast(bench.profile, "products", rule, may)
    assert (alone.runs_per_month, alone.per_month, alone.available) == (30, 300, 10_000)
    other = services.schedule_save(make_schedule(profile=bench.profile))
    assert forecast(bench.profile, "products", rule, may).per_month == 600
    assert forecast(bench.profile, "products", rule, may, but=other.pk).per_month == 300
    services.schedule_pause(other)
    assert forecast(bench.profile, "products", rule, may).per_month == 300


@pytest.mark.covers("SCH-04")
def test_without_any_run_nothing_is_said_of_units(bench: Bench, manager: Client) -> None:
    page = manager.post(reverse("scheduler:preview"), typed(bench.profile)).content.decode()
    assert "ne peut pas être estimée" in page
    assert ledger.balance(tenant_id=bench.tenant.pk, kind="export").available == 10_000


@pytest.mark.covers("SCH-02")
def test_the_list_shows_last_and_next_run_and_whether_it_runs(bench: Bench, manager: Client) -> None:
    with time_machine.travel(NOON, tick=False):
        schedule = services.schedule_save(make_schedule(profile=bench.profile, starts_time=time(18)))
        page = manager.get(reverse("scheduler:list")).content.decode()
        assert "02/03/2026 18:00" in page, "in the zone of the tenant"
        assert "jamais" in page
        assert "Active" in page
        run = make_run(profile=bench.profile, state="running", result="", trigger="schedule")
        Schedule.objects.filter(pk=schedule.pk).update(last_run=run, outcome="overlap", skipped=2)
        page = manager.get(reverse("scheduler:list"), headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in page
    assert "En cours" in page
    assert reverse("sync:run", args=[run.pk]) in page
    assert "déjà en cours" in page
    assert "2 déclenchements passés en tout" in page


@pytest.mark.covers("SCH-02")
def test_pause_resume_and_delete(bench: Bench, manager: Client) -> None:
    schedule = services.schedule_save(make_schedule(profile=bench.profile))
    manager.post(reverse("scheduler:pause", args=[schedule.pk]))
    manager.post(reverse("scheduler:pause", args=[schedule.pk]))
    schedule.refresh_from_db()
    assert (schedule.enabled, schedule.next_at) == (False, None)
    assert "En pause" in manager.get(reverse("scheduler:list")).content.decode()
    manager.post(reverse("scheduler:resume", args=[schedule.pk]))
    schedule.refresh_from_db()
    assert schedule.enabled
    assert schedule.next_at is not None
    run = make_run(profile=bench.profile)
    manager.post(reverse("scheduler:delete", args=[schedule.pk]))
    assert not Schedule.objects.exists()
    assert Run.objects.filter(pk=run.pk).exists()


@pytest.mark.covers("SCH-02")
def test_run_now_starts_a_run_or_joins_the_live_one(bench: Bench) -> None:
    operator = client_of(bench, Role.OPERATOR)
    schedule = services.schedule_save(make_schedule(profile=bench.profile))
    response = operator.post(reverse("scheduler:run", args=[schedule.pk]))
    run = Run.objects.get()
    assert response.headers["Location"] == reverse("sync:run", args=[run.pk])
    assert run.trigger == "manual"
    assert operator.post(reverse("scheduler:run", args=[schedule.pk])).headers["Location"].endswith(f"{run.pk}/")
    assert Run.objects.count() == 1
    schedule.refresh_from_db()
    assert schedule.last_run == run
    Profile.objects.update(state="paused")
    bench.finish(run)
    assert operator.post(reverse("scheduler:run", args=[schedule.pk])).headers["Location"] == reverse("scheduler:list")
    assert "en pause" in operator.get(reverse("scheduler:list")).content.decode()


@pytest.mark.covers("ACC-02", "SCH-02")
@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.READER, set()),
        (Role.OPERATOR, {"run"}),
        (Role.MANAGER, {"run", "new", "edit", "pause", "resume", "delete", "preview"}),
    ],
)
def test_managers_edit_operators_run_readers_read(bench: Bench, role: Role, allowed: set[str]) -> None:
    client = client_of(bench, role)
    for name in ("new", "preview", "edit", "pause", "resume", "run", "delete"):
        schedule = services.schedule_save(make_schedule(profile=bench.profile))
        args = [] if name in ("new", "preview") else [schedule.pk]
        status = client.post(reverse(f"scheduler:{name}", args=args), {}).status_code
        assert (status != 403) == (name in allowed), (name, status)
    page = client.get(reverse("scheduler:list")).content.decode()
    assert page.count(reverse("scheduler:new")) == (1 if "new" in allowed else 0)
    assert ("Lancer maintenant" in page) == ("run" in allowed)


def test_a_profile_of_another_tenant_cannot_be_chosen(bench: Bench, manager: Client) -> None:
    foreign = make_profile(tenant=make_tenant(), erp="fake_erp", shop="fake_shop")
    response = manager.post(reverse("scheduler:new"), typed(foreign))
    assert response.status_code == 422
    assert "profile" in response.context["form"].errors
    other = services.schedule_save(make_schedule(profile=foreign))
    data = {**typed(bench.profile), "tache": other.pk}
    assert manager.post(reverse("scheduler:preview"), data).status_code == 404


def test_the_list_needs_a_fixed_number_of_queries(
    bench: Bench, manager: Client, django_assert_max_num_queries: Any
) -> None:
    now = timezone.now()
    for number in range(12):
        profile = make_profile(tenant=bench.tenant, name=f"P{number}", erp="fake_erp", shop="fake_shop")
        schedule = services.schedule_save(make_schedule(profile=profile))
        run = make_run(profile=profile, ended_at=now - timedelta(minutes=number))
        Schedule.objects.filter(pk=schedule.pk).update(last_run=run)
    manager.get(reverse("scheduler:list"))
    with django_assert_max_num_queries(12):
        manager.get(reverse("scheduler:list"))


def test_words_for_weeks_on_every_day() -> None:
    start = datetime(2026, 1, 1, 9, 5)  # noqa: DTZ001  # wall clock
    assert describe(Recurrence(start=start, every=Every.WEEK)) == "Chaque jour à 09:05"
    rule = Recurrence(start=start, every=Every.MONTH, month_by=MonthBy.DAYS, until=date(2027, 1, 1))
    assert describe(rule) == "Le 1 de chaque mois à 09:05"


@pytest.mark.covers("PRF-03", "SCH-01")
def test_the_tab_of_a_profile_shows_its_tasks_alone_and_leads_back_to_itself(bench: Bench, manager: Client) -> None:
    profile = bench.profile
    other = make_profile(tenant=bench.tenant, name="Autre boutique")
    mine = make_schedule(profile=profile, flow="stock")
    theirs = make_schedule(profile=other, flow="products")
    tab = reverse("scheduler:list_profile", args=[profile.pk])
    body = manager.get(tab).content.decode()
    assert f"{reverse('scheduler:edit', args=[mine.pk])}?next={tab}" in body
    assert reverse("scheduler:edit", args=[theirs.pk]) not in body
    assert 'aria-current="page"' in body[body.index('class="tabs"') :]
    assert f'hx-get="{tab}"' in manager.get(tab, headers={"HX-Request": "true"}).content.decode()

    new = f"{reverse('scheduler:new')}?profil={profile.pk}&amp;next={tab}"
    assert new in body
    form = manager.get(new.replace("&amp;", "&")).content.decode()
    assert f'<option value="{profile.pk}" selected>' in form
    assert f'href="{tab}"' in form
    saved = manager.post(reverse("scheduler:new"), typed(profile, next=tab))
    assert saved.headers["Location"] == tab
    assert manager.post(reverse("scheduler:pause", args=[mine.pk]), {"next": tab}).headers["Location"] == tab
    elsewhere = {"next": "https://elsewhere.example/"}
    assert manager.post(reverse("scheduler:resume", args=[mine.pk]), elsewhere).headers["Location"] == reverse(
        "scheduler:list"
    )
    stranger = Client()
    owner = make_user(tenant=make_tenant(), role=Role.OWNER)
    stranger.force_login(owner, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert stranger.get(tab).status_code == 404


@pytest.mark.covers("PRF-03")
def test_every_page_of_a_profile_has_the_same_tabs(bench: Bench, manager: Client) -> None:
    args = [bench.profile.pk]
    tabs = {reverse("scheduler:list_profile", args=args), reverse("sync:run_list_profile", args=args)}
    for name in ("profiles:profile", "profiles:profile_history", "sync:sync", "sync:run_list_profile"):
        body = manager.get(reverse(name, args=args)).content.decode()
        bar = body[body.index('class="tabs"') :]
        bar = bar[: bar.index("</nav>")]
        assert all(bar.count(f'href="{tab}"') == 1 for tab in tabs), name
