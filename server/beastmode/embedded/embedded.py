"""`Embedded`: the built-in model as the rest of the house sees it.

Apart from its parts (weights, fetching, the server process), which know nothing of each other; here they meet.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeAlias

from beastmode.domain.errors import ModelUnavailable
from beastmode.domain.model import BUILTIN_ID, FimTemplate, ModelSpec
from beastmode.domain.usage import Price
from beastmode.embedded.order import Order
from beastmode.embedded.weights import check_gguf, has_fim_tokens, has_size, weights_named

if TYPE_CHECKING:
    from pathlib import Path

    from beastmode.embedded.lease import Lease
    from beastmode.embedded.running import Running

Progress: TypeAlias = Callable[[str, float | None], None]
"""How a caller is told: a message, and the fraction done (0 to 1) where it is known."""

QWEN_FIM = FimTemplate(
    prefix="<|fim_prefix|>",
    suffix="<|fim_suffix|>",
    middle="<|fim_middle|>",
    stop=(
        *("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|fim_pad|>"),
        *("<|repo_name|>", "<|file_sep|>", "<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    ),
    repository="<|repo_name|>repository\n",
    file="<|file_sep|>",
)
"""Qwen2.5-Coder's own tokens; the stops are all that its vocabulary has for the end of a file or a turn."""

_GRACE_S = 60.0
_QUICK_S = 120.0
_MOST_STARTS = 3
"""A process that needs a fourth start within `_QUICK_S` seconds will need a fifth."""
_COOL_S = 15.0
"""After a start that failed, the next is not tried for so many seconds: a keystroke must not start a process each."""
_UNKNOWN_OVERHEAD = 400_000_000
"""Bytes beside the weights themselves for a file that is not in the table."""
_CONTEXT = 8192


