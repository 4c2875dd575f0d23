"""The demo as one command starts it, and a browser in front of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from atoosync.demo_stack import free_port
from tests.conftest import CHROMIUM

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Demo:
    """A running demo: addresses, account, and where its stand-ins keep their data."""

    url: str
    email: str
    password: str
    shop_url: str
    control_url: str
    company: Path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Started once for the whole story, ended with all its processes."""
    root = Path(__file__).resolve().parents[2]
    data = tmp_path_factory.mktemp("story") / "data"
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "demo", "--port", str(free_port()), "--shop-port", str(free_port())],
        cwd=root,
        env={**kept, "ATOOSYNC_DATA": str(data), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    told: dict[str, str] = {}
    for line in process.stdout:
        name, _, value = line.strip().partition("  ")
        told[name] = value.strip()
        if "Ctrl-C" in line:
            break
    systems = json.loads((data / "systems.json").read_text(encoding="utf-8"))
    yield Demo(
        url=told["AtooSync"],
        email=told["E-mail"],
        password=told["Password"],
        shop_url=systems["woocommerce"]["url"],
        control_url=systems["woocommerce"]["control_url"],
        company=Path(systems["sage100"]["path"]),
    )
    process.terminate()
    process.wait(60)
    process.stdout.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield running
        running.close()


@pytest.fixture(scope="module")
def page(browser: Browser, demo: Demo) -> Iterator[Page]:
    """A French visitor who is signed in; a message of the browser's console fails the story."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="fr-FR")
    opened = context.new_page()
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        ours = message.location["url"].startswith(demo.url)
        if ours and message.type in ("error", "warning"):
            complaints.append(f"{message.location['url']}: {message.text}")

    opened.on("console", heard)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(demo.url)
    opened.fill("input[name=login]", demo.email)
    opened.fill("input[name=password]", demo.password)
    opened.get_by_role("button", name="Se connecter").click()
    opened.wait_for_url(f"{demo.url}/")
    yield opened
    context.close()
    assert complaints == []
