"""Manifests, options and flows are complete, and the platform never names a connector."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from connectors import registry
from connectors.canonical.keys import Aspect, Entity
from connectors.core.capabilities import Verb
from connectors.core.options import OptionsSection, json_schema
from connectors.core.problems import Consequence
from profiles.sections import FLOW_SECTIONS
from sync.flows import registry as flows

ROOT = Path(__file__).resolve().parents[2]
SPECS = list(registry.all_specs().values())
SECTIONS: list[type[OptionsSection]] = [*(spec.options for spec in SPECS), *FLOW_SECTIONS]
SECRET_WORDS = re.compile(r"password|secret|token|consumer_key|connection_string")


@pytest.mark.covers("PRF-09")
@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_option_has_label_help_and_group(section: type[OptionsSection]) -> None:
    for name, info in section.infos().items():
        assert info.label, name
        assert len(info.help) > 10, f"{name}: {info.help!r}"
        assert info.help.endswith((".", "?")), f"{name}: {info.help!r}"
        assert info.group, name


@pytest.mark.covers("PRF-09")
@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_rules_of_visibility_name_options_of_the_same_section(section: type[OptionsSection]) -> None:
    infos = section.infos()
    for name, info in infos.items():
        assert set(info.visible_if) <= infos.keys(), name


@pytest.mark.covers("PRF-08")
@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_secrets_are_of_the_secret_type(section: type[OptionsSection]) -> None:
    for name, info in section.infos().items():
        if SECRET_WORDS.search(name) and info.annotation is str:
            pytest.fail(f"{section.__name__}.{name} looks like a secret but is plain text")


@pytest.mark.covers("PRF-05")
@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_reference_lists_of_options_are_declared_by_some_connector(section: type[OptionsSection]) -> None:
    known = {f"{spec.side.value}.{name}" for spec in SPECS for name in spec.choices}
    for name, info in section.infos().items():
        for path in (info.choices_from, info.keys_from):
            assert not path or path in known, f"{section.__name__}.{name}: {path}"


@pytest.mark.covers("PRF-09")
@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_section_has_a_json_schema(section: type[OptionsSection]) -> None:
    assert json_schema(section)["properties"].keys() == section.infos().keys()


def test_flows_of_needed_by_exist() -> None:
    known = flows.all_flows().keys()
    for section in SECTIONS:
        for name, info in section.infos().items():
            assert set(info.needed_by) - {"*"} <= known, f"{section.__name__}.{name}"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.key)
def test_manifests_declare_what_a_side_must_have(spec: registry.ConnectorSpec) -> None:
    assert spec.label
    assert spec.capabilities
    for (entity, aspect), capability in spec.capabilities.items():
        assert isinstance(entity, Entity)
        assert isinstance(aspect, Aspect)
        assert capability.batch >= 1
        assert capability.verbs & {Verb.READ, Verb.CREATE, Verb.UPDATE}
        if Verb.CREATE in capability.verbs:
            assert Verb.FIND in capability.verbs, "what creates must be able to look first"


@pytest.mark.parametrize("flow", flows.all_flows().values(), ids=lambda flow: flow.key)
def test_flows_are_described_in_words(flow: flows.Flow) -> None:
    assert flow.label
    assert flow.help.endswith(".")
    assert (ROOT / "static/img").exists()
    assert set(flow.provides.values()) <= flows.all_flows().keys()


def test_no_connector_is_named_outside_its_folder() -> None:
    keys = re.compile("|".join(rf"[\"']{re.escape(spec.key)}[\"']" for spec in SPECS))
    # The stand-ins have the names of the systems they stand for.
    commands = "management/commands/(demo|sandbox|bench|orders)"
    allowed = re.compile(rf"atoosync/(demo|devtools|bench|orders_replay|{commands})")
    named = []
    for package in ("atoosync", "profiles", "sync", "billing", "scheduler"):
        for path in sorted((ROOT / package).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            if not allowed.match(place) and keys.search(path.read_text(encoding="utf-8")):
                named.append(place)
    assert named == []


def test_consequences_are_few_and_all_handled_by_the_engine() -> None:
    from sync.engine import verdicts

    text = Path(verdicts.__file__).read_text(encoding="utf-8")
    for consequence in Consequence:
        assert f"Consequence.{consequence.name}" in text


def _bare(path: Path) -> list[str]:
    """Public classes, functions and methods of a module without a docstring."""
    found = []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    owners: list[ast.Module | ast.ClassDef] = [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]
    for owner in owners:
        for node in owner.body:
            if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
                continue
            if any(ast.unparse(decorator) == "overload" for decorator in node.decorator_list):
                continue
            private_owner = isinstance(owner, ast.ClassDef) and owner.name.startswith("_")
            if not private_owner and node.name != "Meta" and not ast.get_docstring(node):
                found.append(f"{path.relative_to(ROOT)}:{node.name}")
    return found


PACKAGES = (
    "connectors/core",
    "connectors/canonical",
    "sync/engine",
    "sync/flows",
    "sync/mapping",
    "billing",
    "profiles",
)


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_say_what_they_guarantee(package: str) -> None:
    assert [name for path in sorted((ROOT / package).glob("*.py")) for name in _bare(path)] == []
