"""A provider and a model are rows of data: what they are called, where they answer, which format they speak."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from beastmode.domain.usage import Price

BUILTIN_ID = "custom:builtin"

MOST_URLS = 256
"""Whose parts are remembered: each request asks for those of its own several times."""

Auth = Literal["bearer", "x-api-key", "none"]


@dataclass(frozen=True, slots=True)
class Provider:
    """A kind of endpoint: how it is authenticated and which formats it may speak, best first.

    `chat_formats` (for messages) and `fim_formats` (for a hole in a file) name files of wire/. A hosted provider has a
    `base_url` of its own and may have its key in the environment variable `key_variable`; its models need no row
    (`openai:gpt-4`). `is_paid`: a request costs money unless the model's price says otherwise. `prefill`: an answer
    whose beginning is given as the last message is continued, not begun anew, in the first of `chat_formats`. `embeds`:
    it answers at OpenAI's path for embeddings, with the models that are for it.
    """

    id: str
    title: str
    auth: Auth
    chat_formats: tuple[str, ...]
    fim_formats: tuple[str, ...]
    base_url: str | None = None
    key_variable: str | None = None
    is_paid: bool = False
    prefill: bool = False
    embeds: bool = False


@dataclass(frozen=True, slots=True)
class FimTemplate:
    """How a model that sees one prompt string marks a hole, and other files before it.

    Attributes:
        prefix, suffix, middle: the tokens before the text before the hole, before the text after it, before the answer.
        stop: what must never reach a file.
        suffix_first: the text after the hole is told before the text before it.
        repository: what stands once before all files, where any other file is shown; a whole line, or ''.
        file: what stands before a file's path; '' where the model was never shown more than one file.
        inside: what of it stands behind the `prefix` token: nothing (''), the hole's own path (`path`), or that and all
            other files (`files`).
    """

    prefix: str
    suffix: str
    middle: str
    stop: tuple[str, ...] = ()
    suffix_first: bool = False
    repository: str = ""
    file: str = ""
    inside: Literal["", "path", "files"] = ""

    @property
    def tokens(self) -> tuple[str, ...]:
        """All that means something to the model and must not come from a file."""
        return (self.prefix, self.suffix, self.middle, *self.stop, self.repository, self.file)

    def render(self, prefix: str, suffix: str, *, outside: str = "", inside: str = "") -> str:
        """The prompt. `outside` is told before the hole, `inside` right behind the `prefix` token."""
        before, after = f"{self.prefix}{inside}{prefix}", f"{self.suffix}{suffix}"
        return outside + (after + before if self.suffix_first else before + after) + self.middle


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model that can be asked.

    Attributes:
        id: `custom:my-code-model`, unique.
        name: for people.
        provider: id of a `Provider` row.
        endpoint_url: a base (`…/v1`) or the full path; both work.
        upstream_id: what the endpoint itself calls the model.
        chat_format: a file of wire/ for messages; None where the model cannot chat.
        fim_format: a file of wire/ for completing code; None where it cannot.
        fim_template: for formats that send one prompt string.
        context_window, max_tokens: tokens.
        price: None where the user gave none.
        has_key: whether a sealed key is stored for this model.
        local_only: a request for this model never moves on to one that is not on this machine.
        max_concurrent: how many requests the endpoint can take at once; None where that is not known.
        prefill: whether an answer whose beginning is given as the last message is continued; None: as is usual for the
            format in which the model chats.
        edit_format: how the model is asked to say what is to change: a name of tasks/edits; None: as is usual.
    """

    id: str
    name: str
    provider: str
    endpoint_url: str
    upstream_id: str
    chat_format: str | None
    fim_format: str | None
    fim_template: FimTemplate | None = None
    description: str = ""
    context_window: int = 8192
    max_tokens: int = 4000
    temperature: float = 0.2
    price: Price | None = None
    has_key: bool = False
    local_only: bool = False
    max_concurrent: int | None = None
    prefill: bool | None = None
    edit_format: str | None = None

    @property
    def origin(self) -> str:
        """Scheme, host and port: the only place this model's key may travel to."""
        return origin_of(self.endpoint_url)


def accepts_prefill(model: ModelSpec, provider: Provider) -> bool:
    """Whether the model goes on with an answer that is begun: as its row says, else as its provider usually does."""
    if model.prefill is not None:
        return model.prefill
    return provider.prefill and model.chat_format in provider.chat_formats[:1]


@lru_cache(maxsize=MOST_URLS)
def origin_of(url: str) -> str:
    """`https://host:port` of a URL, with the scheme's default port written out.

    Raises:
        ValueError: the URL has no host, or its port is not a number.
    """
    parts = urlsplit(url)
    if parts.hostname is None:
        raise ValueError(f"{url} has no host")
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}" if port else f"{parts.scheme}://{host}"


@lru_cache(maxsize=MOST_URLS)
def is_loopback(url: str) -> bool:
    """Whether a URL names this machine by a name or an address that cannot mean another one."""
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
