"""What a program that is run may see, as a plan."""

from __future__ import annotations

from pathlib import Path

from beastmode.tasks.verify.environment import environment
from beastmode.tasks.verify.isolation import bubblewrap, isolation_of, mounts, with_network


def test_the_plan_covers_before_it_opens(tmp_path: Path) -> None:
    """The writable folder comes last, so that nothing hides it; nothing that is missing is mounted."""
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    (tmp_path / "work").mkdir()
    steps = mounts(
        tmp_path / "work", [tmp_path / "gone", tmp_path / "home"], [tmp_path / "also gone"], tmp_path / "home"
    )
    assert steps[-1] == ["bind", str(tmp_path / "work")]
    paths = [path for _, path in steps]
    assert str(tmp_path / "gone") not in paths
    assert str(tmp_path / "also gone") not in paths


def test_bubblewrap_is_told_everything() -> None:
    """No network unless asked for, everything read-only but what is bound, no rights, and no life without us."""
    steps = [["tmpfs", "/tmp"], ["ro-bind", "/a"], ["null", "/b"], ["bind", "/c"]]  # noqa: S108  # as above
    order = bubblewrap("bwrap", steps, network=False, cwd=Path("/c"), argv=["x", "--y"])
    said = " ".join(order)
    for part in (
        "--unshare-net",
        "--die-with-parent",
        "--cap-drop ALL",
        "--ro-bind / /",
        "--bind /c /c",
        "--tmpfs /tmp",
    ):
        assert part in said
    assert order[-3:] == ["--", "x", "--y"]
    assert "--unshare-net" not in bubblewrap("bwrap", steps, network=True, cwd=Path("/c"), argv=["x"])


def test_the_environment_is_an_allow_list(tmp_path: Path) -> None:
    """Harmless variables pass, toolchains keep their places, everything else is not there."""
    (tmp_path / ".cargo").mkdir()
    given = {"PATH": "/bin", "LANG": "C", "AWS_SECRET_ACCESS_KEY": "x", "ENCRYPTION_KEY": "y", "SSH_AUTH_SOCK": "/s"}
    env = environment(given, tmp_path, tmp_path / "scratch")
    assert env["PATH"] == "/bin"
    assert env["CARGO_HOME"] == str(tmp_path / ".cargo")
    assert env["HOME"].startswith(str(tmp_path / "scratch"))
    assert not {"AWS_SECRET_ACCESS_KEY", "ENCRYPTION_KEY", "SSH_AUTH_SOCK"} & set(env)


def test_what_is_hidden_stays_hidden_around_the_writable_folder(tmp_path: Path) -> None:
    """Copies may live in the product's own folder, the rest of which is covered."""
    (tmp_path / "own" / "copies" / "a").mkdir(parents=True)
    steps = mounts(tmp_path / "own" / "copies" / "a", [tmp_path], [tmp_path / "own"], tmp_path)
    hiding, opening = (
        steps.index(["tmpfs", str(tmp_path / "own")]),
        steps.index(["bind", str(tmp_path / "own/copies/a")]),
    )
    assert hiding < opening


def test_a_network_that_was_asked_for_is_said_to_be_open() -> None:
    """Never claimed closed."""
    found = isolation_of("namespaces")
    asked = with_network(found)
    assert "no network" in found.isolated
    assert "no network" not in asked.isolated
    assert any("network" in fact for fact in asked.not_isolated)
    assert with_network(isolation_of("none")) == isolation_of("none")
