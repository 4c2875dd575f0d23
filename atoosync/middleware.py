"""Request id and sliding session; both work for synchronous and asynchronous views."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from connectors.core import logcontext

HEADER = "X-Request-ID"
_ACCEPTED = re.compile(r"^[A-Za-z0-9_.\-]{8,64}$")
_REFRESHED = "_refreshed_at"

Answer = HttpResponseBase | Awaitable[HttpResponseBase]


class RequestIdMiddleware:
    """Gives each request an id (the caller's when it is well-formed), binds it as ``trace`` and answers it."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Answer]) -> None:
        self.get_response = get_response
        self._asynchronous = iscoroutinefunction(get_response)
        if self._asynchronous:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Answer:
        """Answers directly, or by a coroutine when the rest of the chain is asynchronous."""
        given = request.headers.get(HEADER, "")
        request_id = given if _ACCEPTED.match(given) else uuid.uuid4().hex
        if self._asynchronous:
            return self._answer_async(request, request_id)
        with logcontext.bind(trace=request_id):
            response = cast("HttpResponseBase", self.get_response(request))
        response.headers[HEADER] = request_id
        return response

    async def _answer_async(self, request: HttpRequest, request_id: str) -> HttpResponseBase:
        with logcontext.bind(trace=request_id):
            response = await cast("Awaitable[HttpResponseBase]", self.get_response(request))
        response.headers[HEADER] = request_id
        return response


class SlidingSessionMiddleware:
    """Pushes the end of a used session forward, at most once an hour: reading a page costs no write each time."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Marks the session as changed when its last push is older than ``SESSION_REFRESH_SECONDS``."""
        response = self.get_response(request)
        session = getattr(request, "session", None)
        # An untouched session is not loaded here: public pages and probes stay free of session queries.
        if session is None or not session.accessed or session.is_empty() or "_auth_user_id" not in session:
            return response
        now = int(time.time())
        if now - int(session.get(_REFRESHED, 0)) >= settings.SESSION_REFRESH_SECONDS:
            session[_REFRESHED] = now
        return response
