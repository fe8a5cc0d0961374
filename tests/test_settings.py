import copy
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.settings import BuiltinSettings, CompletionSettings, NetworkSettings, Secret, Settings, load


def read(home: Path, text: str | bytes | None = None, **environ: str) -> tuple[Settings, tuple[str, ...]]:
    if text is not None:
        (home / "config.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    return load({"BEASTMODE_HOME": str(home), **environ})


def aside(home: Path) -> list[Path]:
    return sorted(home.glob("config.toml.damaged-*"))


def test_the_defaults(tmp_path: Path) -> None:
    """With nothing set there is nothing to complain about, and nothing is written."""
    found, notices = read(tmp_path)
    assert notices == ()
    assert found.completion == CompletionSettings()
    assert found.builtin == BuiltinSettings()
    assert found.network == NetworkSettings()
    assert (found.completion.max_tokens, found.completion.multiline_max_tokens) == (64, 96)
    assert (found.baseline, found.log_level, found.encryption_key) == ("openai:gpt-4", "info", None)
    assert list(tmp_path.iterdir()) == []


def test_one_variable_moves_everything(tmp_path: Path) -> None:
    """Nothing lies outside BEASTMODE_HOME."""
    paths = read(tmp_path)[0].paths
    for name in type(paths).__slots__:
        path = getattr(paths, name)
        assert path == tmp_path or tmp_path in path.parents


def test_without_home_the_platform_decides() -> None:
    """Every path is absolute and has our name in it."""
    paths = load({})[0].paths
    for name in type(paths).__slots__:
        path = getattr(paths, name)
        assert path.is_absolute()
        assert "beastmode" in str(path)


def test_the_file_overrides_the_defaults_and_the_environment_the_file(tmp_path: Path) -> None:
    """Field by field."""
    text = """
        baseline = "openai:gpt-4o"
        log_level = "debug"
        [completion]
        max_tokens = 10
        prefix_tokens = 20
        [builtin]
        enabled = false
    """
    found, notices = read(
        tmp_path,
        text,
        BEASTMODE_COMPLETION__MAX_TOKENS="30",
        BEASTMODE_COMPLETION__ENABLED="off",
        BEASTMODE_LOG_LEVEL="error",
        BEASTMODE_MODEL_PATH="~/weights.gguf",
        BEASTMODE_BUILTIN__MODEL="smollm2-135m",
        BEASTMODE_NETWORK__CA_BUNDLE="/etc/ca.pem",
        ENCRYPTION_KEY="opensesame",
    )
    assert notices == ()
    assert found.completion == CompletionSettings(enabled=False, max_tokens=30, prefix_tokens=20)
    assert found.builtin == BuiltinSettings(
        enabled=False, model="smollm2-135m", model_path=Path("~/weights.gguf").expanduser()
    )
    assert found.network.ca_bundle == "/etc/ca.pem"
    assert (found.baseline, found.log_level) == ("openai:gpt-4o", "error")
    assert found.encryption_key is not None
    assert found.encryption_key.reveal() == "opensesame"


def test_an_empty_variable_is_not_set(tmp_path: Path) -> None:
    """As in a shell script that exports a variable without a value."""
    found, notices = read(tmp_path, ENCRYPTION_KEY="", BEASTMODE_LOG_LEVEL="", BEASTMODE_COMPLETION__MAX_TOKENS="")
    assert (found.encryption_key, found.log_level, notices) == (None, "info", ())


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("BEASTMODE_COMPLETION__MAX_TOKENS", "many", "valid integer"),
        ("BEASTMODE_COMPLETION__MAX_TOKENS", "0", "not between 1 and 4096"),
        ("BEASTMODE_BUILTIN__THREADS", "-1", "not between 1 and"),
        ("BEASTMODE_BUILTIN__ENABLED", "perhaps", "valid boolean"),
        ("BEASTMODE_BUILTIN__MODEL", "gpt", "'smollm2-135m'"),
        ("BEASTMODE_COMPLETION__MAX_TOKES", "5", "did you mean completion.max_tokens?"),
        ("BEASTMODE_COMPLETION__MAX__TOKENS", "5", "did you mean completion.max_tokens?"),
        ("BEASTMODE_PATHS__DATABASE", "/x", "BEASTMODE_HOME"),
    ],
)
def test_a_wrong_variable_is_named_and_ignored(tmp_path: Path, variable: str, value: str, words: str) -> None:
    """The rest applies; the notice has the variable, the reason and what would be right."""
    found, (notice,) = read(tmp_path, BEASTMODE_LOG_LEVEL="debug", **{variable: value})
    assert variable in notice
    assert words in notice
    assert found.log_level == "debug"
    assert found.completion == CompletionSettings()
    assert found.builtin == BuiltinSettings()


def test_variables_of_other_programs_are_none_of_our_business(tmp_path: Path) -> None:
    """A lone word that is no setting may belong to a script of the user's."""
    assert read(tmp_path, BEASTMODE_SCRIPTS="/x", BEASTMODE_="y", MAX_TOKENS="z")[1] == ()


