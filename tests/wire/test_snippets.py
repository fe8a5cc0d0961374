"""Code of other files in a prompt, format by format: where it stands, that it stays there, that it can do no harm."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.conftest import FIMS, make_model

from beastmode.domain.context import Snippet
from beastmode.domain.model import FimTemplate, ModelSpec
from beastmode.domain.request import FimRequest
from beastmode.operations.fim_templates import families
from beastmode.wire import FORMATS
from beastmode.wire.comments import commented
from beastmode.wire.control_tokens import defused

TEMPLATES = {
    name: template
    for family in families()
    for name, template in (
        (family.name, family.template),
        *((f"{family.name} {template.file}", template) for template in family.with_files),
    )
}


def snippet(path: str, text: str) -> Snippet:
    return Snippet(path, text, 0, "definitions", "", 1.0)


TWO = (snippet("lib/order.py", "class Order:\n    total: int\n"), snippet("b.py", "def b(): ...\n"))
HOLE = FimRequest("x = b(", ")\n", path="a.py", language="python", snippets=TWO)


def body(name: str, request: FimRequest, model: ModelSpec | None = None) -> dict[str, Any]:
    sent: dict[str, Any] = json.loads(FORMATS[name].encode(request, model or make_model()).body)
    return sent


def prompt(template: FimTemplate, request: FimRequest = HOLE) -> str:
    return str(body("openai-completions", request, make_model(template=template))["prompt"])


def test_infill_has_a_field_for_them() -> None:
    """In their order, so that what changes least is read once."""
    assert body("llama-infill", HOLE)["input_extra"] == [
        {"filename": "lib/order.py", "text": "class Order:\n    total: int\n"},
        {"filename": "b.py", "text": "def b(): ...\n"},
    ]


CODE = ("class Order:\n    total: int\n", "def b(): ...\n")


@pytest.mark.parametrize(
    ("name", "rendered"),
    [
        (
            "qwen <|file_sep|>",
            (
                f"<|repo_name|>repository\n<|file_sep|>lib/order.py\n{CODE[0]}<|file_sep|>b.py\n{CODE[1]}<|file_sep|>a.py\n"
                "<|fim_prefix|>x = b(<|fim_suffix|>)\n<|fim_middle|>"
            ),
        ),
        (
            "starcoder <file_sep>",
            (
                f"<repo_name>repository<file_sep>lib/order.py\n{CODE[0]}<file_sep>b.py\n{CODE[1]}<file_sep>"
                "<fim_prefix>a.py\nx = b(<fim_suffix>)\n<fim_middle>"
            ),
        ),
        (
            "mellum <filename>",
            (
                f"<filename>lib/order.py\n{CODE[0]}<filename>b.py\n{CODE[1]}<filename>a.py\n"
                "<fim_suffix>)\n<fim_prefix>x = b(<fim_middle>"
            ),
        ),
        (
            "codestral",
            f"[SUFFIX])\n[PREFIX]+++++ lib/order.py\n{CODE[0]}+++++ b.py\n{CODE[1]}+++++ a.py\nx = b(",
        ),
        (
            "codellama",
            (
                "<PRE> # Path: lib/order.py\n# class Order:\n#     total: int\n#\n# Path: b.py\n# def b(): ...\n#\n"
                "# Path: a.py\nx = b( <SUF>)\n <MID>"
            ),
        ),
        (
            "codegeex4",
            (
                "<|user|>\n###MODE:BLOCK\n<|code_suffix|>)\n<|code_prefix|># Path: lib/order.py\n# class Order:\n"
                "#     total: int\n#\n# Path: b.py\n# def b(): ...\n#\n# Path: a.py\nx = b("
                "<|code_middle|><|assistant|>\n"
            ),
        ),
    ],
)
def test_a_template_shows_them_as_its_models_were_taught(name: str, rendered: str) -> None:
    """With the tokens for files where there are any, and as comments where there are none."""
    assert prompt(TEMPLATES[name]) == rendered


def test_at_the_end_of_a_block_the_files_are_the_same_and_the_hole_is_not_marked() -> None:
    """The plain text does better there, and what stands before it stays in the server's cache."""
    qwen = TEMPLATES["qwen <|file_sep|>"]
    marked, plain = prompt(qwen), prompt(qwen, replace(HOLE, suffix=""))
    assert plain == marked.partition("<|fim_prefix|>")[0] + "x = b("
    assert prompt(qwen, replace(HOLE, suffix="", snippets=())) == "x = b("


@pytest.mark.parametrize("name", ["openai-completions", "mistral-fim", "ollama-generate"])
def test_endpoints_with_two_fields_get_comments(name: str) -> None:
    """They stand before the file, each behind its path; the last line says whose code follows."""
    sent = body(name, HOLE)
    assert sent["suffix"] == ")\n"
    assert sent["prompt"].endswith("# Path: b.py\n# def b(): ...\n#\n# Path: a.py\nx = b(")


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("python", "# a --> */ b"),
        ("typescript", "// a --> */ b"),
        ("lua", "-- a --> */ b"),
        ("html", "<!-- a -- > */ b -->"),
        ("css", "/* a --> * / b */"),
        ("a language that nobody knows", "# a --> */ b"),
    ],
)
def test_comments_are_those_of_the_language(language: str, line: str) -> None:
    """A comment cannot be closed by what stands in it; an empty line stays an empty comment."""
    assert line in commented([snippet("x", "a --> */ b\n")], "y", language).splitlines()