class Embedded:
    """The built-in model of one process: its row, its weights, and this process's share in its server.

    Args:
        models_dir: where fetched weights are kept.
        run_dir: where the running server is described to other processes.
        model: a name of weights.toml.
        model_path: a GGUF file of the user's, used instead of fetched weights.
        threads: to compute with; None leaves it to the machine.
        grace_s: how long a server that this process starts outlives its last user, in seconds.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        models_dir: Path,
        run_dir: Path,
        model: str,
        model_path: Path | None,
        threads: int | None,
        *,
        grace_s: float = _GRACE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._models_dir = models_dir
        self._run_dir = run_dir
        self._weights = weights_named(model)
        self._model_path = model_path
        self._threads = threads
        self._grace_s = grace_s
        self._clock = clock
        self._share: tuple[Running, Lease] | None = None
        self._joining: asyncio.Task[Running] | None = None
        self._starts: deque[float] = deque(maxlen=_MOST_STARTS)
        self._failure: tuple[float, ModelUnavailable] | None = None

    def spec(self) -> ModelSpec:
        """The model's row. Its URL has no port: `endpoint` knows the real one."""
        own = self._model_path
        fim = has_fim_tokens(own, QWEN_FIM.middle) if own else self._weights.fim
        return ModelSpec(
            id=BUILTIN_ID,
            name=f"Built-in ({own.stem if own else self._weights.title})",
            provider="builtin",
            endpoint_url="http://127.0.0.1",
            upstream_id=own.stem if own else self._weights.name,
            chat_format="llama-chat",
            fim_format="openai-completions",
            fim_template=QWEN_FIM if fim else None,
            description="Runs on this machine: no key, no account, nothing leaves it",
            context_window=_CONTEXT if own else self._weights.context,
            max_tokens=1024,
            price=Price(Decimal(0), Decimal(0), date(2026, 11, 1), "runs on this machine"),
            edit_format="whole-file",  # so small a model quotes nothing exactly
        )

    @property
    def path(self) -> Path:
        """The file that is or will be run."""
        return self._model_path or self._models_dir / self._weights.file

    @property
    def download_size(self) -> int:
        """Bytes that `fetch` brings; 0 where the user named a file."""
        return 0 if self._model_path else self._weights.size

    @property
    def fetched(self) -> bool:
        """Whether the weights are there, by a cheap look; their hash is checked before they are loaded."""
        return self._model_path.is_file() if self._model_path else has_size(self.path, self._weights.size)

    @property
    def starting(self) -> bool:
        """Whether the model is being loaded just now, for this process."""
        return self._joining is not None

    async def fetch(self, progress: Progress) -> Path:
        """See that the weights are there and right, fetching what is missing; their file.

        Interrupted or cancelled, it goes on from there the next time.

        Raises:
            ModelUnavailable: they cannot be had; says why.
        """
        from beastmode.embedded import fetch  # noqa: PLC0415  # HTTP and zip: not at a language server's start

        self._failure = None
        if self._model_path:
            return await fetch.check_own(self._model_path, progress)
        return await fetch.fetch(self._weights, self._models_dir, progress)

    async def endpoint(self, progress: Progress | None = None) -> tuple[str, str]:
        """The base URL (ending in /v1) and the key of the running server, which is joined or started if need be.

        Cancelling a caller does not stop the start: the next keystroke wants the same server.

        Raises:
            ModelUnavailable: it cannot run; says why and what to do.
        """
        if self._share is not None and self._share[1].alive:
            return _address(self._share[0])
        if self._joining is None:
            if progress is not None:
                progress("Starting the built-in model", None)
            self._joining = asyncio.create_task(self._join())
            self._joining.add_done_callback(self._joined)
        return _address(await asyncio.shield(self._joining))

    async def release(self) -> None:
        """Give this process's share back; the server ends when nobody has had one for the grace period."""
        self._starts.clear()
        if self._joining is not None:
            self._joining.cancel()
            await asyncio.wait([self._joining])
        if self._share is not None:
            share, self._share = self._share, None
            await share[1].close()

    async def _join(self) -> Running:
        from beastmode.embedded import process  # noqa: PLC0415  # subprocesses: not at a language server's start

        if self._share is not None:
            await self._share[1].close()
            self._share = None
        now = self._clock()
        if self._failure is not None and now < self._failure[0] + _COOL_S:
            failure = self._failure[1]
            raise ModelUnavailable(
                failure.message, failure.fix, retry_after=self._failure[0] + _COOL_S - now
            ) from failure
        order = self._order()
        if len(self._starts) == _MOST_STARTS and now < self._starts[0] + _QUICK_S:
            raise ModelUnavailable(
                f"The built-in model stopped {_MOST_STARTS} times within {now - self._starts[0]:.0f} s: "
                f"{process.log_tail(order)}",
                f"Look into {order.log}, or register a model of your own",
                retry_after=self._starts[0] + _QUICK_S - now,
            )
        try:
            self._share = await process.join_or_start(order)
        except ModelUnavailable as error:
            self._failure = (self._clock(), error)
            raise
        self._starts.append(now)
        return self._share[0]

    def _joined(self, joining: asyncio.Task[Running]) -> None:
        self._joining = None
        if not joining.cancelled():
            joining.exception()  # looked at: every caller may have been cancelled meanwhile

    def _order(self) -> Order:
        """What the server process is told.

        Raises:
            ModelUnavailable: the runtime or the weights are missing.
        """
        from beastmode.embedded.running import private_folder  # noqa: PLC0415  # with `process`

        if find_spec("xllamacpp") is None:
            raise ModelUnavailable(
                "The built-in model's runtime is not installed", "Run `pip install 'beastmode[builtin]'`"
            )
        row, own = self._weights, self._model_path
        if own is not None:
            check_gguf(own)
        elif not self.fetched:
            raise ModelUnavailable(f"The built-in model {row.title} is not here yet", "Run `beastmode models fetch`")
        order = Order(
            name=self.spec().upstream_id,
            path=str(self.path.absolute()),
            sha256="" if own else row.sha256,
            memory=own.stat().st_size + _UNKNOWN_OVERHEAD if own else row.memory,
            context=_CONTEXT if own else row.context,
            threads=self._threads,
            grace_s=self._grace_s,
        )
        return order.placed(private_folder(self._run_dir / "builtin"))


def _address(running: Running) -> tuple[str, str]:
    return f"http://127.0.0.1:{running.port}/v1", running.key
