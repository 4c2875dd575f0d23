"""``bin/demo --check``: the story of the demo, played through HTTP against a running demo.

Each step is a function that takes the :class:`Check` and answers its figures; a step that raises :class:`CheckFailed`
ends the check. Steps are listed in :data:`STEPS`, in order.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import requests

from atoosync.demo_stack import RunningDemo
from connectors.sandbox.sage100 import Sage100Sandbox

Figures = dict[str, Any]
TIMEOUT = 30.0
RUN_SECONDS = 180.0
CHANGED = 5
DELIVERY = 3  # DO_Type of a delivery note
PARCEL = "6A11223344556"
AWAITED = "HOUSSE-20-35"  # sold out, on order
OUTCOMES = ("created", "updated", "unchanged", "excluded", "refused", "deferred", "failed")
_RUN = re.compile(r"/journaux/(\d+)/")
_CSRF = re.compile(r'name="csrfmiddlewaretoken"\s+value="([^"]+)"')


class CheckFailed(Exception):
    """What the check found differs from what must be; the message says both."""


@dataclass(slots=True)
class Check:
    """One person in front of the demo: a session that keeps its cookies."""

    demo: RunningDemo
    session: requests.Session = field(default_factory=requests.Session)
    figures: dict[str, Figures] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.session.trust_env = False

    def get(self, path: str) -> requests.Response:
        """Reads a page of the platform. Raises :class:`CheckFailed` unless it answers 200."""
        return self._answered("GET", path, self.session.get(self.demo.url + path, timeout=TIMEOUT))

    def post(
        self, path: str, values: dict[str, Any] | None = None, *, form: str | None = None, follow: bool = True
    ) -> requests.Response:
        """Sends a form as a browser would, with the token of the page ``form`` (default: ``path`` itself).

        With ``follow`` the page it leads to must answer 200, without it the answer must be a redirection.
        """
        page = self.get(form or path)
        found = _CSRF.search(page.text)
        answer = self.session.post(
            self.demo.url + path,
            data={**(values or {}), "csrfmiddlewaretoken": found[1] if found else self.session.cookies["csrftoken"]},
            headers={"Referer": self.demo.url + (form or path)},
            timeout=TIMEOUT,
            allow_redirects=follow,
        )
        return self._answered("POST", path, answer, expected=200 if follow else 302)

    def wait(self, what: str, done: Callable[[], bool], *, timeout: float) -> float:
        """Seconds until ``done()``, keeping the demo's processes alive meanwhile. Raises :class:`CheckFailed`."""
        start = time.monotonic()
        while not done():
            self.demo.supervisor.poll()
            if time.monotonic() - start > timeout:
                raise CheckFailed(f"{what}: not within {timeout:.0f} s")
            time.sleep(0.25)
        return time.monotonic() - start

    def _answered(self, method: str, path: str, answer: requests.Response, *, expected: int = 200) -> requests.Response:
        if answer.status_code != expected:
            raise CheckFailed(f"{method} {path} answered {answer.status_code}")
        return answer


def probes(check: Check) -> Figures:
    """The host's probes answer, and no check of them is red."""
    check.get("/healthz")
    found = check.get("/readyz").json()["checks"]
    return {"checks": sorted(found)}


def sign_in(check: Check) -> Figures:
    """Signs in with the printed account; the sign-in page must no longer be offered afterwards."""
    account = check.demo.account
    check.post("/accounts/login/", {"login": account["email"], "password": account["password"]}, follow=False)
    answer = check.session.get(check.demo.url + "/accounts/login/", timeout=TIMEOUT, allow_redirects=False)
    if answer.status_code != 302:
        raise CheckFailed("sign-in: the sign-in page is still offered")
    return {"email": account["email"]}


