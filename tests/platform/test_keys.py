"""Keys: made for a new installation, rotated without losing a secret."""

from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from atoosync.guards import generate_key, is_key
from profiles.models import Profile, Secret, Tenant
from profiles.secrets import SecretUnreadable, seal, unseal


def test_fresh_keys_are_printed_where_nothing_is_configured(project_root: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "ATOOSYNC_MODE": "production"}
    command = [sys.executable, "-m", "atoosync.keys"]
    found = subprocess.run(command, cwd=project_root, env=environment, capture_output=True, text=True, check=True)
    told = dict(line.split("=", 1) for line in found.stdout.splitlines())
    assert len(told["SECRET_KEY"]) >= 50
    assert is_key(told["ATOOSYNC_SECRET_KEYS"])


@pytest.fixture
def secret() -> Secret:
    profile = Profile.objects.create(
        tenant=Tenant.objects.create(name="Clés"), name="P", erp="sage100", shop="woocommerce"
    )
    return Secret.objects.create(profile=profile, section="shop", name="consumer_secret", ciphertext=seal("cs_old"))


@pytest.mark.django_db
@pytest.mark.covers("PRF-08")
def test_rotation_lets_the_old_key_go(secret: Secret, settings: Any) -> None:
    old, new = settings.ATOOSYNC_SECRET_KEYS[0], generate_key()
    settings.ATOOSYNC_SECRET_KEYS = [new, old]
    output = StringIO()
    call_command("rotate_secrets", stdout=output)
    assert output.getvalue().startswith("1 secrets")
    settings.ATOOSYNC_SECRET_KEYS = [new]
    secret.refresh_from_db()
    assert unseal(secret.ciphertext) == "cs_old"
    settings.ATOOSYNC_SECRET_KEYS = [old]
    with pytest.raises(SecretUnreadable):
        unseal(secret.ciphertext)


@pytest.mark.django_db
def test_rotation_with_the_wrong_ring_says_so_and_changes_nothing(secret: Secret, settings: Any) -> None:
    before, settings.ATOOSYNC_SECRET_KEYS = secret.ciphertext, [generate_key()]
    with pytest.raises(CommandError, match="keep the old keys"):
        call_command("rotate_secrets")
    secret.refresh_from_db()
    assert secret.ciphertext == before
