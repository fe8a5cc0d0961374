"""One question by each SDK to whatever model is selected; prints both answers as JSON."""

import json
from typing import Any

from anthropic import Anthropic
from openai import OpenAI

ASK: Any = [{"role": "user", "content": "Answer with the single word: ready"}]
chat = OpenAI().chat.completions.create(model="default", messages=ASK, max_tokens=8)
with Anthropic().messages.stream(model="default", messages=ASK, max_tokens=8) as stream:
    print(json.dumps([chat.choices[0].message.content, "".join(stream.text_stream)]))  # noqa: T201 - what it is for
