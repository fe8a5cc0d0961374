import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.domain.errors import InvalidModel
from beastmode.domain.model import ModelSpec
from beastmode.domain.usage import Price
from beastmode.registry.price_field import price_text, read_price
from beastmode.registry.registration import FORM, check_field, parse

TODAY = date(2026, 1, 2)
SPECIFIED: dict[str, object] = {
    "model_name": "My Code Model",
    "model_id": "my-code-model",
    "endpoint_url": "https://your-model-api.com/v1/chat/completions",
    "provider": "openai-compatible",
    "api_key": "your-api-key",
    "description": "Custom model for code generation",
    "context_window": 8192,
    "max_tokens": 4000,
    "temperature": 0.7,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


def problems(**fields: object) -> dict[str, str]:
    with pytest.raises(InvalidModel) as caught:
        parse(SPECIFIED | fields)
    return caught.value.problems


def test_the_registration_of_the_specification() -> None:
    """The specification's own example makes the row it describes."""
    assert parse(SPECIFIED, TODAY) == (
        ModelSpec(
            id="custom:my-code-model",
            name="My Code Model",
            provider="openai-compatible",
            endpoint_url="https://your-model-api.com/v1/chat/completions",
            upstream_id="my-code-model",
            chat_format="openai-chat",
            fim_format="openai-completions",
            description="Custom model for code generation",
            context_window=8192,
            max_tokens=4000,
            temperature=0.7,
            has_key=True,
        ),
        "your-api-key",
    )


def test_a_form_of_texts_means_the_same_as_json() -> None:
    """An input box gives text, an HTTP client gives numbers: the same row."""
    texts = {name: f" {value} " for name, value in SPECIFIED.items()}
    assert parse(texts, TODAY) == parse(SPECIFIED, TODAY)


def test_what_is_left_out_has_its_default() -> None:
    """Name, id and address suffice; the defaults are those that the form shows."""
    spec, key = parse({"model_name": "m", "model_id": "m", "endpoint_url": "http://localhost:8080/v1/"})
    shown = {field.name: field.default for field in FORM}
    assert key is None
    assert not spec.has_key
    assert spec.endpoint_url == "http://localhost:8080/v1"
    assert spec.price is None
    assert (spec.provider, str(spec.context_window), str(spec.max_tokens), str(spec.temperature)) == (
        shown["provider"],
        shown["context_window"],
        shown["max_tokens"],
        shown["temperature"],
    )


def test_a_small_context_window_lowers_the_default_of_max_tokens() -> None:
    """A default never contradicts what the user entered."""
    spec, _ = parse(SPECIFIED | {"context_window": 2048, "max_tokens": ""})
    assert spec.max_tokens == 1024


def test_the_form_asks_for_exactly_the_fields_of_the_specification() -> None:
    """And for the price; in this order, the key hidden."""
    assert [field.name for field in FORM] == [*SPECIFIED, "price"]
    assert [field.name for field in FORM if field.kind == "secret"] == ["api_key"]
    assert "custom:" not in "".join(field.default for field in FORM)


def test_every_default_of_the_form_is_valid() -> None:
    """What is shown as a default, or as a choice, is accepted."""
    for field in FORM:
        if field.default:
            assert check_field(field.name, field.default) is None
        for value, _title in field.choices:
            assert check_field(field.name, value) is None
        assert field.optional == (check_field(field.name, "") is None) or field.default


@pytest.mark.parametrize(
    ("given_id", "expected"),
    [
        ("my-model", "custom:my-model"),
        ("custom:my-model", "custom:my-model"),
        ("qwen2.5-coder:1.5b", "custom:qwen2.5-coder:1.5b"),
        ("Qwen/Qwen2.5-Coder-7B", "custom:Qwen/Qwen2.5-Coder-7B"),
    ],
)
def test_ids_of_real_servers_are_accepted(given_id: str, expected: str) -> None:
    """The id is what the endpoint calls the model; `custom:` in front is not doubled."""
    spec, _ = parse(SPECIFIED | {"model_id": given_id})
    assert (spec.id, spec.upstream_id) == (expected, expected.removeprefix("custom:"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.5/1.5", ("0.5", "1.5")),
        (" $0.5 / $1.50 ", ("0.5", "1.50")),
        ("2", ("2", "2")),
        (2, ("2", "2")),
        (0.0000001, ("0.0000001", "0.0000001")),
        ("0", ("0", "0")),
        (0, ("0", "0")),
        (".5", ("0.5", "0.5")),
        ("", None),
        (None, None),
    ],
)
def test_prices(text: object, expected: tuple[str, str] | None) -> None:
    """Two numbers, one for both, nothing for unknown, and 0 for free: free is not unknown."""
    price = parse(SPECIFIED | {"price": text}, TODAY)[0].price
    assert price == (expected and Price(Decimal(expected[0]), Decimal(expected[1]), TODAY, "user"))


@pytest.mark.parametrize(
    ("text", "expected", "shown"),
    [
        ("0.5/1.5/0.05", Price(Decimal("0.5"), Decimal("1.5"), TODAY, "user", Decimal("0.05")), "0.5/1.5/0.05"),
        ("2.5/hour", Price(Decimal(0), Decimal(0), TODAY, "user", gpu_hour=Decimal("2.5")), "2.5/hour"),
        (" $2.5 / Hour", Price(Decimal(0), Decimal(0), TODAY, "user", gpu_hour=Decimal("2.5")), "2.5/hour"),
        ("2", Price(Decimal(2), Decimal(2), TODAY, "user"), "2/2"),
        ("0", Price(Decimal(0), Decimal(0), TODAY, "user"), "0/0"),
        ("0.0000001", Price(Decimal("1E-7"), Decimal("1E-7"), TODAY, "user"), "0.0000001/0.0000001"),
    ],
)
def test_a_price_is_shown_as_it_is_written(text: str, expected: Price, shown: str) -> None:
    """Cached tokens and GPU hours too; what is shown can be entered again and means the same."""
    assert parse(SPECIFIED | {"price": text}, TODAY)[0].price == expected
    assert price_text(expected) == shown
    assert read_price(shown, TODAY) == expected


def test_rare_fields_can_be_given_but_are_not_asked_for() -> None:
    """Without them a model may fall back anywhere, and its endpoint takes what comes."""
    spec, _ = parse(SPECIFIED)
    assert (spec.local_only, spec.max_concurrent, spec.prefill) == (False, None, None)
    for entered in (
        {"local_only": True, "max_concurrent": 2, "prefill": False},
        {"local_only": "true", "max_concurrent": "2", "prefill": "no"},
    ):
        spec, _ = parse(SPECIFIED | entered)
        assert (spec.local_only, spec.max_concurrent, spec.prefill) == (True, 2, False)
    assert {"local_only", "max_concurrent", "prefill"}.isdisjoint(field.name for field in FORM)


WRONG: list[tuple[str, object, str]] = [
    ("model_name", "", "empty"),
    ("model_name", "a" * 101, "longer"),
    ("model_name", "a\x1b[31m", "unprintable"),
    ("model_name", 5, "must be text"),
    ("model_id", "", "empty"),
    ("model_id", "custom:", "empty"),
    ("model_id", "my model", "letters, digits"),
    ("model_id", "-rf", "starts with"),
    ("model_id", "a" * 129, "128"),
    ("model_id", "builtin", "built-in"),
    ("model_id", "custom:BuiltIn", "built-in"),
    ("endpoint_url", "", "empty"),
    ("endpoint_url", "http://169.254.169.254/v1", "metadata"),
    ("endpoint_url", ["http://localhost"], "must be text"),
    ("provider", "openai", "choose one of openai-compatible, anthropic-compatible"),
    ("provider", "builtin", "choose one of"),
    ("api_key", "two words", "header"),
    ("api_key", "key\r\nX-Other: 1", "header"),
    ("api_key", "schlüssel", "header"),
    ("api_key", "k" * 5000, "longer"),
    ("description", "d" * 1001, "longer"),
    ("context_window", 0, "whole number"),
    ("context_window", "8k", "whole number"),
    ("context_window", 8192.5, "whole number"),
    ("context_window", True, "whole number"),
    ("context_window", float("nan"), "whole number"),
    ("context_window", "9" * 5000, "whole number"),
    ("context_window", "٨١٩٢", "whole number"),
    ("max_tokens", -1, "whole number"),
    ("max_tokens", 9000, "more than the context window of 8192"),
    ("temperature", 2.1, "from 0 to 2"),
    ("temperature", "hot", "from 0 to 2"),
    ("temperature", float("nan"), "from 0 to 2"),
    ("temperature", False, "from 0 to 2"),
    ("price", "cheap", "input/output"),
    ("price", "1/2/3/4", "input/output"),
    ("price", "1/2/hour", "input/output"),
    ("price", "/hour", "input/output"),
    ("price", "1/", "input/output"),
    ("local_only", "maybe", "true or false"),
    ("local_only", 1, "must be text"),
    ("max_concurrent", 0, "whole number from 1 to 1024"),
    ("prefill", "perhaps", "true or false"),
    ("price", "1/", "input/output"),
    ("price", -1, "input/output"),
    ("price", float("inf"), "input/output"),
    ("price", 10**400, "input/output"),
    ("price", True, "must be text"),
    ("modell_id", "x", "is not a field"),
]


@pytest.mark.parametrize(("name", "value", "words"), WRONG)
def test_a_wrong_field_is_named_with_its_reason(name: str, value: object, words: str) -> None:
    """One problem, at the field that has it."""
    found = problems(**{name: value})
    assert list(found) == [name]
    assert words in found[name]


@pytest.mark.parametrize(("name", "value", "words"), [case for case in WRONG if "context window" not in case[2]])
def test_the_form_says_the_same_at_once(name: str, value: object, words: str) -> None:
    """What `parse` refuses of a single field, `check_field` refuses while it is entered."""
    assert words in (check_field(name, value) or "")


def test_all_problems_come_at_once() -> None:
    """Nobody mends one field after the other."""
    assert set(problems(model_id="", endpoint_url="x", temperature=9)) == {"model_id", "endpoint_url", "temperature"}


def test_a_key_is_refused_over_plain_http_to_a_public_host() -> None:
    """The same address without a key is fine."""
    url = "http://api.example.com/v1"
    assert "unencrypted" in problems(endpoint_url=url)["api_key"]
    assert parse(SPECIFIED | {"endpoint_url": url, "api_key": ""})[1] is None


def test_no_problem_repeats_the_key() -> None:
    """A key that was pasted into the right or the wrong field does not come back in the error."""
    for name in SPECIFIED:
        assert "sk-secret" not in str(InvalidModel(problems(**{name: "sk-secret \x00"})))


@pytest.mark.parametrize("fields", [None, [], "text", 5])
def test_what_is_no_object_is_refused(fields: object) -> None:
    """A caller who sends another shape learns so."""
    with pytest.raises(InvalidModel, match="must be an object"):
        parse(fields)  # type: ignore[arg-type]  # that is the point


@settings(deadline=None)  # the machine may be busy
@given(st.dictionaries(st.sampled_from([*SPECIFIED, "price"]) | st.text(), JSON), st.booleans())
def test_no_json_breaks_it(fields: dict[str, object], complete: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    """Any JSON object gives a row or InvalidModel, and a row is one that JSON can carry."""
    try:
        spec, _ = parse((SPECIFIED if complete else {}) | fields)
    except InvalidModel:
        pass
    else:
        assert spec.origin
        json.dumps([spec.name, spec.temperature, spec.max_tokens], allow_nan=False)


@settings(deadline=None)  # the machine may be busy
@given(st.text(), JSON)
def test_no_value_breaks_a_field(name: str, value: object) -> None:
    """`check_field` answers for any name and any value."""
    for each in (name, *SPECIFIED, "price"):
        check_field(each, value)
