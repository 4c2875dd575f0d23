"""``manage.py sandbox``: one stand-in alone, for anyone to point a client at."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

import pytest
import requests

from atoosync.management.commands import sandbox
from atoosync.supervisor import Program, Supervisor

MANAGE = (sys.executable, "manage.py", "sandbox")


def environment(folder: Path) -> dict[str, str]:
    return {"DJANGO_SETTINGS_MODULE": "atoosync.settings", "ATOOSYNC_DATA": str(folder)}


def test_stand_ins_are_found_by_their_packages() -> None:
    assert {"sage100", "woocommerce"} <= set(sandbox.names())


def test_a_company_is_built_and_described(tmp_path: Path) -> None:
    command = (*MANAGE, "sage100", "--items", "25", "--seed", "7")
    with Supervisor(tmp_path / "logs") as supervisor:
        supervisor.run(Program(name="sage", command=command, environment=environment(tmp_path)), timeout=60)
        told = supervisor.printed_json("sage")
    assert told is not None
    assert told["articles"] == 25
    assert Path(told["path"]).is_relative_to(tmp_path)
    with sqlite3.connect(told["path"]) as company:
        assert company.execute("SELECT COUNT(*) FROM F_ARTICLE").fetchone() == (25,)


@pytest.mark.slow
def test_a_shop_listens_until_it_is_told_to_stop(tmp_path: Path, free_port: int) -> None:
    command = (*MANAGE, "woocommerce", "--port", str(free_port), "--items", "3", "--seed", "7")
    with Supervisor(tmp_path / "logs") as supervisor:
        supervisor.start(Program(name="shop", command=command, environment=environment(tmp_path)))
        supervisor.wait("shop", lambda: supervisor.printed_json("shop") is not None, timeout=60)
        told = json.loads(json.dumps(supervisor.printed_json("shop")))
        assert told["url"] == f"http://127.0.0.1:{free_port}"
        assert told["consumer_key"]
        found = requests.get(told["control_url"].rstrip("/") + "/inspect", timeout=10).json()
        assert found["products"] == 3
