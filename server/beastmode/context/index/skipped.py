"""What is never worth a place in the index: other people's code, results of builds, generated and binary files.

Pure. Names are judged before a file is opened, text afterwards. Secrets are not here: see `context/exclude.py`.
"""

from __future__ import annotations

import re

_FOLDERS = frozenset(
    (
        "__pycache__",
        "bower_components",
        "build",
        "deriveddata",
        "dist",
        "htmlcov",
        "jspm_packages",
        "node_modules",
        "obj",
        "out",
        "pods",
        "site-packages",
        "target",
        "venv",
    )
)
_HIDDEN_KEPT = frozenset((".github", ".gitlab", ".circleci", ".storybook"))
"""Hidden folders that hold a project's own text; every other one is some tool's."""
_NAMES = frozenset(
    (
        ".ds_store",
        "bun.lockb",
        "cargo.lock",
        "composer.lock",
        "flake.lock",
        "gemfile.lock",
        "go.sum",
        "gradle.lockfile",
        "npm-shrinkwrap.json",
        "package-lock.json",
        "packages.lock.json",
        "pdm.lock",
        "pipfile.lock",
        "pnpm-lock.yaml",
        "podfile.lock",
        "poetry.lock",
        "pubspec.lock",
        "uv.lock",
        "yarn.lock",
    )
)
_GENERATED = re.compile(
    r".*\.min\.(js|css|mjs)|.*[.-]bundle\.js|.*\.(js|css|ts)\.map|.*_pb2(_grpc)?\.pyi?|.*\.pb\.(go|cc|h|rs)"
    r"|.*\.(g|freezed)\.dart|.*\.designer\.cs|.*\.(snap|svg|ipynb|csv|tsv|log|po|pot|jsonl|ndjson)"
)
_BINARY_SUFFIXES = (
    "7z a apk ar avi avif bin bmp br bz2 class dat db deb dex dll dmg doc docx dylib egg eot exe flac gif gguf gz h5 "
    "ico icns iso jar jpeg jpg lib lz4 m4a map mkv mo mov mp3 mp4 npy npz o obj odt ogg onnx otf parquet pdb pdf "
    "pickle pkl png ppt pptx pt pth pyc pyd pyo rar rlib rpm safetensors so sqlite sqlite3 swp tar tflite tgz tif "
    "tiff ttf vsix war wasm wav webm webp whl woff woff2 xls xlsx xz zip zst"
)
_BINARY = frozenset(_BINARY_SUFFIXES.split())
_SAYS_GENERATED = re.compile(
    r"^\W{0,12}(?:@generated\b|(?:code|(?:this )?file(?: is| was)?|automatically|auto-?) ?generated\b"
    r".*\bdo not (?:edit|modify))",
    re.IGNORECASE | re.MULTILINE,
)
_HEAD = 2_000
"""Characters at the start of a file in which a generator says that it wrote it."""
_LONG_LINES = 2_000
"""Characters a line on average from which on nobody wrote, or reads, a file."""


FOLDER_MARKS = frozenset(("CACHEDIR.TAG", "pyvenv.cfg"))
"""Files that say of their folder that it is a cache, or a Python environment under any name."""


def always_skipped(name: str, *, is_folder: bool) -> bool:
    """Whether an entry of that name is left out unless `.beastmodeignore` says otherwise."""
    lower = name.lower()
    if is_folder:
        return lower in _FOLDERS or (lower.startswith(".") and lower not in _HIDDEN_KEPT)
    _, dot, suffix = lower.rpartition(".")
    return lower in _NAMES or (dot == "." and suffix in _BINARY) or _GENERATED.fullmatch(lower) is not None


def unreadable(data: bytes) -> str:
    """Why the content of a file is left out, '' where it is text that somebody wrote."""
    if b"\x00" in data:
        return "binary"
    lines = data.count(b"\n") + 1
    if len(data) / lines > _LONG_LINES:
        return "minified"
    if _SAYS_GENERATED.search(data[:_HEAD].decode("utf-8", "replace")):
        return "generated"
    return ""
