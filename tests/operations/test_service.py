"""The gateway as a service: files that systemd and launchd understand, and that are never written over another's."""

from __future__ import annotations

import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from beastmode.domain.errors import UserError
from beastmode.faces.cli.main import build
from beastmode.operations.service import MARK, service_for

GOLDEN = Path(__file__).parent / "golden"
COMMAND = ["/opt/beast mode/python", "-m", "beastmode", "serve", "--port=4747", '--workspace=50% "off" $HOME=/srv/a\\b']
ENVIRONMENT = {"BEASTMODE_HOME": "/home/me/100% mine"}


@pytest.mark.parametrize(
    ("system", "golden"), [("linux", "beastmode.service"), ("darwin", "dev.beastmode.serve.plist")]
)
def test_the_file_that_is_written(system: str, golden: str) -> None:
    """To the letter, with every character that means something to systemd in it."""
    service = service_for(system, Path("/home/me"), Path("/home/me/.config"), COMMAND, ENVIRONMENT)
    assert service.text == (GOLDEN / golden).read_text(encoding="utf-8")
    assert service.path.name == golden


def test_launchd_reads_the_same_words() -> None:
    """The property list says what was asked for."""
    text = service_for("darwin", Path("/home/me"), Path("/x"), COMMAND, ENVIRONMENT).text
    read = plistlib.loads(text.encode())
    assert (read["ProgramArguments"], read["EnvironmentVariables"]) == (COMMAND, ENVIRONMENT)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_finds_no_fault_with_it(tmp_path: Path) -> None:
    """Its own check is silent."""
    config = tmp_path / "config"
    command = [sys.executable, *COMMAND[1:]]
    service = service_for("linux", tmp_path, config, command, ENVIRONMENT)
    service.path.parent.mkdir(parents=True)
    service.path.write_text(service.text, encoding="utf-8")
    environment = {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    said = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", str(service.path)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=60,
    )
    assert (said.returncode, [line for line in said.stderr.splitlines() if "beastmode" in line]) == (0, [])


def test_what_cannot_be_written_down_is_refused() -> None:
    """A line break in a folder's name would be a line of the unit; and not every system has services of users."""
    with pytest.raises(UserError, match="control character"):
        service_for("linux", Path("/h"), Path("/c"), ["x", "--workspace=a\nExecStart=/bin/rm"], {})
    with pytest.raises(UserError, match="neither systemd nor launchd"):
        service_for("win32", Path("/h"), Path("/c"), ["x"], {})


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("BEASTMODE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


def serve(*arguments: str) -> Result:
    return CliRunner().invoke(build(), ("serve", *arguments))


def test_from_installation_to_removal(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The options are kept, whole paths, no secret; a second time changes nothing; while it is enabled it stays."""
    monkeypatch.setenv("ENCRYPTION_KEY", "a passphrase")
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path)
    said = serve("--install", "--port", "5000", "--workspace", "shop", "--allow-host", "box.lan")
    assert said.exit_code == 0, said.output
    unit = config / "systemd" / "user" / "beastmode.service"
    text = unit.read_text()
    assert f"--port=5000 --workspace=shop={tmp_path}/shop --allow-host=box.lan" in text
    assert f"BEASTMODE_HOME={tmp_path}/home" in text
    assert "a passphrase" not in text + said.output
    token = (tmp_path / "home" / "gateway.token").read_text().strip()
    assert token not in said.output
    assert f"systemctl --user enable --now {unit.name}" in said.stdout
    assert (
        "Nothing has changed"
        in serve("--install", "--port", "5000", "--workspace", "shop", "--allow-host", "box.lan").stdout
    )
    wants = unit.parent / "default.target.wants"
    wants.mkdir()
    (wants / unit.name).symlink_to(unit)
    said = serve("--uninstall")
    assert (said.exit_code, unit.exists()) == (1, True)
    assert f"systemctl --user disable --now {unit.name}" in said.stderr
    (wants / unit.name).unlink()
    assert serve("--uninstall").exit_code == 0
    assert not unit.exists()
    assert "There is no" in serve("--uninstall").stdout


def test_a_file_of_somebody_else_stays(config: Path) -> None:
    """Neither written over without --force nor removed."""
    unit = config / "systemd" / "user" / "beastmode.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\n")
    assert (serve("--install").exit_code, serve("--uninstall").exit_code) == (1, 1)
    assert unit.read_text() == "[Service]\n"
    assert serve("--install", "--force").exit_code == 0
    assert MARK in unit.read_text()
    assert unit.with_name("beastmode.service.before").read_text() == "[Service]\n"


def test_what_was_written_into_the_file_is_kept(config: Path) -> None:
    """Other options make another file; the lines that its user added are beside it."""
    assert ".before" not in serve("--install").stdout
    unit = config / "systemd" / "user" / "beastmode.service"
    unit.write_text(f"{unit.read_text()}# mine\n")
    said = serve("--install", "--port", "5000")
    kept = unit.with_name("beastmode.service.before")
    assert str(kept) in said.stdout.replace("\n", "")
    assert kept.read_text().endswith("# mine\n")
    assert "--port=5000" in unit.read_text()
