"""Typed readers of the environment and what must hold before a start."""

from __future__ import annotations

import ast
import multiprocessing
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from atoosync.env import Environment, database_from_url, generated_once
from atoosync.guards import Deployment, broker_socket, check_deployment, generate_key, is_address_rule, redis_url

GOOD = {
    "embedded": False,
    "debug": False,
    "secret_key": "k" * 50,
    "secret_keys": [generate_key()],
    "allowed_hosts": ["sync.example.com"],
    "public_url": "https://sync.example.com",
    "database_engine": "django.db.backends.postgresql",
    "broker_url": "redis://redis:6379/0",
    "allowed_addresses": ["10.0.0.5:1433", "192.168.0.0/16", "[fd00::1]:443"],
}


@pytest.mark.parametrize(("text", "expected"), [("TRUE", True), ("on", True), ("0", False), ("No", False), ("", None)])
def test_booleans(text: str, expected: bool | None) -> None:
    environment = Environment({"X": text})
    if expected is None:
        assert environment.boolean("X", default=True) is True
        assert environment.boolean("X", default=False) is False
    else:
        assert environment.boolean("X", default=not expected) is expected


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        ("boolean", {"X": "perhaps"}, "X must be one of true, false"),
        ("integer", {"X": "ten"}, "X must be a whole number"),
        ("integer", {"X": "-1"}, "X must be between 0"),
    ],
)
def test_a_wrong_value_is_named(name: str, values: dict[str, str], sentence: str) -> None:
    reader = getattr(Environment(values), name)
    with pytest.raises(ImproperlyConfigured, match=sentence):
        reader("X", default=1)


def test_lists_take_commas_and_lines() -> None:
    assert Environment({"X": "a, b\nc,,"}).words("X") == ["a", "b", "c"]
    assert Environment({}).words("X", default=("z",)) == ["z"]


def test_a_secret_comes_from_the_variable_or_a_file_never_both(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("from-file\n")
    assert Environment({"S_FILE": str(path)}).secret("S") == "from-file"
    assert Environment({"S": "direct"}).secret("S") == "direct"
    assert Environment({}).secret("S") is None
    with pytest.raises(ImproperlyConfigured, match="both set"):
        Environment({"S": "direct", "S_FILE": str(path)}).secret("S")
    with pytest.raises(ImproperlyConfigured, match="cannot be read"):
        Environment({"S_FILE": str(tmp_path / "absent")}).secret("S")


def test_a_postgres_url_is_read_with_its_options() -> None:
    found = database_from_url("postgres://al%40ice:p%2Fw@db:5433/base%20x?sslmode=require", pool_size=3)
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"]) == ("al@ice", "p/w", "db", "5433")
    assert found["NAME"] == "base x"
    assert found["CONN_MAX_AGE"] == 0
    assert found["OPTIONS"] == {"sslmode": "require", "pool": {"min_size": 1, "max_size": 3, "timeout": 10}}


def test_a_postgres_url_may_name_a_socket_folder() -> None:
    found = database_from_url("postgresql:///base?host=/run/postgresql", pool=False)
    assert found["HOST"] == "/run/postgresql"
    assert found["OPTIONS"] == {}


@pytest.mark.parametrize("url", ["mysql://u:canary-pw@h/b", "postgres://u:canary-pw@h", "postgres://u:canary-pw@h:x/b"])
def test_p34_a_refused_database_url_is_not_repeated(url: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        database_from_url(url)
    assert "canary-pw" not in str(refusal.value)


def test_sqlite_gets_the_measured_options(tmp_path: Path) -> None:
    found = Environment({}).database("DATABASE_URL", data=tmp_path)
    assert found["NAME"] == str(tmp_path / "atoosync.sqlite3")
    assert found["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in found["OPTIONS"]["init_command"]


def _generate(path: str, word: str) -> str:
    return generated_once(Path(path), lambda: word)


def test_a_generated_key_is_one_for_all_processes_and_private(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        found = pool.starmap(_generate, [(str(path), f"word-{n}") for n in range(8)])
    assert len(set(found)) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["key"]


def test_a_sound_deployment_starts() -> None:
    check_deployment(Deployment(**GOOD))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"debug": True}, "DEBUG is on while ALLOWED_HOSTS names hosts that are not loopback"),
        ({"debug": True, "allowed_hosts": ["localhost"]}, "DEBUG is on in production mode"),
        ({"debug": True, "embedded": True}, "not loopback"),
        ({"secret_key": ""}, "SECRET_KEY is missing"),
        ({"secret_key": "short"}, "shorter than 32"),
        ({"secret_keys": []}, "ATOOSYNC_SECRET_KEYS is missing"),
        ({"secret_keys": [generate_key(), "x"]}, "key number 2 is not a Fernet key"),
        ({"allowed_hosts": []}, "ALLOWED_HOSTS is missing"),
        ({"allowed_hosts": ["*"]}, "may not be"),
        ({"public_url": "sync.example.com/app"}, "PUBLIC_URL must be"),
        ({"database_engine": "django.db.backends.sqlite3"}, "must name a PostgreSQL database"),
        ({"broker_url": ""}, "BROKER_URL is missing"),
        ({"broker_url": "amqp://x"}, "BROKER_URL must begin with"),
        ({"allowed_addresses": ["10.0.0.5:99999"]}, "'10.0.0.5:99999' is neither"),
    ],
)
def test_p37_nonsense_stops_the_start_with_a_sentence(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=sentence):
        check_deployment(Deployment(**{**GOOD, **change}))


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        check_deployment(Deployment(**{**GOOD, "secret_key": "", "allowed_hosts": [], "broker_url": ""}))
    assert str(refusal.value).count("\n- ") == 3


