"""``manage.py connector check|list|show``: connectors from the shell, against any real system."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connectors import registry
from connectors.core.options import json_schema
from connectors.core.redaction import redact, register_secret
from connectors.core.results import CheckItem, CheckReport
from connectors.core.spec import ConnectorSpec
from profiles.option_values import OptionSyntaxError, parse_options
from profiles.options_store import OptionsRefused
from profiles.services import check_values


class Command(BaseCommand):
    """Lists the connectors, shows one, or runs its connection test and prints the report as JSON."""

    help = "Liste les connecteurs, en décrit un, ou teste une connexion."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One sub-command each."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("list", help="clés, côtés et capacités")
        show = verbs.add_parser("show", help="options et listes d’un connecteur")
        show.add_argument("key")
        check = verbs.add_parser("check", help="teste une connexion et imprime le rapport")
        check.add_argument("key")
        check.add_argument("--option", action="append", default=[], metavar="NOM=VALEUR")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prints one JSON object; the exit code of ``check`` says whether the connection works."""
        if options["verb"] == "list":
            self._print([describe(spec) for spec in registry.all_specs().values()])
            return
        spec = self._spec(options["key"])
        if options["verb"] == "show":
            self._print({**describe(spec), "options": json_schema(spec.options), "choices": dict(spec.choices)})
            return
        self._check(spec, options["option"])

    def _check(self, spec: ConnectorSpec, pairs: list[str]) -> None:
        try:
            values = parse_options(spec.options, pairs)
            for name in spec.options.secret_names():
                register_secret(str(values.get(name, "")))
            report = check_values(spec.key, values)
        except OptionSyntaxError as error:
            raise CommandError(str(error)) from None
        except OptionsRefused as error:
            refused = [{"option": one.name, "sentence": one.text()} for one in error.errors[spec.side.value]]
            self._print({"ok": False, "refused_options": refused})
            raise SystemExit(1) from None
        self._print(report_document(report))
        if not report.ok:
            raise SystemExit(1)

    def _spec(self, key: str) -> ConnectorSpec:
        try:
            return registry.by_key(key)
        except LookupError as error:
            raise CommandError(str(error)) from None

    def _print(self, document: Any) -> None:
        self.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, default=str))


def describe(spec: ConnectorSpec) -> dict[str, Any]:
    """Key, side and capabilities of a connector as plain data."""
    return {
        "key": spec.key,
        "label": spec.label,
        "side": spec.side.value,
        "summary": spec.summary,
        "capabilities": [
            {
                "entity": entity.value,
                "aspect": aspect.value,
                "verbs": sorted(verb.value for verb in capability.verbs),
                "changes": capability.changes.value,
                "batch": capability.batch,
                "parallel": capability.parallel,
                "parts": sorted(capability.parts),
                "limits": dict(capability.limits),
            }
            for (entity, aspect), capability in spec.capabilities.items()
        ],
    }


def report_document(report: CheckReport) -> dict[str, Any]:
    """A connection report as plain, redacted data."""
    items = [_item_document(item) for item in report.items]
    document: dict[str, Any] = redact({"ok": report.ok, "items": items, "facts": dict(report.facts)})
    return document


def _item_document(item: CheckItem) -> dict[str, Any]:
    """One point of the report, its sentences filled in."""
    document = {**asdict(item), "sentence": item.text(), "advice": item.advice_text()}
    del document["values"]
    return document
