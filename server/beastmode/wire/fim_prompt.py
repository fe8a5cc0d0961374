"""A hole in a file as one prompt string: what the formats share that send one. Pure.

It goes from what changes least to what changes most: other files, the file, the hole. While a line is typed, all that
stands before the place where the text before the cursor ends stays the same to the byte, so that a server reads only
what is new. Only a first blank or a line break can change whether the model's template is used at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.wire.comments import commented, one_line
from beastmode.wire.control_tokens import defused

if TYPE_CHECKING:
    from beastmode.domain.model import FimTemplate
    from beastmode.domain.request import FimRequest


def prompt(request: FimRequest, template: FimTemplate) -> str:
    """The text before the hole where that is enough, else both sides in the model's template; other files first.

    Small models do better with the plain text at the end of a block, and the suffix, which stands after the edit, has
    to be read anew at every keystroke. Where the line or the block goes on, only the template knows where to stop.

    Templates with a token for files get them as the model was taught, others as comments. No token that is in the
    template's own list can come from a file.
    """
    prefix, _ = hold_back_blank(request.prefix)
    outside, inside = _files(request, template)
    safe = defused(prefix, template.tokens)
    if not goes_on(prefix, request.suffix):
        return outside + inside + safe
    return template.render(safe, defused(request.suffix, template.tokens), outside=outside, inside=inside)


def before(request: FimRequest) -> str:
    """The text before the hole for endpoints that take both sides apart; other files stand before it as comments."""
    prefix, _ = hold_back_blank(request.prefix)
    return defused(commented(request.snippets, request.path, request.language) + prefix)


def after(request: FimRequest) -> str:
    """The text after the hole for the same endpoints."""
    return defused(request.suffix)


def _files(request: FimRequest, template: FimTemplate) -> tuple[str, str]:
    """What is told of other files and of the file's own path: before the hole, and behind the `prefix` token."""
    if not template.file:
        return "", defused(commented(request.snippets, request.path, request.language), template.tokens)
    if not request.snippets:
        return "", ""
    own = f"{defused(one_line(request.path or 'untitled'), template.tokens)}\n"
    others = template.repository + "".join(
        template.file + defused(f"{one_line(snippet.path)}\n{snippet.text}", template.tokens)
        for snippet in request.snippets
    )
    if template.inside == "files":
        return "", others + template.file + own
    if template.inside == "path":
        return others + template.file, own
    return others + template.file + own, ""


def goes_on(prefix: str, suffix: str) -> bool:
    """Whether text follows that the hole must fit: on its line, or on the next at the same depth or deeper."""
    line_after, _, below = suffix.partition("\n")
    if line_after.strip():
        return True
    next_line = below.partition("\n")[0]
    line_before = prefix[prefix.rfind("\n") + 1 :]
    return bool(next_line.strip()) and _depth(next_line) >= _depth(line_before)


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def hold_back_blank(prefix: str) -> tuple[str, str]:
    """The prefix without its last blank, and that blank ("" where there is none).

    Tokens mostly begin with their blank, so a prompt that ends in one asks for a word that cannot come. Exactly one:
    without its other blanks the model loses the indentation.
    """
    return (prefix[:-1], prefix[-1]) if prefix.endswith((" ", "\t")) else (prefix, "")


def stops(request: FimRequest, template: FimTemplate | None) -> list[str]:
    """Where the model shall stop: what the caller says, and the template's own tokens."""
    return list(dict.fromkeys((*request.stop, *(template.stop if template else ()))))
