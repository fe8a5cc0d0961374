"""The known families of templates for holes, read from fim_templates.toml: a new family is a new row there."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from beastmode.domain.model import FimTemplate


@dataclass(frozen=True, slots=True)
class Family:
    """A family's short name, the models it is known from, and its template."""

    name: str
    title: str
    template: FimTemplate


@cache
def families() -> tuple[Family, ...]:
    """All families; read once, as they come with the program."""
    rows = tomllib.loads(Path(__file__).with_name("fim_templates.toml").read_text("utf-8"))
    return tuple(
        Family(name, row["title"], FimTemplate(row["prefix"], row["suffix"], row["middle"], tuple(row["stop"])))
        for name, row in rows.items()
    )


def same_tokens(one: FimTemplate, other: FimTemplate) -> bool:
    """Whether two templates write the same prompt; their stops may differ."""
    return (one.prefix, one.suffix, one.middle) == (other.prefix, other.suffix, other.middle)


def template_name(template: FimTemplate) -> str:
    """The family with these tokens, or the tokens themselves where none has them."""
    known = next((family.name for family in families() if same_tokens(family.template, template)), None)
    return known or f"{template.prefix}…{template.suffix}…{template.middle}"


@cache
def all_marks() -> frozenset[str]:
    """Every token of every family, without the blanks around it: none of them may stand in an answer."""
    marks = (family.template for family in families())
    return frozenset(token.strip() for t in marks for token in (t.prefix, t.suffix, t.middle, *t.stop))
