"""Debian packages the tests need, installed when this process may do so."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence

# Package -> program or library whose absence says that it is missing.
ALWAYS = ("unixodbc", "libsqliteodbc", "odbc-postgresql", "chromium", "gettext")


def is_installed(package: str) -> bool:
    """Whether dpkg knows the package as installed; False on systems without dpkg."""
    if shutil.which("dpkg-query") is None:
        return False
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    found = subprocess.run(query, capture_output=True, text=True, check=False)  # noqa: S603
    return found.stdout == "installed"


def install(packages: Sequence[str], say: Callable[[str], None]) -> None:
    """Installs what is missing when run by root with apt; otherwise names it, and its tests say why they are skipped.

    Raises ``subprocess.CalledProcessError`` when apt fails.
    """
    missing = [package for package in packages if not is_installed(package)]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        say(f"Not installed, and only root may do it: {' '.join(missing)} (apt install {' '.join(missing)})")
        return
    say(f"Installing {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
    subprocess.run([*apt, "update"], env=environment, stdout=subprocess.DEVNULL, check=True)  # noqa: S603
    install_command = [*apt, "install", "--yes", "--no-install-recommends", *missing]
    subprocess.run(install_command, env=environment, stdout=subprocess.DEVNULL, check=True)  # noqa: S603
