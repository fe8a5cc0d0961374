"""A small workspace and a model on loopback that answers an order with what a test wants it to say."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.domain.model import ModelSpec
from beastmode.tasks.chat import Attachment
from beastmode.tasks.proposal import Failed, Order, Proposed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.model_server import Asked, ModelServer

    from beastmode.app import App
    from beastmode.tasks.proposal import Event, Proposal

CART = '''"""A cart."""

from money import rounded


def total(prices, tax):
    result = 0
    for price in prices:
        result = result + price
    return rounded(result * (1 + tax))


class Cart:
    def __init__(self):
        self.prices = []

    def add(self, price):
        self.prices.append(price)
'''
MONEY = '''def rounded(amount):
    """To whole cents."""
    return round(amount, 2)
'''


def block(path: str, old: str, new: str) -> str:
    """A search/replace block."""
    return f"{path}\n<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n"


BETTER = block(
    "cart.py",
    "".join(f"{line}\n" for line in CART.split("\n")[6:10]),
    "    return rounded(sum(prices) * (1 + tax))\n",
)


@dataclass
class Shop:
    """The world of one test.

    Attributes:
        questions: what the model was asked, all messages of each request as one text.
    """

    app: App
    server: ModelServer
    root: Path
    questions: list[str]

    @classmethod
    async def opened(cls, app: App, server: ModelServer, root: Path) -> Shop:
        root.mkdir()
        (root / "cart.py").write_text(CART)
        (root / "money.py").write_text(MONEY)
        await app.registry.add(
            ModelSpec("custom:mine", "Mine", "openai-compatible", server.base, "mock", "openai-chat", None), None
        )
        await app.registry.select("custom:mine")
        app.workspace.work_in([str(root)])
        return cls(app, server, root, [])

    def says(self, *answers: str) -> None:
        """What the model answers, one request after the other; the last one from then on."""
        waiting = list(answers)

        def script(asked: Asked) -> str:
            self.questions.append("\n\n".join(str(each["content"]) for each in asked.body["messages"]))
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]

        self.server.script = script

    async def events(self, order: Order) -> list[Event]:
        async with aclosing(self.app.work.run(order, self.root)) as events:
            return [event async for event in events]

    async def run(self, task: str, instruction: str = "", *paths: str, **more: object) -> Proposed | Failed:
        files = tuple(Attachment(path) for path in paths)
        last = (await self.events(Order(task, instruction, files, **more)))[-1]  # type: ignore[arg-type]
        assert isinstance(last, Proposed | Failed)
        return last

    async def proposal(self, task: str, instruction: str = "", *paths: str, **more: object) -> Proposal:
        last = await self.run(task, instruction, *paths, **more)
        assert isinstance(last, Proposed), last.error
        return last.proposal

    async def failure(self, task: str, instruction: str = "", *paths: str, **more: object) -> Failed:
        last = await self.run(task, instruction, *paths, **more)
        assert isinstance(last, Failed), last.proposal
        return last

    def files(self) -> dict[str, str]:
        """Everything in the workspace."""
        return {
            each.relative_to(self.root).as_posix(): each.read_text() for each in self.root.rglob("*") if each.is_file()
        }
