"""What the user may set, and the only reader of the environment and of the configuration file.

Defaults, then `config.toml`, then the environment (`BEASTMODE_COMPLETION__MAX_TOKENS=32`): the later one wins. The
fields are plain dataclasses; pydantic, a tenth of a second of start-up, is imported only when there is something to
validate. What is wrong is named in a notice and replaced by its default: a typo never stops an editor from starting.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Secret:
    """A text that no repr, log or traceback shows; `reveal` is the only way out."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("A secret is never pickled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Where things live. `BEASTMODE_HOME` moves all of it under one folder."""

    home: Path
    config_file: Path
    database: Path
    log_file: Path
    key_file: Path
    models_dir: Path
    run_dir: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """How endpoints are reached: a file of certificates to trust besides the system's.

    Proxies come from the standard environment variables.
    """

    ca_bundle: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionSettings:
    """Suggestions while typing. Lengths are tokens, times milliseconds.

    `languages_off`: no automatic suggestions in these languages (the editor's names). `candidates`: how many a user who
    asks may choose from. `fetch_ahead`: ask a free, idle model for what comes after a suggestion.
    """

    enabled: bool = True
    languages_off: tuple[str, ...] = ()
    candidates: int = 3
    fetch_ahead: bool = True
    max_tokens: int = 64
    multiline_max_tokens: int = 96
    debounce_max_ms: int = 300
    prefix_tokens: int = 1024
    suffix_tokens: int = 256
    context_tokens: int = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextSettings:
    """What models are shown of the workspace besides the file at hand; `index`: keep a search index of it."""

    index: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltinSettings:
    """The model that comes with the product.

    `model_path` names weights that are already on this machine, `threads` None means: as the machine allows, `fetch`
    False means: never download weights.
    """

    enabled: bool = True
    model: Literal["qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b", "smollm2-135m"] = "qwen2.5-coder-0.5b"
    model_path: Path | None = None
    threads: int | None = None
    fetch: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSettings:
    """Answers to deterministic requests, remembered: in memory, and on disk only where the user asks for it.

    What is kept is the user's code. `max_mb` bounds the disk (the memory takes 16 MiB of it at most).
    """

    enabled: bool = True
    disk: bool = False
    max_mb: int = 64
    max_age_hours: int = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingSettings:
    """`splice`: another model of the route may go on, to the letter, with an answer that broke off."""

    splice: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSettings:
    """`keep_days`: rows of single requests that are older are removed, their hourly sums stay; None keeps all."""

    keep_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """`workspaces`: folders that requests to `beastmode serve` may name, as its option has them: `shop=~/src/shop`."""

    workspaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything at once. `baseline` is the provider model that savings are measured against.

    `database_url` names a team's PostgreSQL database; None: the SQLite file of `paths`. It may hold a password.

    `provider_keys` are those that other programs have in the environment too, by the variable's name
    (`OPENAI_API_KEY`); only the variables that a provider's row names are ever looked at. `gateway_token` is what a
    command shows to a gateway that it is told to ask (`BEASTMODE_TOKEN`). `otlp`: the environment names a collector of
    metrics (`OTEL_EXPORTER_OTLP_ENDPOINT`).
    """

    paths: Paths
    encryption_key: Secret | None = None
    database_url: Secret | None = None
    gateway_token: Secret | None = None
    otlp: bool = False
    provider_keys: dict[str, Secret] = field(default_factory=dict)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    completion: CompletionSettings = field(default_factory=CompletionSettings)
    context: ContextSettings = field(default_factory=ContextSettings)
    builtin: BuiltinSettings = field(default_factory=BuiltinSettings)
    cache: CacheSettings = field(default_factory=CacheSettings)
    routing: RoutingSettings = field(default_factory=RoutingSettings)
    gateway: GatewaySettings = field(default_factory=GatewaySettings)
    ledger: LedgerSettings = field(default_factory=LedgerSettings)
    baseline: str = "openai:gpt-4"
    log_level: Literal["debug", "info", "warning", "error"] = "info"


_PREFIX = "BEASTMODE_"
_KEY_SUFFIXES = ("_API_KEY", "_API_TOKEN")
_ALIASES = {"ENCRYPTION_KEY": ("encryption_key",), "BEASTMODE_MODEL_PATH": ("builtin", "model_path")}
_SECTIONS = {
    "network": NetworkSettings,
    "completion": CompletionSettings,
    "context": ContextSettings,
    "builtin": BuiltinSettings,
    "cache": CacheSettings,
    "routing": RoutingSettings,
    "gateway": GatewaySettings,
    "ledger": LedgerSettings,
}
_DATABASE = ("database_url",)
_SETTABLE = {_DATABASE, ("baseline",), ("log_level",)} | {
    (section, entry.name) for section, kind in _SECTIONS.items() for entry in fields(kind)
}
_INSTEAD = {
    "paths": "Set the environment variable BEASTMODE_HOME to move the folders",
    "encryption_key": "Set the environment variable ENCRYPTION_KEY; a passphrase does not belong in a file",
    "otlp": "Set OTEL_EXPORTER_OTLP_ENDPOINT, as OpenTelemetry has it",
    "gateway_token": "Set the environment variable BEASTMODE_TOKEN; a token does not belong in a file",
    "provider_keys": "Run `beastmode keys set PROVIDER`, or set the provider's variable; no key belongs in a file",
}
_RANGES: dict[tuple[str, ...], tuple[int, int]] = {
    ("completion", "max_tokens"): (1, 4096),
    ("completion", "multiline_max_tokens"): (1, 4096),
    ("completion", "debounce_max_ms"): (0, 5000),
    ("completion", "prefix_tokens"): (16, 1_000_000),
    ("completion", "suffix_tokens"): (0, 1_000_000),
    ("completion", "context_tokens"): (0, 1_000_000),
    ("completion", "candidates"): (1, 8),
    ("builtin", "threads"): (1, 1024),
    ("cache", "max_mb"): (1, 4096),
    ("cache", "max_age_hours"): (1, 8760),
    ("ledger", "keep_days"): (35, 36_500),  # budgets of a month look at its rows
}
_PATHS = {("network", "ca_bundle"), ("builtin", "model_path")}


class _Found(NamedTuple):
    """A value that was set, and where: a variable, or a field of the file."""

    value: object
    source: str


def load(environ: Mapping[str, str]) -> tuple[Settings, tuple[str, ...]]:
    """Settings from an environment and the file that it leads to, and notices about what had to be ignored.

    A file that is not TOML is renamed to `config.toml.damaged-YYYYMMDD-HHMMSS`. One with a wrong value stays where it
    is, and only that value is ignored: moving it would take the right values away too. Never raises over what the
    user wrote.
    """
    paths = _paths(environ)
    notices: list[str] = []
    found = dict(_from_file(paths.config_file, notices)) | dict(_from_environment(environ))
    values: dict[str, Any] = {}
    sections: dict[str, dict[str, Any]] = {}
    for name, (value, source) in found.items():
        try:
            checked = _checked(name, value)
        except ValueError as error:
            notices.append(f"{source} is ignored: {error}")
            continue
        if len(name) == 1:
            values[name[0]] = checked
        else:
            sections.setdefault(name[0], {})[name[1]] = checked
    if _DATABASE in found and found[_DATABASE].source.startswith(str(paths.config_file)):
        notices += _made_private(paths.config_file)
    for section, entries in sections.items():
        values[section] = _SECTIONS[section](**entries)
    passphrase, token = environ.get("ENCRYPTION_KEY"), environ.get("BEASTMODE_TOKEN", "").strip()
    settings = Settings(
        paths=paths,
        encryption_key=Secret(passphrase) if passphrase else None,
        gateway_token=Secret(token) if token else None,
        otlp=_names_a_collector(environ),
        provider_keys=_provider_keys(environ),
        **values,
    )
    return settings, tuple(notices)


def _names_a_collector(environ: Mapping[str, str]) -> bool:
    """By OpenTelemetry's own rules for its variables."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporters = environ.get("OTEL_METRICS_EXPORTER", "otlp").split(",")
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
    return "otlp" in (each.strip() for each in exporters) and any(environ.get(name) for name in endpoints)


def _provider_keys(environ: Mapping[str, str]) -> dict[str, Secret]:
    return {
        name: Secret(value.strip())
        for name, value in environ.items()
        if name.endswith(_KEY_SUFFIXES) and not name.startswith(_PREFIX) and value.strip()
    }


def _paths(environ: Mapping[str, str]) -> Paths:
    home = environ.get("BEASTMODE_HOME")
    if home:
        data = config = cache = log = Path(_expanded(home)).absolute()
    else:
        import platformdirs  # noqa: PLC0415 - not needed where BEASTMODE_HOME says it all

        folders = platformdirs.PlatformDirs("beastmode", appauthor=False)
        data, config = folders.user_data_path, folders.user_config_path
        cache, log = folders.user_cache_path, folders.user_log_path
    return Paths(
        home=data,
        config_file=config / "config.toml",
        database=data / "beastmode.db",
        log_file=log / "beastmode.log",
        key_file=data / "master.key",
        models_dir=cache / "models",
        run_dir=data / "run",
    )


def _from_file(path: Path, notices: list[str]) -> Iterator[tuple[tuple[str, ...], _Found]]:
    try:
        table = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        return
    except OSError as error:
        notices.append(f"{path} cannot be read ({error.strerror}), so the defaults apply. Make it readable for you")
        return
    except (ValueError, RecursionError) as error:
        notices.append(_set_aside(path, error))
        return
    for key, value in table.items():
        entries = value if isinstance(value, dict) and key in _SECTIONS else None
        names = {(key,): value} if entries is None else {(key, below): it for below, it in entries.items()}
        for name, it in names.items():
            yield name, _Found(it, f"{path}: {'.'.join(name)}")


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], _Found]]:
    for variable, value in environ.items():
        name = _ALIASES.get(variable)
        if name is None and variable.startswith(_PREFIX):
            name = tuple(variable.removeprefix(_PREFIX).lower().split("__"))
        # A lone word that is no setting may be somebody else's variable, and is none of our business.
        if value and name and (name in _SETTABLE or len(name) > 1):
            yield name, _Found(value, f"The environment variable {variable}")


def _checked(name: tuple[str, ...], value: object) -> Any:
    """The value as its field's type.

    Raises:
        ValueError: there is no such field, or the value does not fit it; the message is for the user.
    """
    if name not in _SETTABLE:
        raise ValueError(_why_unknown(name))
    if name == _DATABASE:
        # Whatever it says: a typo must not lead a team's gateway to an empty file of its own.
        return Secret(str(value))
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - slow; most users have nothing to validate

    owner = Settings if len(name) == 1 else _SECTIONS[name[0]]
    if name in _PATHS and isinstance(value, str):
        value = _expanded(value)
    try:
        checked = TypeAdapter(get_type_hints(owner)[name[-1]]).validate_python(value)
    except ValidationError as error:
        raise ValueError(error.errors(include_input=False, include_url=False)[0]["msg"]) from error
    if checked is not None and name in _RANGES:
        low, high = _RANGES[name]
        if not low <= checked <= high:
            raise ValueError(f"{checked} is not between {low} and {high}")
    return checked


def _why_unknown(name: tuple[str, ...]) -> str:
    if name[0] in _INSTEAD:
        return _INSTEAD[name[0]]
    if name[0] in _SECTIONS and len(name) == 1:
        return f"{name[0]} is a section; write its settings below [{name[0]}]"
    from difflib import get_close_matches  # noqa: PLC0415 - only for a typo

    known = sorted(".".join(each) for each in _SETTABLE)
    close = get_close_matches(".".join(name), known, n=1)
    return f"there is no such setting; did you mean {close[0]}?" if close else f"the settings are {', '.join(known)}"


def _set_aside(path: Path, error: Exception) -> str:
    from datetime import datetime  # noqa: PLC0415 - only for a damaged file

    name = f"{path.name}.damaged-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    aside, number = path.with_name(name), 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{name}-{number}")
    try:
        path.rename(aside)
    except OSError as failure:
        return f"{path} is not valid TOML ({error}), so the defaults apply; it cannot be set aside ({failure.strerror})"
    return f"{path} is not valid TOML ({error}), so the defaults apply. It is kept as {aside.name}: mend and rename it"


def _made_private(path: Path) -> Iterator[str]:
    """Take a file that names a database, and may hold its password, from everybody but its owner."""
    if os.name == "posix" and path.stat().st_mode & 0o077:
        path.chmod(0o600)
        yield f"{path} names a database, and others could read it: now only you can"


def _expanded(path: str) -> str:
    try:
        return str(Path(path).expanduser())
    except RuntimeError:  # `~nobody/…`: no such user
        return path
