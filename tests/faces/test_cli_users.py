"""Users of the gateway, as a script sees them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from beastmode.faces.cli.main import build

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BEASTMODE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return tmp_path / "home"


def beastmode(*arguments: str) -> Result:
    return CliRunner().invoke(build(), arguments)


def users() -> dict[str, object]:
    found: dict[str, object] = json.loads(beastmode("users", "list", "--json").output)
    return found


def test_a_user_from_the_first_token_to_the_last(home: Path) -> None:
    """Added, limited, given a new token and removed; the tokens are nowhere in what is kept."""
    added = beastmode("users", "add", "ada", "--model", "builtin", "--workspace", "shop", "--daily-cap", "5", "--json")
    token = json.loads(added.stdout)["token"]
    assert token.startswith("bm_")
    assert users() == {
        "users": [
            {
                "name": "ada",
                "models": ["custom:builtin", "workspace:shop"],
                "daily_cap": "5",
                "monthly_cap": None,
                "per_minute": None,
                "spent_today": "0",
            }
        ],
        "everybody": [],
    }
    assert beastmode("users", "limit", "ada", "--per-minute", "60", "--daily-cap", "none").exit_code == 0
    assert beastmode("users", "deny", "ada", "--workspace", "shop").exit_code == 0
    assert beastmode("users", "allow", "*", "--model", "*").exit_code == 0
    (ada,) = users()["users"]  # type: ignore[misc]
    assert (ada["models"], ada["daily_cap"], ada["per_minute"]) == (["custom:builtin"], None, 60)
    assert users()["everybody"] == ["*"]
    renewed = beastmode("users", "token", "ada").output.strip()
    assert renewed.startswith("bm_")
    assert renewed != token
    kept = b"".join(file.read_bytes() for file in home.rglob("*") if file.is_file())
    assert token.encode() not in kept
    assert renewed.encode() not in kept
    assert beastmode("users", "remove", "ada").exit_code == 0
    assert users()["users"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("add", "ada"), 1, "already"),
        (("add", "../x"), 1, "no name for a user"),
        (("add", ""), 1, "no name for a user"),
        (("add", "bob", "--model", "nothing"), 1, "Custom model not found: nothing"),
        (("add", "bob", "--daily-cap", "-1"), 2, "no amount"),
        (("add", "bob", "--daily-cap", "much"), 2, "no amount"),
        (("limit", "bob", "--per-minute", "1"), 1, "There is no user bob"),
        (("token", "bob"), 1, "There is no user bob"),
        (("remove", "bob"), 1, "There is no user bob"),
        (("allow", "bob", "--model", "builtin"), 1, "There is no user bob"),
    ],
)
def test_what_cannot_be_is_said(arguments: tuple[str, ...], code: int, said: str) -> None:
    """A name that is taken, that is none, or that is nobody's; a model that there is not; no money."""
    beastmode("users", "add", "ada")
    refused = beastmode("users", *arguments)
    assert refused.exit_code == code
    assert said in " ".join(refused.output.replace("│", " ").split())


def test_the_owners_token_is_there_after_the_first_start_only(home: Path) -> None:
    """Before that it says what to do; renewing makes one."""
    assert "beastmode serve" in beastmode("token").output
    renewed = beastmode("token", "--renew").output.strip()
    assert beastmode("token").output.strip() == renewed
    assert (home / "gateway.token").stat().st_mode & 0o077 == 0