def run_flow(check: Check, flow: str) -> Figures:
    """Presses the button of a flow, waits for its run, and answers its counters. The closing equation must hold."""
    profile = check.demo.account["profile"]
    page = f"/profils/{profile}/synchronisation/"
    answer = check.post(f"/profils/{profile}/lancer/", {"flow": flow, "open": "1"}, form=page)
    found = _RUN.search(answer.url)
    if found is None:
        raise CheckFailed(f"{flow}: no run page was opened ({answer.url})")
    state: Figures = {}

    def ended() -> bool:
        state.update(check.get(f"/journaux/{found[1]}/etat.json").json())
        return bool(state["state"] == "finished")

    check.wait(flow, ended, timeout=RUN_SECONDS)
    outcomes = sum(state[name] for name in OUTCOMES)
    if state["read"] != outcomes:
        raise CheckFailed(f"{flow}: {state['read']} read, {outcomes} accounted for")
    return {name: state[name] for name in ("run", "result", "message", "read", *OUTCOMES, "units")}


def shop_products(check: Check) -> dict[str, list[dict[str, Any]]]:
    """Every product of the shop stand-in by SKU, as its own database holds it."""
    url = check.demo.systems["woocommerce"]["control_url"]
    answer = check.session.get(f"{url}inspect", params={"dump": 1}, timeout=TIMEOUT)
    return dict(answer.json()["products"])


def first_export(check: Check) -> Figures:
    """«Exporter les articles» on an empty shop: creates products, each exactly once, and spends a unit for each."""
    figures = run_flow(check, "products")
    made = _made(check)
    if not figures["created"] or figures["units"] != made:
        raise CheckFailed(f"first export: {made} products and categories in the shop, {figures['units']} units")
    twice = {sku: rows for sku, rows in shop_products(check).items() if len(rows) > 1}
    if twice:
        raise CheckFailed(f"first export: more than one product for {sorted(twice)}")
    return figures


def second_export(check: Check) -> Figures:
    """The same again: nothing is written and nothing is spent."""
    before = _writes(check)
    figures = run_flow(check, "products")
    if figures["created"] or figures["updated"] or figures["units"]:
        raise CheckFailed(f"second export wrote something: {figures}")
    if _writes(check) != before:
        raise CheckFailed("second export: the shop received writes")
    return figures


def changed_stock(check: Check) -> Figures:
    """Changes the stock of 5 articles in the ERP: the stock run sends those 5, and the shop shows them."""
    run_flow(check, "stock")
    company = Sage100Sandbox(check.demo.systems["sage100"]["path"])
    changes = company.change_stocks(CHANGED, by=7)
    before = {sku: rows[0]["stock"] for sku, rows in shop_products(check).items()}
    figures = run_flow(check, "stock")
    after = {sku: rows[0]["stock"] for sku, rows in shop_products(check).items()}
    moved = {sku: (before[sku], after[sku]) for sku in after if before.get(sku) != after[sku]}
    if not figures["updated"] == figures["units"] == len(moved):
        raise CheckFailed(f"stock: {figures['updated']} sent, {figures['units']} units, the shop shows {moved}")
    # A kit moves with its component, hence at least: every article that was changed, by exactly what was added.
    missed = [one.reference for one in changes if not _moved_by(moved.get(one.reference), one.after - one.before)]
    if missed:
        raise CheckFailed(f"stock: {missed} did not move as in the ERP; the shop shows {moved}")
    return {**figures, "changed": [change.reference for change in changes], "moved": moved}


def _moved_by(stock: tuple[Any, Any] | None, difference: Decimal) -> bool:
    return stock is not None and stock[1] - stock[0] == difference


def place_orders(check: Check) -> Figures:
    """Three shoppers order: several articles, two pieces, seven pieces."""
    url = check.demo.systems["woocommerce"]["control_url"]
    carts = (("TENTE2P", 1), ("RECHAUD", 3)), (("MATELAS", 2),), (("DUVET-10", 7),)
    orders = []
    for cart in carts:
        items = [{"sku": sku, "quantity": quantity} for sku, quantity in cart]
        answer = check.session.post(f"{url}mutate", json={"op": "checkout", "items": items}, timeout=TIMEOUT)
        answer.raise_for_status()
        orders.append(answer.json())
    return {"orders": {str(order["id"]): str(order["total"]) for order in orders}}


