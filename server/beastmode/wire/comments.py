"""Code of other files as comments in a file's language: for models that were never shown two files at once. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.domain.context import Snippet

HASH = ("# ", "")
_SLASHES = (
    "c cpp csharp cuda-cpp d dart fsharp go groovy java javascript javascriptreact jsonc kotlin less objective-c "
    "objective-cpp php proto proto3 rust scala scss solidity swift typescript typescriptreact v zig"
)
_OF: dict[tuple[str, str], str] = {
    HASH: "coffeescript dockerfile elixir julia makefile nim perl powershell python r ruby shellscript terraform toml "
    "yaml",
    ("// ", ""): _SLASHES,
    ("-- ", ""): "ada elm haskell lua sql vhdl",
    (";; ", ""): "clojure commonlisp elisp lisp racket scheme",
    ("; ", ""): "asm ini",
    ("% ", ""): "bibtex erlang latex matlab prolog tex",
    ("' ", ""): "vb",
    ("! ", ""): "fortran fortran-modern",
    ("REM ", ""): "bat",
    ('" ', ""): "vim",
    ("<!-- ", " -->"): "astro handlebars html markdown mdx razor svelte svg vue vue-html xml xsl",
    ("/* ", " */"): "css",
    # These have no comments: nothing can be said beside their text.
    ("", ""): "json plaintext csv diff",
}
_MARKS = {language: marks for marks, languages in _OF.items() for language in languages.split()}


def commented(snippets: Sequence[Snippet], path: str, language: str) -> str:
    r"""The snippets as comment lines, each behind its path, and last the path of the file itself; '' for none.

    A language that is not known gets `#`; one without line comments its block comment on each line; one without any
    comments nothing.

    Args:
        snippets: in the order in which they are to stand.
        path: of the file that the text after this belongs to.
        language: the editor's id of it.

    Returns:
        whole lines with `\n` endings.
    """
    start, end = _MARKS.get(language, HASH)
    if not snippets or not start:
        return ""
    said: list[str] = []
    for snippet in snippets:
        said += (f"Path: {one_line(snippet.path)}", *snippet.text.splitlines(), "")
    said.append(f"Path: {one_line(path)}" if path else "")
    closing = end.strip()
    return "".join(f"{start}{_open(line, closing)}{end}".rstrip() + "\n" for line in said)


def one_line(path: str) -> str:
    """A path that is one line, whatever a file system allows."""
    return " ".join(path.split("\n")).replace("\r", " ")


def _open(line: str, closing: str) -> str:
    return line.replace(closing, f"{closing[:-1]} {closing[-1]}") if closing else line
