"""Which files an import may mean, language by language.

Guesses from the import and the layout of the folders; nothing is installed, built or run. Paths are only made up here:
whether a model may see what is there is decided where they are read (files.py).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from beastmode.context.files import Files
    from beastmode.context.syntax import Import

MOST_PACKAGE_FILES = 30
BY_CLASS = frozenset(("java", "csharp", "php"))
"""Languages in which an import may name a folder, and the classes near the cursor the files in it."""
_SCRIPT_SUFFIXES = (".ts", ".tsx", ".d.ts", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs")
_SOURCE_FOLDERS = ("src", "lib", "app", "include", "python")


@dataclass(frozen=True)
class Importer:
    """The file that imports: its path, the workspace folder that it is in, and the files around it."""

    path: str
    root: str
    files: Files
    near: Sequence[str] = ()

    @cached_property
    def folder(self) -> str:
        """The file's folder."""
        return os.path.dirname(self.path)  # noqa: PTH120 - see files.py

    @cached_property
    def folders(self) -> tuple[str, ...]:
        """The file's folder and those above it, up to the workspace folder."""
        found = [self.folder]
        while len(found[-1]) > len(self.root):
            found.append(os.path.dirname(found[-1]))  # noqa: PTH120 - see files.py
        return tuple(found)

    @cached_property
    def places(self) -> tuple[str, ...]:
        """Where code may live: the folders above, and the usual source folders in each."""
        return tuple(
            dict.fromkeys((*self.folders, *(f"{folder}/{name}" for folder in self.folders for name in _SOURCE_FOLDERS)))
        )

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names near the cursor that look like classes."""
        return tuple(name for name in self.near if name[:1].isupper())


def files_of(importer: Importer, imported: Import, language: str) -> list[str]:
    """The files that an import means, the likeliest first; one of a package's files where any of them may be meant."""
    row = _ROWS.get(language)
    if row is None or "\0" in imported.module:
        return []
    return _existing(importer, row(importer, imported))


def files_beside(importer: Importer, language: str) -> list[str]:
    """The files whose names can be used without an import: of the same package."""
    match language:
        case "go":
            found = importer.files.listed(importer.folder, ".go")
            return [path for path in found if path != importer.path][:MOST_PACKAGE_FILES]
        case "java" | "csharp" | "php":
            suffix = {"java": ".java", "csharp": ".cs", "php": ".php"}[language]
            return _existing(importer, (f"{importer.folder}/{name}{suffix}" for name in importer.classes))
        case "c" | "cpp":
            stem = os.path.splitext(importer.path)[0]  # noqa: PTH122 - see files.py
            return _existing(importer, (f"{stem}{suffix}" for suffix in (".h", ".hpp", ".hh")))
    return []


def _existing(importer: Importer, candidates: Iterator[str]) -> list[str]:
    found = []
    for path in dict.fromkeys(map(os.path.normpath, candidates)):
        if path != importer.path and importer.files.is_file(path):
            found.append(path)
            if len(found) == MOST_PACKAGE_FILES:
                break
    return found


def _python(importer: Importer, imported: Import) -> Iterator[str]:
    inner = imported.module.lstrip(".")
    dots = len(imported.module) - len(inner)
    inner = inner.replace(".", "/")
    if dots:
        bases = importer.folders[dots - 1 : dots]
    else:
        # A folder of a package is no place to look in for modules by their whole name.
        bases = tuple(each for each in importer.places if not importer.files.is_file(f"{each}/__init__.py"))
    for base in bases:
        module = f"{base}/{inner}" if inner else base
        for name in imported.names:
            yield f"{module}/{name}.py"
        yield from (f"{module}.py", f"{module}/__init__.py", f"{module}.pyi", f"{module}/__init__.pyi")


def _script(importer: Importer, imported: Import) -> Iterator[str]:
    module = imported.module
    if module.startswith("."):
        bases: tuple[str, ...] = (f"{importer.folder}/{module}",)
    else:
        inner = re.sub(r"^[@~]/", "", module)
        if "/" not in module:
            return  # a package
        bases = tuple(f"{place}/{inner}" for place in importer.places)
    for base in bases:
        stem, suffix = os.path.splitext(base)  # noqa: PTH122 - see files.py
        if suffix in {".js", ".jsx", ".mjs", ".cjs"}:
            # TypeScript imports are written with the suffix of what they are compiled to.
            for other in _SCRIPT_SUFFIXES:
                yield stem + other
        yield base
        for other in _SCRIPT_SUFFIXES:
            yield base + other
        for other in _SCRIPT_SUFFIXES:
            yield f"{base}/index{other}"


def _go(importer: Importer, imported: Import) -> Iterator[str]:
    for folder in importer.folders:
        real = importer.files.real(f"{folder}/go.mod")
        if real is None or importer.files.stamp(real) is None:
            continue
        found = re.search(r"^\s*module\s+\"?([^\s\"]+)", importer.files.text(real), re.MULTILINE)
        if found and (imported.module + "/").startswith(found[1] + "/"):
            package = folder + imported.module.removeprefix(found[1])
            for path in importer.files.listed(package, ".go"):
                if not path.endswith("_test.go"):
                    yield path
        return


