"""``manage.py orders explain|certificate|replay``: arithmetic of an order, comparison of a period, recorded orders."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import yaml
from django.core.management.base import BaseCommand, CommandError
from pydantic import ValidationError

from atoosync.orders_replay import read_orders, replay
from connectors.core.options import explain as explain_options
from connectors.core.problems import ConnectorError
from profiles.options_store import OptionsRefused
from profiles.services import ProfileRefused, profile_find
from sync.orders.certificate import NIGHT_DAYS, certificate_make, last_days
from sync.orders.preview import explain_order


class Command(BaseCommand):
    """Shows how an order becomes a document, and proves it on recorded orders."""

    help = "Explique le calcul d’une commande, ou rejoue des commandes enregistrées dans un ERP jetable."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One sub-command each."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        explain = verbs.add_parser("explain", help="le calcul d’une commande, sans rien importer")
        explain.add_argument("--profile", required=True, help="numéro ou nom du profil")
        explain.add_argument("--order", required=True, help="identifiant de la commande dans la boutique")
        explain.add_argument("--json", action="store_true")
        certify = verbs.add_parser("certificate", help="compare les commandes et les pièces des derniers jours")
        certify.add_argument("--profile", required=True, help="numéro ou nom du profil")
        certify.add_argument("--days", type=int, default=NIGHT_DAYS)
        certify.add_argument("--json", action="store_true")
        play = verbs.add_parser("replay", help="rejoue des commandes enregistrées")
        play.add_argument(
            "--woocommerce", required=True, metavar="FILE", help="commandes REST en JSON, - pour l’entrée"
        )
        play.add_argument("--config", default="", help="fichier YAML : réglages par partie")
        play.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prints one report as JSON; the exit code says whether every order balances."""
        try:
            getattr(self, f"_{options['verb']}")(options)
        except ProfileRefused as error:
            raise CommandError(str(error)) from None

    def _explain(self, options: dict[str, Any]) -> None:
        try:
            answer = explain_order(profile_find(options["profile"]), options["order"])
        except (ConnectorError, OptionsRefused) as error:
            raise CommandError(str(error)) from None
        self._print(answer)
        if not answer["balanced"]:
            sys.exit(1)

    def _certificate(self, options: dict[str, Any]) -> None:
        profile = profile_find(options["profile"])
        made = certificate_make(profile, *last_days(profile, max(1, options["days"])))
        if made.problem:
            raise CommandError(f"{made.problem} {made.advice}".strip())
        self._print({"since": str(made.since), "until": str(made.until), **made.counts, "rows": made.rows})
        if not made.is_clean:
            sys.exit(1)

    def _replay(self, options: dict[str, Any]) -> None:
        try:
            source = options["woocommerce"]
            text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
            orders = read_orders(text)
            config = yaml.safe_load(Path(options["config"]).read_text(encoding="utf-8")) if options["config"] else {}
            results = replay(orders, (config or {}).get("options", config or {}))
        except (OSError, ValueError) as error:
            if isinstance(error, ValidationError):
                raise CommandError("; ".join(f"{one.name} : {one.text()}" for one in explain_options(error))) from None
            raise CommandError(str(error)) from None
        imported = [one for one in results if one.status == "imported"]
        unequal = [one for one in imported if one.difference]
        self._print(
            {
                "orders": len(results),
                "imported": len(imported),
                "refused": len(results) - len(imported),
                "unequal": len(unequal),
                "results": [one.document() for one in results],
            }
        )
        if unequal or len(imported) != len(results):
            sys.exit(1)

    def _print(self, answer: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2))
