"""The address that shops notify: no session, no cookie; the signature of the message is the key."""

from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from connectors.core.events import NotificationRefused
from sync.models import ProfileHook
from sync.notifications import HookUnavailable, receive

logger = logging.getLogger(__name__)

BODY_MAX = 1024 * 1024
"""A notification carries one order; what is longer is not one."""


@csrf_exempt
@require_POST
def hook(request: HttpRequest, token: str) -> HttpResponse:
    """Stores a notification and answers at once: 200 also for a repeat, a ping and what is not followed.

    401: forged or unreadable. 404: no profile has this address. 413: too long. 503: cannot be judged now.
    """
    found = ProfileHook.objects.select_related("profile").defer("profile__match_report").filter(token=token).first()
    if found is None:
        return _answer(404)
    body = request.read(BODY_MAX + 1)
    if len(body) > BODY_MAX:
        return _answer(413)
    try:
        receive(found, dict(request.headers), body)
    except NotificationRefused as error:
        logger.warning("a notification was refused: %s", error.problem.code, extra={"profile": found.profile_id})
        return _answer(401)
    except HookUnavailable as error:
        logger.warning("a notification cannot be judged: %s", error, extra={"profile": found.profile_id})
        return _answer(503)
    return _answer(200)


def _answer(status: int) -> HttpResponse:
    return HttpResponse(status=status, content_type="text/plain")