def _rust(importer: Importer, imported: Import) -> Iterator[str]:
    first, *rest = imported.module.split("::")
    name = os.path.basename(importer.path)  # noqa: PTH119 - see files.py
    own = importer.folder if name in {"mod.rs", "lib.rs", "main.rs"} else importer.path.removesuffix(".rs")
    bases: list[str]
    if first == "crate":
        bases = [_crate(importer)]
    elif first == "self":
        bases = [own]
    elif first == "super":
        bases = [os.path.dirname(own)]  # noqa: PTH120 - see files.py
        while rest[:1] == ["super"]:
            bases = [os.path.dirname(bases[0])]  # noqa: PTH120 - see files.py
            del rest[0]
    else:
        # Another crate of the workspace, or a module declared in this file.
        crates = (f"{folder}/{each}/src" for folder in importer.folders for each in (first, first.replace("_", "-")))
        bases = [crate for crate in crates if importer.files.is_folder(crate)]
        yield from _rust_modules(own, [first, *rest, *imported.names[:1]])
    for base in bases:
        for each in imported.names or ("",):
            yield from _rust_modules(base, [*rest, each] if each else rest)


def _rust_modules(base: str, parts: list[str]) -> Iterator[str]:
    """The files of a path of modules, the whole path first: its end may be an item of the module before it."""
    for length in range(len(parts), 0, -1):
        inner = "/".join(parts[:length])
        yield f"{base}/{inner}.rs"
        yield f"{base}/{inner}/mod.rs"
    yield from (f"{base}.rs", f"{base}/mod.rs", f"{base}/lib.rs", f"{base}/main.rs")


def _crate(importer: Importer) -> str:
    for folder in importer.folders:
        if any(importer.files.is_file(f"{folder}/{name}") for name in ("lib.rs", "main.rs")):
            return folder
    return importer.folder


def _java(importer: Importer, imported: Import) -> Iterator[str]:
    inner = imported.module.replace(".", "/")
    for place in (*importer.folders, *(f"{folder}/src/main/java" for folder in importer.folders)):
        # `import static a.B.member` names a member of the class a.B.
        for name in imported.names:
            yield f"{place}/{inner}/{name}.java"
        if not imported.names:
            for name in importer.classes:
                yield f"{place}/{inner}/{name}.java"
        yield f"{place}/{inner}.java"


def _csharp(importer: Importer, imported: Import) -> Iterator[str]:
    for folder in _folders_like(importer, imported.module.split(".")):
        for name in importer.classes:
            yield f"{folder}/{name}.cs"


def _php(importer: Importer, imported: Import) -> Iterator[str]:
    if imported.module.endswith(".php"):
        yield f"{importer.folder}/{imported.module.lstrip('/')}"
        for place in importer.places:
            yield f"{place}/{imported.module.lstrip('/')}"
        return
    parts = imported.module.split("\\")
    for folder in _folders_like(importer, parts):
        for name in imported.names or importer.classes:
            yield f"{folder}/{name}.php"


def _folders_like(importer: Importer, parts: Sequence[str]) -> Iterator[str]:
    """Folders whose path ends like a namespace, the longest end first; its first parts may stand for a folder."""
    for skipped in range(len(parts)):
        inner = "/".join(parts[skipped:])
        for place in importer.places:
            if importer.files.is_folder(f"{place}/{inner}"):
                yield f"{place}/{inner}"
    # A namespace of one part, or one that stands for a source folder.
    yield from (place for place in importer.places if place != importer.folder and importer.files.is_folder(place))


def _c(importer: Importer, imported: Import) -> Iterator[str]:
    header = imported.module.strip("<>")
    for place in importer.places if header == imported.module else importer.places[len(importer.folders) :]:
        yield f"{place}/{header}"


def _ruby(importer: Importer, imported: Import) -> Iterator[str]:
    module = imported.module if imported.module.endswith(".rb") else f"{imported.module}.rb"
    if module.startswith("."):
        yield f"{importer.folder}/{module}"
        return
    for place in importer.places:
        yield f"{place}/{module}"


def _shell(importer: Importer, imported: Import) -> Iterator[str]:
    # `$HERE/lib.sh` and `$(dirname "$0")/lib.sh`: a variable at the start mostly holds the script's own folder.
    inner = re.sub(r"^(\$\{[^}]*\}|\$\(.*\)|\$\w+)/", "", imported.module)
    if not inner.startswith(("/", "~", "$")):
        for place in importer.places:
            yield f"{place}/{inner}"


_ROWS: dict[str, Callable[[Importer, Import], Iterator[str]]] = {
    "python": _python,
    "typescript": _script,
    "typescriptreact": _script,
    "javascript": _script,
    "javascriptreact": _script,
    "go": _go,
    "rust": _rust,
    "java": _java,
    "c": _c,
    "cpp": _c,
    "csharp": _csharp,
    "ruby": _ruby,
    "php": _php,
    "shellscript": _shell,
}