def test_a_wrong_value_in_the_file_leaves_the_file_and_the_other_values(tmp_path: Path) -> None:
    """Only the wrong value has its default; each is named with the file and the field."""
    text = (
        'baseline = 5\ncompletion = 3\ncolour = "red"\n[builtin]\nthreads = 0\nmodel = "smollm2-135m"\nfetsch = true\n'
    )
    found, notices = read(tmp_path, text)
    assert found.builtin == BuiltinSettings(model="smollm2-135m")
    assert found.baseline == "openai:gpt-4"
    for name in ("baseline", "completion", "colour", "builtin.threads", "builtin.fetsch"):
        assert len([notice for notice in notices if f"config.toml: {name} is ignored" in notice]) == 1
    assert any("did you mean builtin.fetch?" in notice for notice in notices)
    assert (tmp_path / "config.toml").read_text() == text
    assert aside(tmp_path) == []


@pytest.mark.parametrize("name", ["encryption_key", "paths"])
def test_a_file_sets_neither_passphrase_nor_paths(tmp_path: Path, name: str) -> None:
    """The notice says where each belongs, and does not repeat the passphrase."""
    found, (notice,) = read(tmp_path, f'{name} = "hunter2"')
    assert found.encryption_key is None
    assert "environment variable" in notice
    assert "hunter2" not in notice


@pytest.mark.parametrize(
    "content",
    [b"max_tokens = = 5", b"\xff\xfe", b"[" * 5000, b"[completion]\nmax_tokens = 1\nmax_tokens = 2", b"\x00" * 100],
    ids=["syntax", "not UTF-8", "nested", "twice", "zeros"],
)
def test_a_damaged_file_is_set_aside(tmp_path: Path, content: bytes) -> None:
    """Byte for byte under a dated name, once; the environment still applies, and the notice names both files."""
    found, (notice,) = read(tmp_path, content, BEASTMODE_LOG_LEVEL="debug")
    assert found.log_level == "debug"
    (kept,) = aside(tmp_path)
    assert kept.read_bytes() == content
    assert str(tmp_path / "config.toml") in notice
    assert kept.name in notice
    assert not (tmp_path / "config.toml").exists()
    assert read(tmp_path)[1] == ()


def test_a_syntax_error_is_found_by_its_line(tmp_path: Path) -> None:
    """The user need not search."""
    assert "line 3" in read(tmp_path, "[completion]\nmax_tokens = 5\nenabled = perhaps\n")[1][0]


def test_damaged_files_of_one_second_are_all_kept(tmp_path: Path) -> None:
    """A dated name that is taken gets a number."""
    for content in ("= 1", "= 2", "= 3"):
        read(tmp_path, content)
    assert {file.read_text() for file in aside(tmp_path)} == {"= 1", "= 2", "= 3"}


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    """A folder in its place, as after a slip of the hand."""
    (tmp_path / "config.toml").mkdir()
    found, (notice,) = read(tmp_path)
    assert "cannot be read" in notice
    assert found.completion == CompletionSettings()


def test_a_byte_order_mark_is_no_damage(tmp_path: Path) -> None:
    """Some editors on Windows write one."""
    assert read(tmp_path, b'\xef\xbb\xbflog_level = "debug"')[0].log_level == "debug"


def test_a_home_of_an_unknown_user_is_taken_literally() -> None:
    """`~nobody…` is no reason to fail."""
    assert load({"BEASTMODE_HOME": "~no-such-user-here/x"})[0].paths.home.is_absolute()


@settings(deadline=None)  # the machine may be busy
@given(
    st.dictionaries(
        st.sampled_from(["BEASTMODE_COMPLETION", "BEASTMODE_BUILTIN__THREADS", "BEASTMODE_NETWORK__CA_BUNDLE"])
        | st.text().map("BEASTMODE_{}".format),
        st.text(),
    )
)
def test_no_environment_breaks_the_start(environ: dict[str, str]) -> None:
    """Any variables give settings; what is wrong is a notice."""
    load({**environ, "BEASTMODE_HOME": "/nonexistent"})


def test_a_secret_does_not_leak(tmp_path: Path) -> None:
    """Not by printing, formatting, or pickling."""
    secret = Secret("opensesame")
    shown = f"{secret} {secret!r} {[secret]} {read(tmp_path, ENCRYPTION_KEY='opensesame')[0]}"
    assert "opensesame" not in shown
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(secret)
    with pytest.raises(TypeError, match="never pickled"):
        copy.copy(secret)
    assert secret == Secret("opensesame")
    assert secret != Secret("other")


def test_what_the_start_path_imports() -> None:
    """Importing the rooms, and loading defaults, costs none of the slow libraries."""
    script = (
        "import sys, beastmode.settings as s, beastmode.store, beastmode.registry; s.load({'BEASTMODE_HOME': '/x'});"
        "print(*{'pydantic', 'cryptography', 'keyring', 'filelock', 'platformdirs'} & set(sys.modules))"
    )
    server = Path(__file__).parents[1] / "server"
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": str(server)}, capture_output=True, check=True
    )
    assert done.stdout.split() == []


def test_a_database_url_is_a_secret(tmp_path: Path) -> None:
    """From the environment or from the file, which is made private; no text shows it."""
    url = "postgresql://u:never-to-be-seen@h/d"
    environ = {"BEASTMODE_HOME": str(tmp_path)}
    found, notices = load(environ | {"BEASTMODE_DATABASE_URL": url})
    assert found.database_url == Secret(url)
    assert notices == ()
    file = tmp_path / "config.toml"
    file.write_text(f'database_url = "{url}"')
    file.chmod(0o644)
    found, notices = load(environ)
    assert found.database_url == Secret(url)
    assert len(notices) == (os.name == "posix")
    assert os.name != "posix" or stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "never" not in repr(found) + repr(notices)
