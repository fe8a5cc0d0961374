"""What a person fills in to register a model: the fields, what may be written in each, and the row it makes.

The editor's form, the terminal and the HTTP interface ask for these fields and report these problems; none of them
knows more about a field than this file says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Literal

from beastmode.domain.errors import InvalidModel
from beastmode.domain.model import BUILTIN_ID, ModelSpec
from beastmode.domain.usage import Price
from beastmode.registry.endpoint_url import insecure_key_problem, problem_of
from beastmode.registry.price_field import read_price
from beastmode.registry.providers import UPSTREAM_ID, load_providers, offered_providers
from beastmode.registry.rows import PREFIX

_CONTEXT_WINDOW = 8192
_MAX_TOKENS = 4000
_TEMPERATURE = 0.2
_MAX_NAME = 100
_MAX_DESCRIPTION = 1000
_MAX_KEY = 4096
_MAX_COUNT = 100_000_000
_MIN_CONTEXT = 256
_MAX_TEMPERATURE = 2.0
_MAX_CONCURRENT = 1024
EDIT_FORMATS = ("search-replace", "unified-diff", "whole-file")
"""How a model may say what is to change in files, the usual one first; tasks/edits reads them."""


@dataclass(frozen=True, slots=True)
class FormField:
    """One question. `choices` are (value, title) pairs; `default` is the value where nothing is entered."""

    name: str
    title: str
    prompt: str
    kind: Literal["text", "secret", "choice", "number"] = "text"
    placeholder: str = ""
    default: str = ""
    optional: bool = False
    choices: tuple[tuple[str, str], ...] = ()


FORM: tuple[FormField, ...] = (
    FormField("model_name", "Name", "What to call the model", placeholder="My Code Model"),
    FormField(
        "model_id",
        "Model id",
        "The id that the endpoint knows the model by; here it becomes custom:<id>",
        placeholder="my-code-model",
    ),
    FormField(
        "endpoint_url",
        "Endpoint URL",
        "Where the model answers: the base address or the full path",
        placeholder="http://127.0.0.1:8080/v1",
    ),
    FormField(
        "provider",
        "Provider type",
        "What kind of server it is",
        kind="choice",
        default="openai-compatible",
        choices=tuple((provider.id, provider.title) for provider in offered_providers()),
    ),
    FormField(
        "api_key", "API key", "Stored encrypted; leave empty where the server needs none", kind="secret", optional=True
    ),
    FormField("description", "Description", "A note for yourself", optional=True),
    FormField(
        "context_window",
        "Context window",
        "How many tokens the model sees at once",
        kind="number",
        default=str(_CONTEXT_WINDOW),
        optional=True,
    ),
    FormField(
        "max_tokens",
        "Max tokens",
        "How many tokens an answer may have",
        kind="number",
        default=str(_MAX_TOKENS),
        optional=True,
    ),
    FormField(
        "temperature",
        "Temperature",
        "0 is the most predictable, 2 the least",
        kind="number",
        default=str(_TEMPERATURE),
        optional=True,
    ),
    FormField(
        "price",
        "Price",
        "US dollars per million tokens: input/output or input/output/cache, one number for both; "
        "or per hour of your own GPU: 2.5/hour; 0 for free, empty for unknown",
        placeholder="0.5/1.5",
        optional=True,
    ),
)


def check_field(name: str, value: object) -> str | None:
    """What is wrong with one field as it stands, and the fix; None where nothing is. Never raises."""
    read = _READERS.get(name)
    if read is None:
        return f"is not a field; the fields are {', '.join(_READERS)}"
    try:
        read(value)
    except ValueError as error:
        return str(error)
    return None


def parse(fields: Mapping[str, object], today: date | None = None) -> tuple[ModelSpec, str | None]:
    """The row and the key that filled-in fields make. Formats are the provider's first; a test of the model may better.

    Args:
        fields: by name, as text or as JSON values; a missing one has its default.
        today: the date of the price; the current one (UTC) by default.

    Raises:
        InvalidModel: with every problem, by field.
    """
    if not isinstance(fields, Mapping):
        raise InvalidModel({"fields": "must be an object with the fields of a registration"})
    problems = {
        str(name): problem for name in fields if name not in _READERS and (problem := check_field(str(name), ""))
    }
    read: dict[str, object] = {}
    for name, reader in _READERS.items():
        try:
            read[name] = reader(fields.get(name))
        except ValueError as error:
            problems[name] = str(error)
    if problems:
        raise InvalidModel(problems)
    return _spec(read, today or datetime.now(UTC).date())


def fields_of(model: ModelSpec) -> dict[str, object]:
    """A row as the fields that would make it; without its key, and without its price."""
    names = ("description", "context_window", "max_tokens", "temperature", "local_only", "max_concurrent", "prefill")
    return {name: getattr(model, name) for name in (*names, "edit_format", "endpoint_url", "provider")} | {
        "model_id": model.id,
        "model_name": model.name,
    }


def _spec(read: dict[str, object], today: date) -> tuple[ModelSpec, str | None]:
    url, model_id, key = str(read["endpoint_url"]), str(read["model_id"]), read["api_key"]
    window, longest = read["context_window"], read["max_tokens"]
    window = window if isinstance(window, int) else _CONTEXT_WINDOW
    problems: dict[str, str] = {}
    if isinstance(longest, int) and longest > window:
        problems["max_tokens"] = f"{longest} is more than the context window of {window}; enter less"
    if isinstance(key, str) and (problem := insecure_key_problem(url)):
        problems["api_key"] = problem
    if problems:
        raise InvalidModel(problems)
    provider = load_providers()[str(read["provider"])]
    price, concurrent, prefill = read["price"], read["max_concurrent"], read["prefill"]
    edit_format = read["edit_format"]
    spec = ModelSpec(
        id=PREFIX + model_id,
        name=str(read["model_name"]),
        provider=provider.id,
        endpoint_url=url,
        upstream_id=model_id,
        chat_format=next(iter(provider.chat_formats), None),
        fim_format=next(iter(provider.fim_formats), None),
        description=str(read["description"]),
        context_window=window,
        max_tokens=longest if isinstance(longest, int) else min(_MAX_TOKENS, window // 2),
        temperature=float(str(read["temperature"])),
        price=replace(price, as_of=today) if isinstance(price, Price) else None,
        has_key=isinstance(key, str),
        local_only=read["local_only"] is True,
        max_concurrent=concurrent if isinstance(concurrent, int) else None,
        prefill=prefill if isinstance(prefill, bool) else None,
        edit_format=edit_format if isinstance(edit_format, str) else None,
    )
    return spec, key if isinstance(key, str) else None


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError("must be text")  # noqa: TRY004 - a problem for the user, as every other one here
    return value.strip()


def _line(value: object, longest: int) -> str:
    text = _text(value)
    if len(text) > longest:
        raise ValueError(f"is longer than {longest} characters; shorten it")
    if not text.isprintable():
        raise ValueError("contains an unprintable character; remove it")
    return text


def _name(value: object) -> str:
    text = _line(value, _MAX_NAME)
    if not text:
        raise ValueError("is empty; enter a name")
    return text


def _model_id(value: object) -> str:
    text = _text(value).removeprefix(PREFIX)
    if not text:
        raise ValueError("is empty; enter the id that the endpoint knows the model by")
    if not UPSTREAM_ID.fullmatch(text):
        raise ValueError("may hold up to 128 letters, digits and . _ : / @ + - and starts with a letter or digit")
    if PREFIX + text.lower() == BUILTIN_ID:
        raise ValueError("is the id of the built-in model; choose another")
    return text


def _endpoint_url(value: object) -> str:
    text = _text(value)
    problem = problem_of(text)
    if problem:
        raise ValueError(problem)
    return text.rstrip("/")


def _provider(value: object) -> str:
    text = _text(value) or "openai-compatible"
    offered = [provider.id for provider in offered_providers()]
    if text not in offered:
        raise ValueError(f"is not a provider type; choose one of {', '.join(offered)}")
    return text


def _key(value: object) -> str | None:
    text = _text(value)
    if len(text) > _MAX_KEY:
        raise ValueError(f"is longer than {_MAX_KEY} characters; paste the key alone")
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise ValueError("contains a space or a character that no header can carry; paste the key alone")
    return text or None


def _description(value: object) -> str:
    return _line(value, _MAX_DESCRIPTION)


def _count(value: object, least: int, most: int = _MAX_COUNT) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str | None):
        text = _text(value)
        if not text:
            return None
        value = int(text) if re.fullmatch(r"[0-9]{1,12}", text) else None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"must be a whole number from {least} to {most}")
    return value


def _context_window(value: object) -> int | None:
    return _count(value, _MIN_CONTEXT)


def _max_tokens(value: object) -> int | None:
    return _count(value, 1)


def _temperature(value: object) -> float:
    if isinstance(value, str | None):
        text = _text(value)
        if not text:
            return _TEMPERATURE
        value = float(text) if re.fullmatch(r"[0-9]{0,3}\.?[0-9]{1,12}", text) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MAX_TEMPERATURE:
        raise ValueError("must be a number from 0 to 2, such as 0.2")
    return float(value)


def _price(value: object) -> Price | None:
    return read_price(value, date.min)  # the day is put in where the row is made


def _truth(value: object) -> bool | None:
    known = {"": None, "false": False, "no": False, "true": True, "yes": True}
    text = str(value).lower() if isinstance(value, bool) else _text(value).lower()
    if text not in known:
        raise ValueError("must be true or false")
    return known[text]


def _local_only(value: object) -> bool:
    return _truth(value) is True


def _max_concurrent(value: object) -> int | None:
    return _count(value, 1, _MAX_CONCURRENT)


def _edit_format(value: object) -> str | None:
    if value is None or value == "":
        return None
    if value not in EDIT_FORMATS:
        raise ValueError(f"must be one of {', '.join(EDIT_FORMATS)}; leave it empty for {EDIT_FORMATS[0]}")
    return str(value)


_READERS = {
    "model_name": _name,
    "model_id": _model_id,
    "endpoint_url": _endpoint_url,
    "provider": _provider,
    "api_key": _key,
    "description": _description,
    "context_window": _context_window,
    "max_tokens": _max_tokens,
    "temperature": _temperature,
    "price": _price,
    # Not asked for by the form: few models need them, and a form of twelve questions is not filled in.
    "local_only": _local_only,
    "max_concurrent": _max_concurrent,
    "prefill": _truth,
    "edit_format": _edit_format,
}
