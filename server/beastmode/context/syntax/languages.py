"""The languages as rows: which grammar reads one, and by which file names it is known. Pure data.

Adding a language is a row here, and one in each of `shapes.py`, `imports.py`, `blocks.py` and `scanner.py`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grammar:
    """A compiled grammar: the module it is installed as, and the function in it that gives it."""

    module: str
    function: str = "language"


_JAVASCRIPT = Grammar("tree_sitter_javascript")

GRAMMARS = {
    "python": Grammar("tree_sitter_python"),
    "typescript": Grammar("tree_sitter_typescript", "language_typescript"),
    "typescriptreact": Grammar("tree_sitter_typescript", "language_tsx"),
    "javascript": _JAVASCRIPT,
    "javascriptreact": _JAVASCRIPT,
    "go": Grammar("tree_sitter_go"),
    "rust": Grammar("tree_sitter_rust"),
    "java": Grammar("tree_sitter_java"),
    "c": Grammar("tree_sitter_c"),
    "cpp": Grammar("tree_sitter_cpp"),
    "csharp": Grammar("tree_sitter_c_sharp"),
    "ruby": Grammar("tree_sitter_ruby"),
    "php": Grammar("tree_sitter_php", "language_php"),
    "php-part": Grammar("tree_sitter_php", "language_php_only"),
    "shellscript": Grammar("tree_sitter_bash"),
}
"""By the editor's id of the language; `php-part` is PHP without an opening tag."""

_SUFFIXES = {
    "python": "py pyi pyw",
    "typescript": "ts mts cts",
    "typescriptreact": "tsx",
    "javascript": "js mjs cjs",
    "javascriptreact": "jsx",
    "go": "go",
    "rust": "rs",
    "java": "java",
    "c": "c h",
    "cpp": "cpp cc cxx c++ hpp hh hxx h++ ipp inl tpp cu cuh",
    "csharp": "cs csx",
    "ruby": "rb rake gemspec ru",
    "php": "php phtml php5 php7 php8",
    "shellscript": "sh bash zsh ksh bats",
    # Without a grammar from here on.
    "bat": "bat cmd",
    "clojure": "clj cljs cljc edn",
    "css": "css",
    "dart": "dart",
    "elixir": "ex exs",
    "erlang": "erl hrl",
    "fsharp": "fs fsi fsx",
    "graphql": "graphql gql",
    "groovy": "groovy gradle",
    "haskell": "hs",
    "html": "html htm",
    "ini": "ini cfg",
    "json": "json",
    "jsonc": "jsonc",
    "jsonl": "jsonl",
    "julia": "jl",
    "kotlin": "kt kts",
    "less": "less",
    "lua": "lua",
    "markdown": "md markdown",
    "objective-c": "m",
    "ocaml": "ml mli",
    "perl": "pl pm",
    "plaintext": "txt",
    "powershell": "ps1 psm1 psd1",
    "proto3": "proto",
    "r": "r",
    "restructuredtext": "rst",
    "scala": "scala sc",
    "scss": "scss",
    "solidity": "sol",
    "sql": "sql",
    "svelte": "svelte",
    "swift": "swift",
    "terraform": "tf",
    "toml": "toml",
    "vue": "vue",
    "xml": "xml xsd xsl",
    "yaml": "yaml yml",
    "zig": "zig",
}
_BY_SUFFIX = {suffix: language for language, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}
_BY_NAME = {
    ".bash_profile": "shellscript",
    ".bashrc": "shellscript",
    ".profile": "shellscript",
    ".zshrc": "shellscript",
    "build": "python",
    "build.bazel": "python",
    "cmakelists.txt": "cmake",
    "dockerfile": "dockerfile",
    "gemfile": "ruby",
    "go.mod": "go.mod",
    "jenkinsfile": "groovy",
    "makefile": "makefile",
    "rakefile": "ruby",
    "sconstruct": "python",
    "vagrantfile": "ruby",
    "workspace": "python",
}


def language_of(path: str) -> str:
    """The editor's id of a file's language by its name (with `/` or a backslash), '' where the name does not tell."""
    name = path.replace("\\", "/").rpartition("/")[2].lower()
    _, dot, suffix = name.rpartition(".")
    return _BY_NAME.get(name) or (_BY_SUFFIX.get(suffix, "") if dot else "")