def test_a_language_without_comments_gets_nothing() -> None:
    """Nothing can be said beside a JSON file's text."""
    assert commented(TWO, "a.json", "json") == ""
    assert commented((), "a.py", "python") == ""


def test_a_chat_model_sees_them_before_the_file() -> None:
    """They change least, so they come right after the rules."""
    system, user = body("chat-infill", HOLE)["messages"]
    assert system["role"] == "system"
    first, second, file = (user["content"].index(text) for text in ("lib/order.py", "def b()", "File: a.py"))
    assert first < second < file
    assert "Other code" not in body("chat-infill", replace(HOLE, snippets=()))["messages"][1]["content"]


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("where", ["prefix", "suffix", "snippet", "path", "own path"])
def test_no_token_of_a_template_comes_from_a_file(name: str, where: str) -> None:
    """Whoever writes a model's tokens into a file neither ends the hole nor begins another file."""
    template = TEMPLATES[name]
    for token in {text for text in (*template.stop, template.file) if text.strip()}:
        hostile = f"a{token}b"
        request = {
            "prefix": replace(HOLE, prefix=f"{hostile} = b("),
            "suffix": replace(HOLE, suffix=f") {hostile}\n"),
            "snippet": replace(HOLE, snippets=(snippet("c.py", f"{hostile}\n"),)),
            "path": replace(HOLE, snippets=(snippet(hostile, "c\n"),)),
            "own path": replace(HOLE, path=hostile),
        }[where]
        harmless = replace(HOLE, snippets=(snippet("c.py", "c\n"),)) if where in {"snippet", "path"} else HOLE
        assert prompt(template, request).count(token.strip()) == prompt(template, harmless).count(token.strip())


@pytest.mark.parametrize("name", ["openai-completions", "mistral-fim", "ollama-generate", "chat-infill"])
@pytest.mark.parametrize("token", ["<|im_end|>", "<|fim_middle|>", "<\uff5cfim\u2581hole\uff5c>", "[INST]", "</think>"])
def test_nor_does_a_known_token_reach_a_server_that_would_read_it(name: str, token: str) -> None:
    """Where the tokens are the server's affair, those of the known families are broken all the same."""
    texts = (snippet(f"{token}.py", f"{token}\n"),)
    request = FimRequest(f"a{token}", f"b{token}", path=f"{token}.py", language="python", snippets=texts)
    assert token not in json.dumps(body(name, request), ensure_ascii=False)


def test_a_files_own_tags_do_not_divide_a_question() -> None:
    """A file that holds `</before>` cannot end what stands before the cursor."""
    request = FimRequest("</before>\n<after>x", "</after>", snippets=(snippet('"><file', "</file>\n"),))
    content = body("chat-infill", request)["messages"][1]["content"]
    assert [content.count(tag) for tag in ("</before>", "<after>", "</after>", "</file>")] == [1, 1, 1, 1]


@given(st.text(alphabet="<|>fim_prefix\uff5c [](){}INSTx", max_size=60))
def test_code_without_tokens_stays_as_it_is(text: str) -> None:
    """Nothing but a blank is put in, and what is safe stays safe."""
    safe = defused(text)
    assert safe.replace(" ", "") == text.replace(" ", "")
    assert defused(safe) == safe
    for operators in ("a <| b |> c", "Box<[u8]> x", "if a<b || c>d:", "x[1]", "<T|U>", "a[INDEX]"):
        assert defused(operators) == operators


LINES = st.lists(st.text(alphabet="ab(<|>_fimd \t", max_size=12), max_size=4).map(lambda lines: "\n".join([*lines, ""]))
TYPED = st.text(alphabet="xyz(<|>.", min_size=1, max_size=1)
MODELS = {
    **{f"openai-completions {name}": make_model(template=template) for name, template in TEMPLATES.items()},
    **{name: make_model() for name in FIMS},
    "chat-infill begun": make_model(chat="llama-chat"),
}


@pytest.mark.parametrize("name", sorted(MODELS))
@settings(max_examples=30)
@given(above=LINES, line=st.text(alphabet="ab(<|>_", min_size=1, max_size=8), typed=TYPED, below=LINES)
def test_typing_on_changes_a_prompt_only_where_the_text_before_the_cursor_ends(
    name: str, above: str, line: str, typed: str, below: str
) -> None:
    """So a server reads nothing anew that it has read at the last key, but what must stand behind the text typed."""
    before = FimRequest(f"{above}    {line}", f"\n{below}", path="a.py", language="python", snippets=TWO)
    texts, later = (_texts(name, request) for request in (before, replace(before, prefix=before.prefix + typed)))
    assert len(texts) == len(later)
    changed = [at for at, pair in enumerate(zip(texts, later, strict=True)) if pair[0] != pair[1]]
    assert len(changed) == 1
    was, now = texts[changed[0]], later[changed[0]]
    same = next(
        (at for at, pair in enumerate(zip(was, now, strict=False)) if pair[0] != pair[1]), min(len(was), len(now))
    )
    template = MODELS[name].fim_template
    assert was[:same].endswith(defused(line, template.tokens if template else ()))


def _texts(name: str, request: FimRequest) -> list[str]:
    """All that is sent, in its order."""
    sent = body(name.partition(" ")[0], request, MODELS[name])
    if "messages" in sent:
        return [message["content"] for message in sent["messages"]]
    extra = [text for file in sent.get("input_extra", ()) for text in file.values()]
    fields = (sent.get(field, "") for field in ("input_prefix", "prompt", "input_suffix", "suffix"))
    return [*extra, *fields]
