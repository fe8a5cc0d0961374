"""What Anthropic's SDK makes of the gateway; prints it as JSON. Run by the SDK's own Python."""

import json
from typing import Any

import anthropic
from anthropic import Anthropic

client = Anthropic(timeout=30)
ASK: Any = [{"role": "user", "content": "What is a sum?"}]
TOOL: Any = {"name": "read", "description": "Read", "input_schema": {"type": "object"}}
said: dict[str, Any] = {"models": [model.id for model in client.models.list()]}
retried = client.messages.create(model="default", max_tokens=64, messages=ASK)  # which is `flaky`
said["retried"] = [retried.model, retried.content[0].text]  # type: ignore[union-attr]

message = client.messages.create(model="good", max_tokens=64, messages=ASK)
said["chat"] = [message.content[0].text, message.stop_reason, message.usage.output_tokens]  # type: ignore[union-attr]
said["id"] = message._request_id
with client.messages.stream(model="tools", max_tokens=64, messages=ASK, tools=[TOOL]) as stream:
    said["text"] = "".join(stream.text_stream)
    final = stream.get_final_message()
said["blocks"] = [block.type for block in final.content]
said["call"] = next(block.input for block in final.content if block.type == "tool_use")
said["stop_reason"] = final.stop_reason
again: Any = [
    *ASK,
    {"role": "assistant", "content": [block.model_dump() for block in final.content]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": final.content[-1].id, "content": "1 + 1"}]},  # type: ignore[union-attr]
]
said["second_turn"] = client.messages.create(model="good", max_tokens=64, messages=again, tools=[TOOL]).content[0].text  # type: ignore[union-attr]
said["count"] = client.messages.count_tokens(model="good", messages=ASK).input_tokens


def failure(model: str) -> list[Any]:
    """The class of the SDK's error, and its status."""
    try:
        client.messages.create(model=model, max_tokens=64, messages=ASK)
    except anthropic.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.body["error"]["type"]]  # type: ignore[index]
    return ["no error"]


said["errors"] = {name: failure(name) for name in ("nope", "long", "rules")}
try:
    with client.messages.stream(model="broken", max_tokens=64, messages=ASK) as stream:
        stream.until_done()
    said["mid_stream"] = ["no error"]
except anthropic.APIStatusError as error:
    said["mid_stream"] = [type(error).__name__, error.body["error"]["type"]]  # type: ignore[index]
print(json.dumps(said))  # noqa: T201 - what it is for