def import_orders(check: Check) -> Figures:
    """«Importer les commandes» twice: each order becomes one document with the same total, and no second one."""
    totals = check.figures["place_orders"]["orders"]
    first = run_flow(check, "orders")
    second = run_flow(check, "orders")
    company = Sage100Sandbox(check.demo.systems["sage100"]["path"])
    pieces = {}
    for order, total in totals.items():
        documents = company.documents(order)
        if len(documents) != 1 or documents[0].total_gross != Decimal(total):
            held = [str(document.total_gross) for document in documents]
            raise CheckFailed(f"order {order}: {total} in the shop, {held} in the ERP")
        pieces[order] = documents[0].piece
    if (first["created"], second["created"]) != (len(totals), 0):
        raise CheckFailed(f"orders: {first['created']} then {second['created']} created for {len(totals)} orders")
    return {"first": first, "second": second, "pieces": pieces}


def follow_orders(check: Check) -> Figures:
    """One order is delivered in the ERP: the shop learns its status and its parcel number."""
    pieces: dict[str, str] = check.figures["import_orders"]["pieces"]
    order, piece = next(iter(pieces.items()))
    Sage100Sandbox(check.demo.systems["sage100"]["path"]).advance_document(piece, DELIVERY, tracking=PARCEL)
    status, tracking = run_flow(check, "order_status"), run_flow(check, "order_tracking")
    if (status["updated"], tracking["updated"]) != (1, 1):
        raise CheckFailed(f"progress: {status['updated']} statuses and {tracking['updated']} parcel numbers sent")
    page = check.session.get(
        f"{check.demo.systems['woocommerce']['control_url']}inspect", params={"order": order}, timeout=TIMEOUT
    ).json()
    if page["status"] != "completed" or PARCEL not in str(page["meta"]):
        raise CheckFailed(f"order {order}: {page} in the shop after its delivery")
    return {"order": order, "status": page["status"], "tracking": PARCEL}


def storefront(check: Check) -> Figures:
    """A shopper finds the products in the shop's own pages, and the next delivery of one that is sold out."""
    url = check.demo.systems["woocommerce"]["url"]
    page = check.session.get(url, params={"s": "TENTE2P"}, timeout=TIMEOUT)
    if page.status_code != 200 or "TENTE2P" not in page.text:
        raise CheckFailed("storefront: TENTE2P is not found")
    page = check.session.get(url, params={"s": AWAITED}, timeout=TIMEOUT)
    if "Réapprovisionnement prévu le" not in page.text:
        raise CheckFailed(f"storefront: {AWAITED} does not say when it is delivered")
    return {"products": len(shop_products(check))}


def _made(check: Check) -> int:
    """Products and categories that exist in the shop because we made them (its default category is its own)."""
    url = check.demo.systems["woocommerce"]["control_url"]
    totals = check.session.get(f"{url}inspect", timeout=TIMEOUT).json()
    products = sum(number for kind, number in totals["types"].items() if kind != "variation")
    return int(products + totals["terms"]["product_cat"] - 1)


def _writes(check: Check) -> Any:
    url = check.demo.systems["woocommerce"]["control_url"]
    return check.session.get(f"{url}requests", timeout=TIMEOUT).json()["totals"]["item_writes"]


STEPS: tuple[tuple[str, Callable[[Check], Figures]], ...] = (
    ("probes", probes),
    ("sign_in", sign_in),
    ("first_export", first_export),
    ("second_export", second_export),
    ("changed_stock", changed_stock),
    ("storefront", storefront),
    ("place_orders", place_orders),
    ("import_orders", import_orders),
    ("follow_orders", follow_orders),
)


def run_check(demo: RunningDemo) -> dict[str, Any]:
    """Plays every step; answers ``ok``, ``seconds`` and the figures of each step, or the sentence that stopped it."""
    start = time.monotonic()
    check = Check(demo)
    result: dict[str, Any] = {"ok": True, "steps": {}}
    for name, step in STEPS:
        try:
            result["steps"][name] = check.figures[name] = step(check)
        except (CheckFailed, requests.RequestException, ValueError, KeyError) as error:
            result.update(ok=False, failed=name, reason=f"{type(error).__name__}: {error}")
            break
    result["seconds"] = round(time.monotonic() - start, 1)
    return result
