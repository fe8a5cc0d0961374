"""One side of the router's benchmark, in a process and a virtual environment of its own: `sides.py SIDE BASE_URL HOME`.

Reads commands from standard input, one a line (`plain 20`, `stream 20`), makes so many calls one after the other, and
answers with a line of JSON: the seconds of each, and the processor time of all. The first line says what it took to be
ready. Needs nothing but Python and the side's own package, as each is imported where it is measured.
"""

# ruff: noqa: PLC0415  # see above

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from contextlib import aclosing
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

QUESTION = "Complete this code: def area(width, height):"
MESSAGES = [{"role": "user", "content": QUESTION}]
MAX_TOKENS = 64
NO_KEY = "sk-none"

TENSORZERO = """
[gateway]
observability.enabled = false
disable_pseudonymous_usage_analytics = true

[models.zero]
routing = ["zero"]

[models.zero.providers.zero]
type = "openai"
model_name = "zero"
api_base = "{url}/"
api_key_location = "none"
"""


class Aiohttp:
    """The floor: aiohttp as it comes, and json."""

    async def set_up(self, url: str, _home: str) -> None:
        import aiohttp

        self._session = aiohttp.ClientSession()
        self._url = f"{url}/chat/completions"

    def _body(self, **more: Any) -> bytes:
        return json.dumps({"model": "zero", "messages": MESSAGES, "max_tokens": MAX_TOKENS, **more}).encode()

    async def plain(self) -> str:
        async with self._session.post(self._url, data=self._body(), headers=HEADERS) as answer:
            return json.loads(await answer.read())["choices"][0]["message"]["content"]

    async def stream(self) -> str:
        body = self._body(stream=True, stream_options={"include_usage": True})
        text = []
        async with self._session.post(self._url, data=body, headers=HEADERS) as answer:
            async for line in answer.content:
                if line.startswith(b"data: {"):
                    choices = json.loads(line[6:])["choices"]
                    text.append(choices[0]["delta"].get("content", "") if choices else "")
        return "".join(text)

    async def close(self) -> None:
        await self._session.close()


class Ours:
    """The router as the app wires it: ledger in a file, breakers, flights, limits; on a home that was used before."""

    async def set_up(self, _url: str, home: str) -> None:
        from beastmode.app import App
        from beastmode.domain.request import ChatRequest, Message
        from beastmode.domain.response import TextDelta
        from beastmode.settings import load

        settings, _ = load({"BEASTMODE_HOME": home})
        self._app = await App.open(settings)
        self._ask = lambda: ChatRequest((Message("user", QUESTION),), max_tokens=MAX_TOKENS)
        self._text_delta = TextDelta

    async def plain(self) -> str:
        return (await self._app.router.complete(self._ask())).text

    async def stream(self) -> str:
        async with aclosing(self._app.router.stream(self._ask())) as events:
            return "".join([event.text async for event in events if isinstance(event, self._text_delta)])

    async def close(self) -> None:
        await self._app.close()


class OpenAI:
    """The openai SDK."""

    async def set_up(self, url: str, _home: str) -> None:
        import openai

        self._create = openai.AsyncOpenAI(base_url=url, api_key=NO_KEY).chat.completions.create

    async def plain(self) -> str:
        answer = await self._create(model="zero", messages=MESSAGES, max_tokens=MAX_TOKENS)
        return answer.choices[0].message.content

    async def stream(self) -> str:
        usage = {"include_usage": True}
        events = await self._create(
            model="zero", messages=MESSAGES, max_tokens=MAX_TOKENS, stream=True, stream_options=usage
        )
        return "".join([event.choices[0].delta.content or "" for event in [e async for e in events] if event.choices])

    async def close(self) -> None:
        pass


class TensorZero:
    """TensorZero's gateway inside the process: Rust, with neither a database nor anything else to keep a record in."""

    async def set_up(self, url: str, _home: str) -> None:
        import tensorzero

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "tensorzero.toml")
            path.write_text(TENSORZERO.format(url=url), encoding="utf-8")
            gateway = await tensorzero.AsyncTensorZeroGateway.build_embedded(config_file=str(path))
        self._ask = gateway.inference
        self._params = {"chat_completion": {"max_tokens": MAX_TOKENS}}

    async def plain(self) -> str:
        answer = await self._ask(model_name="zero", input={"messages": MESSAGES}, params=self._params)
        return answer.content[0].text

    async def stream(self) -> str:
        text = []
        events = await self._ask(model_name="zero", input={"messages": MESSAGES}, params=self._params, stream=True)
        async for event in events:
            text += [getattr(part, "text", None) or "" for part in event.content]
        return "".join(text)

    async def close(self) -> None:
        pass


class LiteLLM:
    """LiteLLM's Router with one model and one fallback."""

    async def set_up(self, url: str, _home: str) -> None:
        os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
        import litellm

        litellm.telemetry, litellm.suppress_debug_info = False, True
        target = {"model": "openai/zero", "api_base": url, "api_key": NO_KEY}
        models = [{"model_name": name, "litellm_params": target} for name in ("zero", "other")]
        self._ask = litellm.Router(model_list=models, fallbacks=[{"zero": ["other"]}]).acompletion

    async def plain(self) -> str:
        answer = await self._ask(model="zero", messages=MESSAGES, max_tokens=MAX_TOKENS)
        return answer.choices[0].message.content

    async def stream(self) -> str:
        events = await self._ask(model="zero", messages=MESSAGES, max_tokens=MAX_TOKENS, stream=True)
        return "".join([event.choices[0].delta.content or "" for event in [e async for e in events] if event.choices])

    async def close(self) -> None:
        pass


HEADERS = {"content-type": "application/json", "accept": "text/event-stream, application/json"}
SIDES = {"aiohttp": Aiohttp, "ours": Ours, "openai": OpenAI, "tensorzero": TensorZero, "litellm": LiteLLM}


OUTPUT = os.fdopen(os.dup(1), "w", encoding="utf-8")
"""The real standard output: some sides print on it, and are given standard error instead."""


def say(value: dict[str, Any]) -> None:
    """One line of JSON."""
    OUTPUT.write(json.dumps(value) + "\n")
    OUTPUT.flush()


async def serve(name: str, url: str, home: str) -> None:
    """Get ready, then do as told until there are no more commands."""
    os.dup2(2, 1)
    began = perf_counter()
    side = SIDES[name]()
    await side.set_up(url, home)
    ready = perf_counter()
    text = await side.plain()
    say({"ready_s": ready - began, "answered_s": perf_counter() - began, "text": text})
    for line in iter(sys.stdin.readline, ""):  # blocks the loop, which has nothing else to do
        kind, count = line.split()
        call = getattr(side, kind)
        seconds = []
        cpu = process_time()
        for _ in range(int(count)):
            at = perf_counter()
            text = await call()
            seconds.append(perf_counter() - at)
        say({"seconds": seconds, "cpu_s": process_time() - cpu, "text": text})
    await side.close()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