def test_production_refuses_to_start_without_its_environment(project_root: Path, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "ATOOSYNC_MODE": "production", "ATOOSYNC_DATA": str(tmp_path / "data")}
    command = [sys.executable, "manage.py", "check"]
    found = subprocess.run(command, cwd=project_root, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode != 0
    for name in ("SECRET_KEY", "ATOOSYNC_SECRET_KEYS", "ALLOWED_HOSTS", "BROKER_URL", "DATABASE_URL", "PUBLIC_URL"):
        assert f"- {name}" in found.stderr
    assert not (tmp_path / "data").exists(), "production must not generate keys"


@pytest.mark.covers("NOT-01")
def test_the_mail_server_comes_from_the_environment(project_root: Path, tmp_path: Path) -> None:
    """The password from a file; with TLS from the start there is no STARTTLS; without a server, mails are files."""
    (tmp_path / "secret").write_text("s3cret-of-mail\n")
    names = ("BACKEND", "HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_SSL", "USE_TLS")
    program = f"from atoosync import settings as s; print([getattr(s, 'EMAIL_' + name) for name in {names}])"
    base = {"PATH": os.environ["PATH"], "ATOOSYNC_DATA": str(tmp_path / "data")}
    given = {
        "EMAIL_HOST": "smtp.example.com", "EMAIL_PORT": "465", "EMAIL_HOST_USER": "sync", "EMAIL_USE_SSL": "on",
        "EMAIL_HOST_PASSWORD_FILE": str(tmp_path / "secret"),
    }  # fmt: skip

    def read(environment: dict[str, str]) -> list[object]:
        command = [sys.executable, "-c", program]
        found = subprocess.run(command, cwd=project_root, env=environment, capture_output=True, text=True, check=True)
        return list(ast.literal_eval(found.stdout))

    smtp, files = (f"django.core.mail.backends.{kind}.EmailBackend" for kind in ("smtp", "filebased"))
    assert read({**base, **given}) == [smtp, "smtp.example.com", 465, "sync", "s3cret-of-mail", True, False]
    assert read(base)[0] == files


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:8080", True),
        ("erp.lan:*", True),
        ("erp.lan", True),
        ("10.0.0.0/8", True),
        ("fd00::/8", True),
        ("10.0.0.0/99", False),
        ("http://erp.lan", False),
        ("erp.lan:0", False),
    ],
)
def test_rules_of_allowed_addresses(text: str, expected: bool) -> None:
    assert is_address_rule(text) is expected


def test_the_broker_socket_fits_the_kernel_limit(tmp_path: Path) -> None:
    assert broker_socket(Path("/srv/data")) == Path("/srv/data/broker/broker.sock")
    deep = tmp_path / ("d" * 120)
    assert len(str(broker_socket(deep))) <= 100
    assert broker_socket(deep) == broker_socket(deep)
    assert broker_socket(deep) != broker_socket(tmp_path / ("e" * 120))


@pytest.mark.parametrize(
    ("broker", "expected"),
    [
        ("redis://h:6379/2", "redis://h:6379/2"),
        ("redis+socket:///d/b.sock", "unix:///d/b.sock?db=0"),
        ("redis+socket:///d/b.sock?virtual_host=3", "unix:///d/b.sock?db=3"),
    ],
)
def test_the_broker_address_as_redis_reads_it(broker: str, expected: str) -> None:
    assert redis_url(broker) == expected
