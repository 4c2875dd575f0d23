"""Request ids, sliding sessions, and the headers every page carries."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.utils import timezone

from atoosync.middleware import RequestIdMiddleware
from connectors.core.logcontext import current


def test_each_answer_names_its_request(client: Client) -> None:
    first, second = client.get("/healthz"), client.get("/healthz")
    assert re.fullmatch(r"[0-9a-f]{32}", first.headers["X-Request-ID"])
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]


@pytest.mark.parametrize(("given", "kept"), [("abc-DEF_123.4", True), ("short", False), ("bad id\nx: y", False)])
def test_a_well_formed_id_of_the_caller_is_kept(client: Client, given: str, kept: bool) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert (answer.headers["X-Request-ID"] == given) is kept


def test_the_request_is_the_trace_of_its_log_lines() -> None:
    seen: list[Any] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(current().get("trace"))
        return HttpResponse()

    request = HttpRequest()
    request.META["HTTP_X_REQUEST_ID"] = "trace-0001"
    RequestIdMiddleware(view)(request)
    assert seen == ["trace-0001"]
    assert "trace" not in current()


async def _async_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(current().get("trace")))


def test_asynchronous_views_are_traced_too() -> None:
    import asyncio

    request = HttpRequest()
    request.META["HTTP_X_REQUEST_ID"] = "trace-0002"
    answer = asyncio.run(RequestIdMiddleware(_async_view)(request))  # type: ignore[arg-type]
    assert answer.content == b"trace-0002"
    assert answer.headers["X-Request-ID"] == "trace-0002"


@pytest.fixture
def signed_in(client: Client) -> Client:
    user = get_user_model().objects.create_user(email="alice@example.com", password="correct horse battery")
    client.force_login(user)
    return client


@pytest.mark.django_db
@pytest.mark.covers("ACC-01")
def test_a_used_session_lives_on_and_an_idle_one_ends(signed_in: Client, settings: Any) -> None:
    start = timezone.now()
    page = "/i18n/setlang/"  # any page that looks at the session

    def expiry() -> Any:
        return Session.objects.get().expire_date

    with time_machine.travel(start, tick=False) as traveller:
        signed_in.post(page, {"language": "fr"})
        first = expiry()
        traveller.shift(timedelta(minutes=5))
        signed_in.get("/accounts/login/")
        assert expiry() == first, "no write for every page"
        traveller.shift(timedelta(days=10))
        assert signed_in.get("/accounts/login/").status_code == 302, "still signed in after ten days"
        assert expiry() == timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE)
        traveller.shift(timedelta(days=13))
        assert signed_in.get("/accounts/login/").status_code == 302, "the end was pushed forward"
        traveller.shift(timedelta(seconds=settings.SESSION_COOKIE_AGE + 1))
        assert signed_in.get("/accounts/login/").status_code == 200, "idle for two weeks: signed out"


@pytest.mark.django_db
def test_pages_carry_the_strict_policy(client: Client) -> None:
    answer = client.get("/accounts/login/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    for part in ("object-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert part in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.django_db
def test_french_is_the_first_language(client: Client) -> None:
    assert client.get("/accounts/login/").headers["Content-Language"] == "fr"
    answer = client.get("/accounts/login/", headers={"Accept-Language": "en-GB,en"})
    assert answer.headers["Content-Language"] == "en"
