"""Machine-readable state of a run, for scripts that follow one with the session of a signed-in user."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from profiles.access import get_for_tenant, require_member
from profiles.texts import said
from sync.models import OUTCOME_COUNTERS, Run


@require_member
@require_GET
def run_state(request: HttpRequest, run_id: int) -> JsonResponse:
    """State, result and counters of one run; ``read`` always equals the sum of the outcomes once it is finished."""
    run: Run = get_for_tenant(request, Run, pk=run_id)
    return JsonResponse(
        {
            "run": run.pk,
            "flow": run.flow,
            "state": run.state,
            "result": run.result,
            "message": said(run, "message"),
            "read": run.read,
            **{name: getattr(run, name) for name in OUTCOME_COUNTERS},
            "units": run.units,
            "started_at": run.started_at,
            "ended_at": run.ended_at,
        }
    )
