"""Which files no model sees."""

from __future__ import annotations

import pytest

from beastmode.context.exclude import is_sensitive


@pytest.mark.parametrize(
    "path",
    [
        "/work/app/.env",
        "/work/app/.env.production",
        "/work/app/staging.env",
        "C:\\work\\app\\.ENV",
        "/home/me/.ssh/config",
        "/home/me/.ssh/id_ed25519",
        "/etc/ssl/server.pem",
        "/etc/ssl/server.KEY",
        "/home/me/.aws/credentials",
        "/home/me/.netrc",
        "/home/me/.npmrc",
        "/work/infra/prod.tfvars",
        "/work/infra/terraform.tfstate",
        "/work/app/config/secrets.yml",
        "/work/app/client_secret_123.json",
        "/work/app/service-account-prod.json",
        "/work/app/credentials.json",
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
        "/work/app/.env.example",
        "/work/app/secrets.py",
        "/work/app/credentials.go",
        "/work/app/environment.ts",
        "/work/app/keys/keyboard.c",
        "/work/app/settings.json",
        "/work/app/private/main.rs",
        "/work/app/pem.py",
        "/work/app/public_key.ts",
    ],
)
def test_not_sensitive(path: str) -> None:
    """Code that speaks of secrets, and examples that are meant to be read, get suggestions."""
    assert not is_sensitive(path)


def test_by_language() -> None:
    """An unsaved buffer has no path, but the editor may know what it is."""
    assert is_sensitive("Untitled-1", "dotenv")
