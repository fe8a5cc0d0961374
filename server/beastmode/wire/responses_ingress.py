"""OpenAI's Responses as we serve them: a client's request to ours; responses_answer.py is the way back.

Protocol: https://platform.openai.com/docs/api-reference/responses. Nothing is stored here, so
what needs an earlier response to be known is refused, and a client sends the whole conversation, as it does with
`store: false`. Thinking of earlier turns is left out, and fields that our requests have no room for are ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beastmode.domain.request import ChatRequest, Message, Tool, ToolCall
from beastmode.wire.fields import Place
from beastmode.wire.openai_ingress import image, tool_choice

if TYPE_CHECKING:
    from typing import Literal

    from beastmode.domain.request import Image

ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
STORED = ("previous_response_id", "conversation", "prompt")
"""Fields that name what a server has stored."""
NOT_HERE = frozenset(
    (
        *("web_search", "web_search_preview", "file_search", "code_interpreter", "image_generation", "mcp"),
        *("computer_use_preview", "local_shell", "shell", "apply_patch", "custom", "namespace", "tool_search"),
    )
)
"""Tools that run at the provider, or that only its own models know how to call: no model is told of them, which is as
if it did not want them. Real clients send them to whatever server they are pointed at."""
RESEND = "Send the whole conversation in `input`; nothing is stored here"


def parse(body: dict[str, Any]) -> tuple[ChatRequest, bool]:
    """The request in this body, and whether it asks for a stream.

    Raises:
        UserError: names the field that is wrong or that cannot be served, and what belongs there.
    """
    top = Place(body)
    for name in STORED:
        if top.at(name).value is not None:
            raise top.at(name).wrong("nothing", RESEND)
    if top.at("background").flag():
        raise top.at("background").wrong("false", "Wait for the answer; nothing is stored here to be asked for later")
    messages = _input(top.at("input"))
    if not messages:
        raise top.at("input").wrong("text, or at least one message")
    if instructions := top.at("instructions").text():
        messages.insert(0, Message("system", instructions))
    json_mode, json_schema = _shape(top.at("text").at("format"))
    request = ChatRequest(
        tuple(messages),
        model=top.at("model").text() or None,
        max_tokens=top.at("max_output_tokens").count(),
        temperature=top.at("temperature").number(),
        tools=tuple(_tool(tool) for tool in top.at("tools").items() if tool.at("type").name() not in NOT_HERE),
        tool_choice=_tool_choice(top.at("tool_choice")),
        json_mode=json_mode,
        json_schema=json_schema,
    )
    return request, top.at("stream").flag()


def _input(place: Place) -> list[Message]:
    """The turns of the conversation; calls that follow each other are one turn, as other APIs have it."""
    if not isinstance(place.value, list):
        return [Message("user", text)] if (text := place.text()) else []
    messages: list[Message] = []
    for item in place.items():
        match item.at("type").text() or "message":
            case "message":
                messages.append(_message(item))
            case "function_call":
                call = ToolCall(item.at("call_id").name(), item.at("name").name(), item.at("arguments").text())
                _add_call(messages, call)
            case "function_call_output":
                text, images = _content(item.at("output"))
                messages.append(Message("tool", text, images, tool_call_id=item.at("call_id").name()))
            case "reasoning":
                pass
            case "item_reference":
                raise item.at("type").wrong("the item itself", RESEND)
            case _:
                raise item.at("type").wrong("message, function_call, function_call_output or reasoning")
    return messages


def _message(item: Place) -> Message:
    role = ROLES.get(item.at("role").name())
    if role is None:
        raise item.at("role").wrong("system, developer, user or assistant")
    text, images = _content(item.at("content"))
    return Message(role, text, images)


def _add_call(messages: list[Message], call: ToolCall) -> None:
    if messages and messages[-1].role == "assistant":
        last = messages[-1]
        messages[-1] = Message("assistant", last.text, last.images, (*last.tool_calls, call))
    else:
        messages.append(Message("assistant", "", (), (call,)))


def _content(place: Place) -> tuple[str, tuple[Image, ...]]:
    if not isinstance(place.value, list):
        return place.text(), ()
    texts: list[str] = []
    images: list[Image] = []
    for part in place.items():
        match part.at("type").name():
            case "input_text" | "output_text" | "text":
                texts.append(part.at("text").text())
            case "refusal":
                texts.append(part.at("refusal").text())
            case "input_image":
                images.append(image(part.at("image_url")))
            case _:
                raise part.at("type").wrong("input_text, output_text or input_image")
    return "\n".join(texts), tuple(images)


def _tool(place: Place) -> Tool:
    if place.at("type").value != "function":
        raise place.at("type").wrong("function")
    return Tool(place.at("name").name(), place.at("description").text(), place.at("parameters").json())


def _tool_choice(place: Place) -> str | None:
    if isinstance(place.value, dict):
        if place.at("type").value != "function":
            raise place.at("type").wrong("function")
        return place.at("name").name()
    return tool_choice(place)


def _shape(place: Place) -> tuple[bool, str | None]:
    match place.at("type").text():
        case "" | "text":
            return False, None
        case "json_object":
            return True, None
        case "json_schema":
            return True, place.at("schema").json()
        case _:
            raise place.at("type").wrong("text, json_object or json_schema")
