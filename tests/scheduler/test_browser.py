"""The form of a task in a browser: fields that follow each other, the preview, the width of a phone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect, sync_playwright

from profiles.models import Profile, Role
from scheduler import services
from scheduler.models import Schedule
from tests.conftest import CHROMIUM
from tests.factories import make_run, make_schedule, make_user
from tests.scheduler.conftest import Bench

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("fake_connectors"),
]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


@pytest.fixture
def page(live_server: Any, transactional_db: None, bench: Bench) -> Iterator[Page]:
    """A page of a manager that fails the test on any error of its console."""
    client = Client()
    user = make_user(tenant=bench.tenant, role=Role.MANAGER)
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    errors: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900}, locale="fr-FR")
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
        opened = context.new_page()
        opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        opened.on("pageerror", lambda error: errors.append(str(error)))
        yield opened
        browser.close()
    assert [error for error in errors if "favicon" not in error] == []


def picture(page: Page, name: str) -> None:
    """Keeps a picture when ``ATOOSYNC_TEST_PICTURES`` names a folder."""
    folder = os.environ.get("ATOOSYNC_TEST_PICTURES")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


@pytest.mark.covers("SCH-01", "SCH-04")
def test_only_the_fields_of_the_chosen_recurrence_are_shown(page: Page, bench: Bench) -> None:
    page.goto(reverse("scheduler:new"))
    expect(page.locator("[name=profile]")).to_have_value(str(bench.profile.pk))
    expect(page.locator("#schedule-preview li")).to_have_count(10)
    expect(page.locator("[name=day_interval]")).to_be_visible()
    expect(page.locator("[name=week_interval]")).to_be_hidden()
    page.get_by_text("Chaque semaine").click()
    expect(page.locator("[name=week_interval]")).to_be_visible()
    expect(page.locator("[name=day_interval]")).to_be_hidden()
    page.get_by_text("Chaque mois", exact=True).click()
    expect(page.locator("#id_month_days_field")).to_be_visible()
    page.locator("#id_month_by_field").get_by_text("Jours de la semaine").click()
    expect(page.locator("#id_month_days_field")).to_be_hidden()
    expect(page.locator("#id_month_weeks_field")).to_be_visible()
    page.locator("#id_month_weeks_field").get_by_text("dernier").click()
    expect(page.locator("[name=repeat_minutes]")).to_be_hidden()
    page.locator("[name=repeat]").check()
    expect(page.locator("[name=repeat_minutes]")).to_be_visible()
    expect(page.locator(".schedule-rule")).to_contain_text("premier et dernier lundi de chaque mois")
    page.select_option("[name=flow]", "products")
    expect(page.locator(".schedule-cost")).to_contain_text("ne peut pas être estimée")
    picture(page, "schedule-form-1280")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    picture(page, "schedule-form-390")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("button", name="Planifier").click()
    expect(page.locator("#toasts")).to_contain_text("La tâche est planifiée.")
    schedule = Schedule.objects.get()
    assert (schedule.every, schedule.month_by, schedule.month_weeks) == ("month", "weekdays", [-1, 1])
    assert (schedule.repeat_minutes, schedule.repeat_for) == (60, 1440)


@pytest.mark.covers("SCH-02", "SCH-04")
def test_the_list_and_the_warning_fit_a_phone(page: Page, bench: Bench) -> None:
    profile: Profile = bench.profile
    now = timezone.now()
    for units in (900, 700, 800):
        last = make_run(profile=profile, units=units, trigger="schedule", ended_at=now, queued_at=now)
    hourly = services.schedule_save(make_schedule(profile=profile, repeat_minutes=60, repeat_for=1440))
    stock = services.schedule_save(make_schedule(profile=profile, flow="stock", every="week", weekdays=[1, 5]))
    services.schedule_pause(services.schedule_save(make_schedule(profile=profile, flow="prices")))
    Schedule.objects.filter(pk=hourly.pk).update(last_run=last, outcome="started", last_at=now)
    Schedule.objects.filter(pk=stock.pk).update(outcome="overlap", skipped=3, last_at=now - timedelta(hours=2))
    page.goto(reverse("scheduler:list"))
    expect(page.locator("#schedule-rows tr")).to_have_count(3)
    picture(page, "schedule-list-1280")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    picture(page, "schedule-list-390")
    page.goto(reverse("scheduler:edit", args=[hourly.pk]))
    expect(page.locator("#schedule-preview .notice")).to_contain_text("Vos unités ne suffiront pas")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    picture(page, "schedule-warning-390")
    page.goto(reverse("scheduler:list"))
    page.get_by_role("button", name="Supprimer : Mettre à jour les prix").click()
    page.locator("dialog[open]").get_by_role("button", name="Supprimer").click()
    expect(page.locator("#schedule-rows tr")).to_have_count(2)
