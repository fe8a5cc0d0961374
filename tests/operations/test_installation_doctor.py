"""`beastmode doctor`: what is broken is found, with its fix; and a bug report holds nothing of the user's."""

from __future__ import annotations

import json
import os
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.model_server import ModelServer
from typer.testing import CliRunner, Result

from beastmode import __version__
from beastmode.app import App
from beastmode.faces.cli.main import build
from beastmode.operations.doctor import editors, network
from beastmode.operations.doctor.redaction import Redactor
from beastmode.operations.model_checks import Check
from beastmode.settings import load

KEY = "sk-doctor-1234567890"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BEASTMODE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("BEASTMODE_BUILTIN__ENABLED", "false")
    for name in ("ENCRYPTION_KEY", "http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


def beastmode(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(build(), arguments, input=stdin)


def add(model_id: str, url: str, **more: str) -> None:
    fields = {"model_name": "Mine", "model_id": model_id, "endpoint_url": url, "provider": "openai-compatible"}
    said = beastmode("models", "add", "--stdin-json", "--force", stdin=json.dumps(fields | {"api_key": KEY} | more))
    assert said.exit_code == 0, said.output


def found() -> dict[str, dict[str, object]]:
    said = beastmode("doctor", "--json")
    assert said.exit_code in {0, 1}, said.output
    checks = json.loads(said.stdout)
    assert all(check["ok"] or check["fix"] for check in checks)
    assert said.exit_code == (0 if all(check["ok"] for check in checks) else 1)
    return {check["name"]: check for check in checks}


def test_a_sound_installation_is_sound() -> None:
    """Every check holds on a fresh home, and the exit code says so."""
    assert [name for name, check in found().items() if not check["ok"]] == []


def test_a_key_that_does_not_open_and_an_endpoint_that_does_not_answer(home: Path) -> None:
    """Each by its model's name; a key file that others can read, too."""
    add("mine", "http://127.0.0.1:9/v1")
    key_file = next(home.glob("master*.key"))
    key_file.chmod(0o644)
    checks = found()
    assert "refused" in str(checks["Endpoint of custom:mine"]["evidence"])
    assert checks["Key file"]["fix"] == f"Run `chmod 600 {key_file}`"
    assert checks["Key of custom:mine"]["ok"]
    key_file.unlink()
    assert "Failed to decrypt" in str(found()["Key of custom:mine"]["evidence"])
    assert "Endpoint of custom:mine" not in json.loads(beastmode("doctor", "--json", "--offline").stdout)


async def test_endpoints_are_asked_a_free_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is refused is told from a server that is down, and no model is asked."""
    settings, _ = load(os.environ)
    async with ModelServer(key=KEY) as server:
        app = await App.open(settings)
        fields = {
            "model_name": "M",
            "endpoint_url": f"{server.url}/v1",
            "provider": "openai-compatible",
            "price": "1/1",
        }
        await app.models.register(fields | {"model_id": "right", "api_key": KEY}, lambda _: None, force=True)
        await app.models.register(fields | {"model_id": "wrong", "api_key": "sk-wrong-000"}, lambda _: None, force=True)
        rows = await app.ledger.tail(100)
        right, wrong = [await app.models.reach(app.registry.get(name)) for name in ("right", "wrong")]
        assert len(await app.ledger.tail(100)) == len(rows)
        await app.close()
    assert right.ok, right
    assert (wrong.ok, wrong.fix) == (False, "Run `beastmode keys set custom:wrong`")


def test_damage_is_found(home: Path) -> None:
    """A configuration that was set aside, and a database whose pages contradict each other."""
    home.mkdir()
    (home / "config.toml").write_text("this is [not toml")
    beastmode("status")
    checks = found()
    assert "set aside" in str(checks["Configuration"]["evidence"])
    with closing(sqlite3.connect(home / "beastmode.db")) as connection, connection:
        connection.execute("INSERT INTO migrations VALUES ('m999_later', 'now')")
    assert "newer version" in beastmode("doctor").stderr


def test_extensions_of_another_version(tmp_path: Path) -> None:
    """Each editor that has one is named; a manifest that cannot be read is none."""
    for place, version in ((".vscode", __version__), (".cursor", "0.0.1")):
        folder = tmp_path / place / "extensions" / f"beastmode.beastmode-{version}"
        folder.mkdir(parents=True)
        (folder / "package.json").write_text(json.dumps({"version": version}))
    broken = tmp_path / ".windsurf" / "extensions" / "beastmode.beastmode-1"
    broken.mkdir(parents=True)
    (broken / "package.json").write_text("[")
    checks = {check.name: check.ok for check in editors.extensions(tmp_path)}
    assert checks == {"Extension in VS Code": True, "Extension in Cursor": False}


def test_another_server_on_the_path(tmp_path: Path) -> None:
    """The one that an editor would start says its own version."""
    program = tmp_path / "beastmode"
    program.write_text("#!/bin/sh\necho beastmode 0.0.1\n")
    program.chmod(0o755)
    check = editors.server({"PATH": str(tmp_path)})
    assert (check.ok, check.evidence) == (False, f"{program}: 0.0.1")
    program.write_text(f"#!/bin/sh\necho beastmode {__version__}\n")
    assert editors.server({"PATH": str(tmp_path)}).ok


def test_proxies_are_told_without_their_passwords() -> None:
    """And one of a kind that cannot be used is named."""
    checks = list(network.proxies({"HTTPS_PROXY": "http://me:hidden@proxy:3128", "all_proxy": "socks5://x:1"}))
    assert [check.ok for check in checks] == [False, True]
    assert "hidden" not in str(checks)
    assert list(network.proxies({})) == [Check("Proxy", ok=True, evidence="none")]


def test_a_file_of_certificates_that_is_none(tmp_path: Path) -> None:
    """Is named with what is wrong with it."""
    (tmp_path / "ca.pem").write_text("hello")
    assert not network.certificates(str(tmp_path / "ca.pem")).ok
    assert "No such file" in network.certificates(str(tmp_path / "none.pem")).evidence
    assert network.certificates(None).ok


CODE = "def transfer_salary(employee):\n    return payroll[employee].amount  # acme internal"
SECRETS = (
    KEY,
    "hunter2",
    "jane.doe",
    "acme",
    "payroll",
    "transfer_salary",
    "gpu-17.corp.example",
    "ghp_A1b2C3d4",
    "4711471147",
)


def test_a_bug_report_holds_nothing_of_the_users(home: Path, tmp_path: Path) -> None:
    """Keys, tokens, names, paths, hosts and code stand in the log and in the models, and in no file of the bundle."""
    add("acme", "http://127.0.0.1:9/v1", model_name="acme payroll", description="of jane.doe")
    (home / "beastmode.log").write_text(
        "2026-11-29 08:00:00,123 WARNING 42 beastmode.router: /home/jane.doe/acme/x.db failed: Permission denied\n"
        f"2026-11-29 08:00:01,123 ERROR 42 beastmode.tasks: got {CODE} with {KEY} and ghp_A1b2C3d4\n"
        "Traceback (most recent call last):\n"
        f'  File "{Path(__file__).parents[2]}/server/beastmode/app/core.py", line 12, in open\n'
        '  File "/home/jane.doe/payroll/secret.py", line 7, in transfer_salary\n'
        "    return payroll[employee]\n"
        "ValueError: https://jane.doe:hunter2@gpu-17.corp.example/v1?key=4711471147\n"
        + "2026-11-29 08:00:02,123 INFO 42 beastmode.app: Custom model request failed: acme\n"
        * 50
    )
    target = tmp_path / "report.zip"
    said = beastmode("doctor", "--bundle", str(target))
    assert said.exit_code == 1
    assert target.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(target) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    for name, text in files.items():
        for secret in (*SECRETS, str(tmp_path), str(Path.home()), "127.0.0.1:9"):
            assert secret not in text, f"{secret} in {name}"
    log = files["log.txt"].splitlines()
    assert log[0] == "2026-11-29 08:00:00,123 WARNING 42 beastmode.router: <path> failed: Permission denied"
    assert "  beastmode/app/core.py:12 open" in log
    assert "ValueError: <URL>" in log
    assert sum("Custom model request failed" in line for line in log) == 3
    assert json.loads(files["models.json"])[0]["is_on_this_machine"]
    assert json.loads(files["settings.json"]) == {"builtin.enabled": False}
    again = beastmode("doctor", "--bundle", str(target))
    assert (again.exit_code, "File exists" in again.stderr) == (1, True)


def test_what_the_program_says_itself_stays_readable() -> None:
    """Or the report would be of no use."""
    redactor = Redactor()
    said = "Failed to decrypt API key of custom:mine: it was sealed with ENCRYPTION_KEY, which is not set now"
    assert redactor.text(said).startswith("Failed to decrypt API key of custom:")
    assert redactor.text(said).endswith("it was sealed with ENCRYPTION_KEY, which is not set now")
