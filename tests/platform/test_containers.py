"""The image and the Compose file: coherent with each other and with the code (Docker itself is not needed)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from atoosync import heartbeats, probe_client
from atoosync.demo_stack import LANES

PLATFORM = ("migrate", "web", "worker-fast", "worker", "beat")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    path = Path(__file__).resolve().parents[2] / "docker-compose.yml"
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (Path(__file__).resolve().parents[2] / "Dockerfile").read_text()


@pytest.mark.covers("OPS-01")
def test_nothing_starts_before_the_migrations_have_ended_well(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in PLATFORM[1:]:
        needs = services[name]["depends_on"]
        assert needs["migrate"] == {"condition": "service_completed_successfully"}, name
        assert needs["postgres"] == needs["redis"] == {"condition": "service_healthy"}, name
    assert services["migrate"]["restart"] == "no"
    assert "migrate" in services["migrate"]["command"]


@pytest.mark.covers("OPS-01")
def test_every_lasting_service_has_a_health_check(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        lasting = name not in {"migrate", "demo"}
        assert ("test" in service.get("healthcheck", {})) is lasting, name
        if lasting:
            assert service["restart"] == "unless-stopped", name


def test_dependencies_volumes_and_secrets_are_declared(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name
        assert set(service.get("secrets", [])) <= set(compose["secrets"]), name
        volumes = {entry.split(":")[0] for entry in service.get("volumes", [])}
        assert volumes <= set(compose["volumes"]), name
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "test" in services[other]["healthcheck"], f"{name} waits for {other}, which has no check"


@pytest.mark.covers("OPS-01")
def test_workers_serve_every_queue(compose: dict[str, Any]) -> None:
    served: set[str] = set()
    for name in ("worker", "worker-fast"):
        command = compose["services"][name]["command"]
        served |= set(command[command.index("--queues") + 1].split(","))
        assert "--without-mingle" in command
        assert command[command.index("--pool") + 1] == "prefork"
    assert served == {queue for queues, _ in LANES.values() for queue in queues.split(",")}


def test_only_the_demo_runs_without_being_asked_for_secrets(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["demo"]["profiles"] == ["demo"]
    assert services["demo"]["environment"] == {"ATOOSYNC_MODE": "embedded"}
    for name in PLATFORM:
        assert "profiles" not in services[name]
        assert services[name]["environment"]["ATOOSYNC_MODE"] == "production"
        assert {"secret_key", "secret_keys", "database_url"} <= set(services[name]["secrets"])
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]


def test_only_the_web_server_is_reachable_and_on_loopback_by_default(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert published == {"web": ["${BIND:-127.0.0.1:8000}:8000"]}


def test_no_secret_is_written_in_the_file(project_root: Path) -> None:
    text = (project_root / "docker-compose.yml").read_text()
    for name, value in re.findall(r"^\s+(\w*(?:PASSWORD|SECRET|TOKEN)\w*): (.+)$", text, re.MULTILINE):
        assert value.startswith(("${", "/run/secrets/")), name


def test_every_variable_is_one_the_code_reads(compose: dict[str, Any], project_root: Path) -> None:
    code = "".join(path.read_text() for path in (project_root / "atoosync").glob("*.py"))
    for name in compose["services"]["web"]["environment"]:
        assert f'"{name.removesuffix("_FILE")}"' in code, name


@pytest.mark.covers("OPS-01")
def test_the_image_runs_as_nobody_special_and_holds_no_build_tools(dockerfile: str) -> None:
    stages = dockerfile.split("\nFROM ")
    assert len(stages) == 3, "two stages after the preamble"
    last = stages[-1]
    assert re.search(r"^USER 10001$", last, re.MULTILINE)
    assert last.index("USER 10001") > last.index("RUN ")
    assert "HEALTHCHECK" in last
    assert "pip install" not in last
    assert "--require-hashes" in stages[1]
    assert "ATOOSYNC_MODE=production" in last


def test_the_image_takes_every_package_of_the_project(dockerfile: str, project_root: Path) -> None:
    ignored = (project_root / ".dockerignore").read_text().splitlines()
    copied = {match[1] for match in re.finditer(r"^COPY (\w[\w.]*) ", dockerfile, re.MULTILINE)}
    packages = {path.parent.name for path in project_root.glob("*/__init__.py")} - {"tests"}
    assert packages <= copied
    assert ignored[0] == "*", "nothing enters the image unless it is named"
    assert {f"!{name}" for name in copied} <= set(ignored)
    assert all((project_root / name).exists() for name in copied)


def test_the_probe_client_reads_what_the_processes_write() -> None:
    assert probe_client.HEARTBEATS == heartbeats.KEY
    assert probe_client._belongs("worker:main@box", "worker", "box")
    assert probe_client._belongs("beat:box", "beat", "box")
    assert not probe_client._belongs("worker:main@other", "worker", "box")
    assert not probe_client._belongs("beat:box", "worker", "box")


@pytest.mark.redis
def test_the_probe_client_judges_heartbeats(
    settings: Any, redis_client: Any, redis_url: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    settings.BROKER_URL = redis_url
    monkeypatch.setenv("BROKER_URL", redis_url)
    monkeypatch.setattr(probe_client.socket, "gethostname", lambda: "box")
    assert probe_client.main(["worker"]) == 1
    heartbeats.beat("worker:main@box")
    assert probe_client.main(["worker"]) == 0
    redis_client.hincrby(heartbeats.KEY, "worker:main@box", -120)
    assert probe_client.main(["worker"]) == 1
    assert probe_client.main(["beat"]) == 1
    assert probe_client.main([]) == 2
    assert "the last heartbeat is 12" in capsys.readouterr().err
    monkeypatch.setenv("BROKER_URL", "redis://127.0.0.1:1/0")
    assert probe_client.main(["worker"]) == 1


def test_the_probe_client_asks_the_web_server(
    live_server: Any, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    monkeypatch.setenv("PORT", live_server.url.rsplit(":", 1)[1])
    assert probe_client.main(["web"]) == 0
    monkeypatch.setenv("PORT", str(free_port))
    assert probe_client.main(["web"]) == 1


def test_every_variable_is_documented(project_root: Path) -> None:
    settings_text = (project_root / "atoosync" / "settings.py").read_text() + (
        project_root / "atoosync" / "env.py"
    ).read_text()
    read = set(re.findall(r'(?:ENV|self)\.(?:\w+)\(\s*"([A-Z][A-Z_]+)"', settings_text))
    documented = set(re.findall(r"`([A-Z][A-Z_]+)`", (project_root / "docs" / "operations.md").read_text()))
    assert read, "the pattern finds the readers"
    assert read - documented == set()
