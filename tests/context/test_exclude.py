"""Which files no model sees."""

from __future__ import annotations

import pytest

from beastmode.context.exclude import is_sensitive


@pytest.mark.parametrize(
    "path",
    [
        "/project/app/.env",
        "/project/app/.env.production",
        "/project/app/staging.env",
        "C:\\work\\app\\.ENV",
        "/home/me/.ssh/config",
        "/home/me/.ssh/id_ed25519",
        "/etc/ssl/server.pem",
        "/etc/ssl/server.KEY",
        "/home/me/.aws/credentials",
        "/home/me/.netrc",
        "/home/me/.npmrc",
        "/project/infra/prod.tfvars",
        "/project/infra/terraform.tfstate",
        "/project/app/config/secrets.yml",
        "/project/app/client_secret_123.json",
        "/project/app/service-account-prod.json",
        "/project/app/credentials.json",
        "/home/me/.kube/config",
    ],
)
def test_sensitive(path: str) -> None:
    """Files that hold keys, whatever the separator and the case."""
    assert is_sensitive(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "Untitled-1",
        "/project/app/.env.example",
        "/project/app/secrets.py",
        "/project/app/credentials.go",
        "/project/app/environment.ts",
        "/project/app/keys/keyboard.c",
        "/project/app/settings.json",
        "/project/app/private/main.rs",
        "/project/app/pem.py",
        "/project/app/public_key.ts",
    ],
)
def test_not_sensitive(path: str) -> None:
    """Code that speaks of secrets, and examples that are meant to be read, get suggestions."""
    assert not is_sensitive(path)


def test_by_language() -> None:
    """An unsaved buffer has no path, but the editor may know what it is."""
    assert is_sensitive("Untitled-1", "dotenv")
