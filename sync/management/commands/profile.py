"""``manage.py profile create|run|list|show``: a profile from a file, and a flow run and awaited from the shell."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import yaml
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from billing import ledger
from billing.models import Kind
from connectors.canonical.keys import Side
from connectors.core.problems import ConnectorError
from profiles import catalogs
from profiles.models import MatchState, Profile, Tenant
from profiles.option_values import OptionSyntaxError, parse_options
from profiles.options_store import OptionsRefused, save, sections_of
from profiles.services import ProfileRefused, export_document, match_approve, profile_create, profile_find
from sync import services
from sync.engine.runner import drive
from sync.flows import registry
from sync.models import OUTCOME_COUNTERS, JournalEntry, Run, RunResult, Trigger

_VARIABLE = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)\}")


class Command(BaseCommand):
    """Creates profiles from YAML and runs flows to their end in this process, beside any workers."""

    help = "Crée un profil à partir d’un fichier YAML, ou exécute un traitement et attend sa fin."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One sub-command each."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="crée un profil à partir d’un fichier YAML")
        create.add_argument("file", help="fichier YAML, ou - pour l’entrée standard ; ${NOM} lit l’environnement")
        create.add_argument("--tenant", required=True, help="identifiant ou nom de l’entreprise ; créée si absente")
        create.add_argument("--set", action="append", default=[], metavar="PARTIE.NOM=VALEUR")
        create.add_argument("--units", type=int, default=0, help="unités à créditer, d’export et d’import")
        create.add_argument("--json", action="store_true")
        run = verbs.add_parser("run", help="exécute un traitement et attend sa fin")
        run.add_argument("profile", help="numéro ou nom du profil")
        run.add_argument("flow", help="clé du traitement : products, stock, prices…")
        run.add_argument("--full", action="store_true", help="relit tout l’ERP")
        run.add_argument("--preview", action="store_true", help="montre sans rien écrire")
        run.add_argument("--keys", default="", help="seulement ces clés, séparées par des virgules")
        run.add_argument("--retry", action="store_true", help="renvoie aussi ce qui a été refusé sans changer depuis")
        run.add_argument("--approve-match", action="store_true", help="valide le rapprochement sans le relire")
        run.add_argument("--json", action="store_true")
        verbs.add_parser("list", help="liste les profils").add_argument("--json", action="store_true")
        verbs.add_parser("show", help="imprime un profil en YAML, sans secret").add_argument("profile")

    def handle(self, *args: Any, **options: Any) -> None:
        """Dispatches to the sub-command; refusals become sentences, never traces."""
        try:
            getattr(self, f"_{options['verb']}")(options)
        except (ProfileRefused, OptionsRefused, OptionSyntaxError, ConnectorError) as error:
            raise CommandError(str(error)) from None
        except services.RunRefused as error:
            raise CommandError(str(error)) from None

    def _create(self, options: dict[str, Any]) -> None:
        document = _read_yaml(options["file"])
        with transaction.atomic():
            tenant = _tenant(options["tenant"])
            profile = profile_create(
                tenant=tenant,
                name=str(document.get("name", "")),
                erp=str(document.get("erp", "")),
                shop=str(document.get("shop", "")),
                features=document.get("features"),
                document=document.get("options") or {},
            )
            self._set(profile, options["set"])
            _credit(tenant, options["units"])
        lists = {side.value: catalogs.refresh(profile, side).counts for side in Side}
        answer = {"profile": profile.pk, "name": profile.name, "tenant": tenant.slug, "reference_lists": lists}
        self.stdout.write(json.dumps(answer, ensure_ascii=False) if options["json"] else f"Profil {profile.pk} créé.")

    def _set(self, profile: Profile, pairs: list[str]) -> None:
        changes: dict[str, dict[str, Any]] = {}
        sections = sections_of(profile)
        for pair in pairs:
            section, _, rest = pair.partition(".")
            if section not in sections:
                raise OptionSyntaxError(f"La partie {section} n’existe pas. Parties : {', '.join(sections)}.")
            changes.setdefault(section, {}).update(parse_options(sections[section], [rest]))
        if changes:
            save(profile, changes, author=None, note="ligne de commande")

    def _run(self, options: dict[str, Any]) -> None:
        if options["flow"] not in registry.all_flows():
            raise CommandError(f"Traitement inconnu : {options['flow']}. Connus : {', '.join(registry.all_flows())}.")
        profile = profile_find(options["profile"])
        if options["approve_match"] and profile.match_state != MatchState.APPROVED:
            drive(services.match_request(profile, by=None).run.pk, owner=_owner())
            match_approve(profile)
            profile.refresh_from_db()
        started = time.monotonic()
        request = services.run_request(
            profile=profile,
            flow=options["flow"],
            trigger=Trigger.COMMAND,
            dry=options["preview"],
            full=options["full"],
            retry=options["retry"],
            keys=[key for key in options["keys"].split(",") if key] or None,
        )
        run = drive(request.run.pk, owner=_owner())
        answer = run_document(run, seconds=time.monotonic() - started)
        if options["json"]:
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
        else:
            self.stdout.write(f"{run.get_result_display()} : {run.message}")
        if run.result not in (RunResult.SUCCESS, RunResult.PARTIAL):
            sys.exit(1)

    def _list(self, options: dict[str, Any]) -> None:
        rows = [
            {"profile": one.pk, "name": one.name, "tenant": one.tenant.slug, "erp": one.erp, "shop": one.shop}
            for one in Profile.objects.select_related("tenant").order_by("pk")
        ]
        if options["json"]:
            self.stdout.write(json.dumps(rows, ensure_ascii=False))
            return
        for row in rows:
            self.stdout.write(f"{row['profile']}  {row['name']}  ({row['tenant']}) : {row['erp']} → {row['shop']}")

    def _show(self, options: dict[str, Any]) -> None:
        document = export_document(profile_find(options["profile"]))
        self.stdout.write(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))


def run_document(run: Run, *, seconds: float) -> dict[str, Any]:
    """What ``profile run --json`` prints: status, counters, units, seconds, and the causes of what went wrong."""
    causes = JournalEntry.objects.filter(run=run).exclude(code="").values_list("code", "item_key", "text", "advice")
    found: dict[str, dict[str, Any]] = {}
    for code, key, text, advice in causes.iterator():
        cause = found.setdefault(code, {"code": code, "text": text, "advice": advice, "count": 0, "items": []})
        cause["count"] += 1
        if len(cause["items"]) < 20:
            cause["items"].append(key)
    return {
        "run": run.pk,
        "flow": run.flow,
        "status": run.result,
        "message": run.message,
        "read": run.read,
        **{name: getattr(run, name) for name in OUTCOME_COUNTERS},
        "sent": run.sent,
        "units": run.units,
        "seconds": round(seconds, 2),
        "excluded_reasons": run.excluded_reasons,
        "causes": list(found.values()),
    }


def _owner() -> str:
    return f"command:{socket.gethostname()}:{os.getpid()}"


def _read_yaml(path: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        document = yaml.safe_load(_VARIABLE.sub(_from_environment, text))
    except OSError as error:
        raise CommandError(f"Le fichier ne peut pas être lu : {error.strerror}.") from None
    except yaml.YAMLError as error:
        raise CommandError(f"Le fichier n’est pas du YAML valide : {error}") from None
    if not isinstance(document, dict):
        raise CommandError("Le fichier doit contenir name, erp, shop et options.")
    return document


def _from_environment(match: re.Match[str]) -> str:
    if match[1] not in os.environ:
        raise CommandError(f"La variable d’environnement {match[1]} n’est pas définie.")
    return os.environ[match[1]]


def _credit(tenant: Tenant, units: int) -> None:
    for kind in Kind.values if units else ():
        key = f"command:{tenant.pk}:{kind}:{time.time_ns()}"
        ledger.credit(tenant_id=tenant.pk, kind=kind, units=units, key=key, note="", actor="command")


def _tenant(name: str) -> Tenant:
    found = Tenant.objects.filter(slug=name).first() or Tenant.objects.filter(name=name).first()
    return found or Tenant.objects.create(name=name)
