"""A whole platform in a process of its own, on a database of its own: ``python -m tests.concurrency.own_platform``.

Prepares a profile, says so on the standard output, waits for a line on the standard input, imports the orders to the
end, and prints what it holds then as one line of JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def main(arguments: dict[str, Any]) -> None:
    """``arguments``: connection string of the ``erp``; ``url``, ``consumer_key``, ``consumer_secret`` of the shop."""
    import django

    django.setup()
    from django.core.management import call_command

    from sync import dispatch

    call_command("migrate", verbosity=0)
    dispatch.wake = lambda: 0  # this process executes its slices itself
    profile = _profile(arguments)
    _say({"ready": True})
    sys.stdin.readline()
    _say(_imported(profile))


def _profile(arguments: dict[str, Any]) -> Any:
    from types import SimpleNamespace

    from billing import ledger
    from tests.flows.conftest import profile_for
    from tests.flows.test_orders import ORDER_OPTIONS

    orders = {**ORDER_OPTIONS["orders"], "include_transferred": True, "sessions": 3}
    shop = SimpleNamespace(**{name: arguments[name] for name in ("url", "consumer_key", "consumer_secret")})
    profile = profile_for(arguments["erp"], shop, approved=True, **{**ORDER_OPTIONS, "orders": orders})
    ledger.credit(tenant_id=profile.tenant_id, kind="import", units=500, key="imports", note="", actor="test")
    return profile


def _imported(profile: Any) -> dict[str, Any]:
    """Runs until nothing is left to be retried, and what is known of every order afterwards."""
    from billing import ledger
    from sync import services
    from sync.models import JournalEntry, Link
    from sync.services import RunRefused

    runs = [_finished(services.run_request(profile=profile, flow="orders").run)]
    while len(runs) < 10:
        try:
            runs.append(_finished(services.items_retry(runs[-1], by=None).run))
        except RunRefused:
            break
    links = Link.objects.filter(profile=profile, entity="order")
    balance = ledger.balance(tenant_id=profile.tenant_id, kind="import")
    return {
        "results": [run.result for run in runs],
        "during": [runs[0].started_at.timestamp(), runs[0].ended_at.timestamp()],
        "links": {link.shop_key: [link.status, link.steps] for link in links},
        "units": [balance.used, balance.reserved, len(ledger.verify(profile.tenant_id))],
        "causes": list(JournalEntry.objects.filter(level="error").values_list("text", flat=True)),
    }


def _finished(run: Any) -> Any:
    from sync.engine import lease
    from sync.engine.runner import Budget, StopFlag, execute_slice
    from sync.models import RunState

    while run.state != RunState.FINISHED:
        held = lease.claim(run.pk, owner="platform")
        assert held is not None, run
        execute_slice(held, budget=Budget(), stop=StopFlag(held))
        run.refresh_from_db()
    assert run.read == run.accounted, run.message
    return run


def _say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
