"""A model in a few lines: it chats, and fills the doctor's holes in whichever way it is told to understand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.operations.holes import HOLES

if TYPE_CHECKING:
    from tests.support.model_server import Asked

    from beastmode.domain.model import FimTemplate
    from beastmode.operations.holes import Hole

PROSE = "I would write: "


@dataclass(frozen=True)
class Scripted:
    """What the model understands; whatever it does not, it answers as a language model does: with more of the same."""

    suffix: bool = False
    template: FimTemplate | None = None
    infill: bool = False
    chat: bool = False
    prefill: bool = False
    echoes: bool = False
    """A begun answer is sent along with what is new."""
    prefill_field: str = ""
    """A field of the body without which a begun answer is begun anew."""

    def __call__(self, asked: Asked) -> str:
        if "messages" in asked.body:
            return self._chat(asked)
        prompt = str(asked.body.get("prompt", ""))
        if asked.path.endswith("infill"):
            known = _hole(str(asked.body["input_prefix"]), str(asked.body["input_suffix"]))
            return known.filling if known and self.infill else PROSE
        if self.suffix and asked.body.get("suffix"):
            known = _hole(prompt, str(asked.body["suffix"]))
            return known.filling if known else PROSE
        if self.template is not None:
            prefix, suffix, middle = map(re.escape, (self.template.prefix, self.template.suffix, self.template.middle))
            before, after = f"{prefix}(?P<before>.*?)", f"{suffix}(?P<after>.*?)"
            order = after + before if self.template.suffix_first else before + after
            found = re.fullmatch(order + middle, prompt, re.DOTALL)
            known = _hole(found["before"], found["after"]) if found else None
            if known:
                return known.filling
        return _more_of_the_same(prompt)

    def _chat(self, asked: Asked) -> str:
        last = asked.body["messages"][-1]
        said = last["content"] if isinstance(last["content"], str) else last["content"][0]["text"]
        if last["role"] == "assistant" and said.startswith("41 42"):
            goes_on = self.prefill and (not self.prefill_field or self.prefill_field in asked.body)
            return f"{said if self.echoes else ''} 45 46 47" if goes_on else "1 2 3 4 5 6 7 8 9"
        if said.startswith("Count"):
            return " ".join(map(str, range(1, 31)))
        if last["role"] == "assistant":
            said = asked.body["messages"][-2]["content"]
        after = re.search(r"<after>(.*)</after>", said, re.DOTALL)
        known = after and next((hole for hole in HOLES if hole.suffix == after[1]), None)
        return known.filling if known and self.chat else "ready"


def _hole(prefix: str, suffix: str) -> Hole | None:
    """Blanks at the end of the text before count for nothing, as they are held back."""
    return next((hole for hole in HOLES if (hole.prefix.rstrip(), hole.suffix) == (prefix.rstrip(), suffix)), None)


def _more_of_the_same(prompt: str) -> str:
    """The first twin's filling to the text before a hole, else the template's own tokens, as models do."""
    known = next((hole for hole in HOLES if hole.prefix.rstrip() == prompt.rstrip()), None)
    return f"{known.filling}{known.suffix}" if known else prompt[-12:]
