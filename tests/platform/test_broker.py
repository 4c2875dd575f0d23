"""The embedded broker: which server is taken, and that it works on a private socket."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import redis

from atoosync import broker
from atoosync.supervisor import Program, Supervisor


def fake_server(folder: Path, name: str, version: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=0'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def path_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/bin")
    return folder


def test_a_server_of_the_path_comes_first(path_folder: Path) -> None:
    redis_server = fake_server(path_folder, "redis-server", "7.0.15")
    assert broker.find_server() == redis_server
    valkey_server = fake_server(path_folder, "valkey-server", "8.1.0")
    assert broker.find_server() == valkey_server


@pytest.mark.covers("OPS-01")
def test_without_one_the_packaged_server_is_taken(path_folder: Path) -> None:
    fake_server(path_folder, "redis-server", "5.0.14")
    assert broker.find_server().name == "valkey-server"
    assert "site-packages" in str(broker.find_server())


def test_without_any_the_sentence_says_what_to_install(path_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "_bundled", lambda: None)
    old = fake_server(path_folder, "redis-server", "6.0.16")
    with pytest.raises(broker.BrokerNotFound, match="install the package redis-server") as refusal:
        broker.find_server()
    assert str(old) in str(refusal.value)


@pytest.mark.covers("OPS-01")
def test_the_server_answers_on_a_private_socket_and_keeps_messages(tmp_path: Path) -> None:
    socket, folder = tmp_path / "b.sock", tmp_path / "data"
    folder.mkdir()
    program = Program(name="broker", command=broker.server_command(broker.find_server(), socket, folder))

    def answers() -> bool:
        if not socket.exists():
            return False
        with redis.Redis(unix_socket_path=str(socket)) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    with Supervisor(tmp_path / "logs") as supervisor:
        supervisor.start(program)
        supervisor.wait("broker", answers, timeout=20)
        assert stat.S_IMODE(socket.stat().st_mode) == 0o600
        with redis.Redis(unix_socket_path=str(socket)) as client:
            assert client.config_get("port") == {"port": "0"}
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            client.rpush("bulk", "message")
    with Supervisor(tmp_path / "logs") as supervisor:
        supervisor.start(program)
        supervisor.wait("broker", answers, timeout=20)
        with redis.Redis(unix_socket_path=str(socket)) as client:
            assert client.lrange("bulk", 0, -1) == [b"message"]
