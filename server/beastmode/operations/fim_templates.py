"""The known families of templates for holes, read from fim_templates.toml: a new family is a new row there."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from beastmode.domain.model import FimTemplate


@dataclass(frozen=True, slots=True)
class Family:
    """A family's short name, the models it is known from, and its template.

    `with_files`: the template with the tokens for other files that some of its models have.
    """

    name: str
    title: str
    template: FimTemplate
    with_files: tuple[FimTemplate, ...] = ()


@cache
def families() -> tuple[Family, ...]:
    """All families; read once, as they come with the program."""
    rows = tomllib.loads(Path(__file__).with_name("fim_templates.toml").read_text("utf-8"))
    return tuple(_family(name, row) for name, row in rows.items())


def _family(name: str, row: dict[str, Any]) -> Family:
    told = {field: value for field, value in row.items() if field not in {"title", "files"}}
    template = FimTemplate(**told | {"stop": tuple(row["stop"])})
    return Family(name, row["title"], template, tuple(replace(template, **files) for files in row.get("files", ())))


def same_tokens(one: FimTemplate, other: FimTemplate) -> bool:
    """Whether two templates write the same prompt for a hole in one file; their stops may differ."""
    return (one.prefix, one.suffix, one.middle, one.suffix_first) == (
        *(other.prefix, other.suffix, other.middle),
        other.suffix_first,
    )


def family_of(template: FimTemplate) -> Family | None:
    """The family with these tokens."""
    return next((family for family in families() if same_tokens(family.template, template)), None)


def template_name(template: FimTemplate) -> str:
    """The family with these tokens, or the tokens themselves where none has them."""
    known = family_of(template)
    return known.name if known else f"{template.prefix}…{template.suffix}…{template.middle}"


@cache
def all_marks() -> frozenset[str]:
    """Every token of every family, without the blanks around it: none of them may stand in an answer."""
    every = (t for family in families() for t in (family.template, *family.with_files))
    marks = {token.strip() for t in every for token in (t.prefix, t.suffix, t.middle, t.file, *t.stop)}
    return frozenset(marks - {""})
