"""What OpenAI's SDK makes of the gateway; prints it as JSON. Run by the SDK's own Python."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import openai
from openai import OpenAI

client = OpenAI(timeout=30)
ASK: Any = [{"role": "user", "content": "What is a sum?"}]
TOOL: Any = {"type": "function", "function": {"name": "read", "parameters": {"type": "object"}}}
said: dict[str, Any] = {"models": [model.id for model in client.models.list()]}

whole = client.chat.completions.with_raw_response.create(model="good", messages=ASK)
chat = whole.parse()
said["chat"] = [chat.choices[0].message.content, chat.model, chat.usage and chat.usage.completion_tokens]
said["headers"] = {name: value for name, value in whole.headers.items() if name.startswith("x-beastmode")}
said["id"] = chat._request_id

stream = client.chat.completions.create(
    model="default", messages=ASK, stream=True, stream_options={"include_usage": True}
)
pieces = list(stream)
said["stream"] = ["".join(p.choices[0].delta.content or "" for p in pieces if p.choices), len(pieces)]
said["stream_usage"] = pieces[-1].usage and pieces[-1].usage.completion_tokens

with client.chat.completions.stream(model="tools", messages=ASK, tools=[TOOL]) as events:
    final = events.get_final_completion().choices[0]
calls = final.message.tool_calls or []
said["tools"] = [final.finish_reason, calls[0].function.name, json.loads(calls[0].function.arguments)]

said["completion"] = client.completions.create(model="good", prompt="def f(", suffix=")", max_tokens=32).choices[0].text
answer = client.responses.create(model="good", input="What is a sum?", instructions="Be brief")
said["response"] = [answer.output_text, answer.status, answer.usage and answer.usage.output_tokens]
with client.responses.stream(
    model="tools",
    input="What is a sum?",
    tools=[{"type": "function", "name": "read", "parameters": {}, "strict": False}, {"type": "web_search"}],
) as response_events:
    kinds = [event.type for event in response_events]
    done = response_events.get_final_response()
said["response_stream"] = [kinds[0], kinds[-1], done.output_text, [item.type for item in done.output]]

said["embeddings"] = [one.embedding for one in client.embeddings.create(model="good", input=["abc", "de"]).data]
said["retried"] = client.embeddings.create(model="flaky", input="abc").data[0].embedding
said["steps_in"] = [client.chat.completions.create(model=name, messages=ASK).model for name in ("denied", "down")]


def failure(ask: Callable[[], Any]) -> list[Any]:
    """The class of the SDK's error, its status and its code."""
    try:
        list(ask())
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.code]
    except openai.APIError as error:
        return [type(error).__name__, error.message]
    return ["no error"]


chat_of, vectors_of = client.chat.completions.create, client.embeddings.create
said["errors"] = {
    **{name: failure(partial(chat_of, model=name, messages=ASK)) for name in ("nope", "long", "rules")},
    **{name: failure(partial(vectors_of, model=name, input="abc")) for name in ("denied", "down")},
    "broken": failure(partial(chat_of, model="broken", messages=ASK, stream=True)),
}
try:
    client.with_options(api_key="wrong").models.list()
except openai.AuthenticationError as error:
    said["stranger"] = error.status_code
try:
    client.responses.create(model="good", input="go on", previous_response_id="resp_1")
except openai.BadRequestError as error:
    said["stored"] = error.message
print(json.dumps(said))  # noqa: T201 - what it is for
