"""Who may import whom: the plan of the house as a test."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "server" / "beastmode"

RANKS = [
    {"domain"},
    {"wire", "context"},
    {"settings", "transport", "store", "embedded", "logs"},
    {"registry", "ledger"},
    {"router"},
    {"completion", "tasks"},
    {"operations"},
    {"app"},
    {"faces"},
    {"__main__"},
]
"""From the core outwards; a room imports only rooms of lower ranks."""

ONLY_IN = {
    "pygls": "faces/lsp",
    "lsprotocol": "faces/lsp",
    "typer": "faces/cli",
    "rich": "faces/cli",
    "starlette": "faces/http",
    "uvicorn": "faces/http",
    "uvloop": "faces/http",
    "prompt_toolkit": "faces/cli",
    "httpx": "transport.py",
    "httpx_aiohttp": "transport.py",
    "aiohttp": "transport.py",
    "sqlite3": ("store", "context/index"),
    "psycopg": "store",
    "tree_sitter": "context/syntax",
    "pathspec": "context/index",
    "cryptography": "registry/vault.py",
    "keyring": "registry",
    "pydantic": ("settings.py", "registry", "faces/http"),
    "xllamacpp": "embedded",
    "genai_prices": "ledger",
    "kingfisher_sdk": "router/detector.py",
    "pyarrow": "ledger/export.py",
    "apprise": "operations/alerts/notify.py",
    "prometheus_client": "operations/metrics/prometheus.py",
    "opentelemetry": "operations/metrics/otlp.py",
    "reportlab": "operations/report/as_pdf.py",
}

PURE = ("domain", "wire", "context/window.py", "router/plan.py", "completion/postprocess")
IMPURE = {"asyncio", "datetime", "io", "os", "pathlib", "random", "socket", "subprocess", "time", "uuid"}


@cache
def imports(path: Path, *, types: bool = False) -> set[str]:
    """Every module a file imports at run time, dotted; with `types` also what it names for the type checker only."""
    found: set[str] = set()
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if not types and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.update({node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names})
        pending.extend(ast.iter_child_nodes(node))
    return found


FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def room(module: str) -> str:
    """`router` of `beastmode.router.plan` or of `router/plan.py`."""
    return module.removeprefix("beastmode.").replace("/", ".").removesuffix(".py").split(".")[0]


def rank(name: str) -> int:
    return next(number for number, rooms in enumerate(RANKS) if name in rooms)


def imported(*, types: bool = False) -> Iterator[tuple[str, str]]:
    """Every (file, module that it imports)."""
    return ((file, module) for file in FILES for module in imports(PACKAGE / file, types=types))


def within(file: str, places: tuple[str, ...]) -> bool:
    return any(file == place or file.startswith(f"{place}/") for place in places)


def test_a_room_imports_only_lower_rooms() -> None:
    """Dependencies point inwards, from the doors to the vocabulary; what is named for its type is one too."""
    for file, module in imported(types=True):
        is_ours = module.startswith("beastmode.") and file != "__init__.py"
        if is_ours and room(module) not in {room(file), "__version__"}:
            assert rank(room(module)) < rank(room(file)), f"{file} imports {module}"


def test_faces_do_not_import_each_other() -> None:
    """A face can be deleted by deleting its folder."""
    for file, module in imported():
        own, parts = file.split("/"), module.split(".")
        if own[0] == "faces" and parts[:2] == ["beastmode", "faces"] and len(parts) > 2:
            may_start = (file, parts[2]) in {("faces/cli/show.py", "lsp"), ("faces/cli/serve.py", "http")}
            assert parts[2] == own[1] or may_start, f"{file} imports {module}"


def test_a_library_stays_in_its_room() -> None:
    """Replacing a library touches one room."""
    for file, module in imported():
        places = ONLY_IN.get(module.split(".")[0])
        if places is not None:
            assert within(file, (places,) if isinstance(places, str) else places), f"{file} imports {module}"


def test_pure_rooms_do_no_io_and_read_no_clock() -> None:
    """What they do can be tested with values alone."""
    for file, module in imported():
        assert not (within(file, PURE) and module.split(".")[0] in IMPURE), f"{file} imports {module}"


def test_the_language_server_starts_light() -> None:
    """Before the editor has its first answer neither the database nor a grammar nor the network is imported."""
    script = "import sys, beastmode.faces.lsp.server; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"sqlite3", "tree_sitter", "httpx", "aiohttp", "cryptography", "pydantic", "rich", "typer"}
    assert heavy.isdisjoint(loaded)
