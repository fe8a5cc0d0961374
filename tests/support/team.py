"""A team's gateway on loopback: replicas, the load balancers of `deploy/` in front of them, and many clients."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
from tests.support.gateway_process import ALONE, ROOT

DEPLOY = ROOT / "deploy"
RETRYABLE = {429, 502, 503, 504}
"""What the SDKs of OpenAI and Anthropic try again by themselves."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Model:
    """A model server as a process of its own, which counts what it is asked."""

    def __init__(self, spec: str) -> None:
        command = [sys.executable, str(ROOT / "tests/support/model_server.py"), "--port", "0", "--spec", spec]
        self._process = subprocess.Popen([*command, "--text", " word" * 10], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().split()[-1]

    def stats(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/admin/stats", timeout=10) as answer:  # noqa: S310 - loopback
            found: dict[str, Any] = json.load(answer)
            return found

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=10)


class Replica:
    """`beastmode serve` behind a balancer; can be killed, ended and started again at the same port."""

    def __init__(self, home: Path, environment: dict[str, str], hosts: Sequence[str]) -> None:
        self.port = free_port()
        self.environment = {**os.environ, **ALONE, **environment, "BEASTMODE_HOME": str(home)}
        self.environment["PYTHONPATH"] = str(ROOT / "server")
        self._command = [sys.executable, "-m", "beastmode", "serve", f"--port={self.port}", "--behind-proxy", "--json"]
        self._command += [f"--allow-host={host}" for host in hosts]
        self._log = home.with_suffix(".log")
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                self._command, env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), self._log.read_text()

    def end(self, how: signal.Signals) -> int:
        """Send a signal, wait for the end; the exit code."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(how)
        process.communicate(timeout=60)
        return process.returncode


@contextmanager
def nginx(folder: Path, replicas: Sequence[Replica], port: int) -> Iterator[None]:
    """Nginx with deploy/nginx.conf, checked by itself first."""
    site = _placed((DEPLOY / "nginx.conf").read_text(), replicas).replace(
        "listen 443 ssl", f"listen 127.0.0.1:{port} ssl"
    )
    site = site.replace("/etc/ssl/gateway.crt", f"{folder}/localhost.pem")
    (folder / "site.conf").write_text(site.replace("/etc/ssl/gateway.key", f"{folder}/localhost.key"))
    places = "".join(
        f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = f"""daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
        events {{ worker_connections 2048; }}
        http {{ access_log off; {places} include {folder}/site.conf; }}"""
    (folder / "nginx.conf").write_text(whole)
    command = ["/usr/sbin/nginx", "-e", f"{folder}/nginx.log", "-c", f"{folder}/nginx.conf"]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False, timeout=30)
    assert checked.returncode == 0, checked.stderr
    with _running(command, port):
        yield


@contextmanager
def haproxy(folder: Path, replicas: Sequence[Replica], port: int) -> Iterator[None]:
    """HAProxy with deploy/haproxy.cfg, checked by itself first."""
    (folder / "gateway.pem").write_bytes(
        (folder / "localhost.pem").read_bytes() + (folder / "localhost.key").read_bytes()
    )
    text = _placed((DEPLOY / "haproxy.cfg").read_text(), replicas).replace("bind :443", f"bind 127.0.0.1:{port}")
    (folder / "haproxy.cfg").write_text(text.replace("/etc/ssl/gateway.pem", f"{folder}/gateway.pem"))
    command = ["/usr/sbin/haproxy", "-f", f"{folder}/haproxy.cfg"]
    checked = subprocess.run([*command, "-c"], capture_output=True, text=True, check=False, timeout=30)
    assert checked.returncode == 0, checked.stderr + checked.stdout
    with _running([*command, "-db"], port):
        yield


def _placed(text: str, replicas: Sequence[Replica]) -> str:
    """An example of deploy/ with this test's names and addresses."""
    for number, replica in enumerate(replicas):
        text = text.replace(f"10.0.0.1{number + 1}:4747", f"127.0.0.1:{replica.port}")
    return text.replace("gateway.example", "localhost")


@contextmanager
def _running(command: Sequence[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, command
            time.sleep(0.01)
        yield
    finally:
        process.terminate()
        process.wait(30)


@dataclass
class Seen:
    """What clients saw.

    Attributes:
        answers: whole ones.
        statuses: of what was no answer.
        broken: when (monotonic) a connection or a stream broke.
        wrong: what no client should ever see.
    """

    answers: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    broken: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Clients:
    """Many of them, each asking again as soon as it has read its answer, and waited a little.

    Args:
        url: of the balancer.
        trusted: the file of its certificate.
        wait_s: seconds between an answer and the next request, about.

    Attributes:
        under_way: requests that wait for their answer now.
    """

    def __init__(self, url: str, trusted: Path, wait_s: float) -> None:
        self._url = f"{url}/v1/chat/completions"
        self._tls = ssl.create_default_context(cafile=str(trusted))
        self._wait_s = wait_s
        self._over = asyncio.Event()
        self.seen: dict[str, Seen] = {}
        self.under_way = 0

    async def run(self, number: int, token: str, model: str) -> None:
        """As one of them: every second request is a stream."""
        seen = self.seen.setdefault(model, Seen())
        chance = random.Random(number)  # noqa: S311 - no secret
        headers = {"authorization": f"Bearer {token}"}
        connector = aiohttp.TCPConnector(ssl=self._tls)
        async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
            await self._wait(chance.uniform(0, 1))  # or all would ask, and wait, together
            while not self._over.is_set():
                self.under_way += 1
                await self._ask(session, seen, model, is_stream=chance.random() < 0.5)
                self.under_way -= 1
                await self._wait(chance.uniform(0.5, 1.5))

    async def _wait(self, share: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), self._wait_s * share)

    def stop(self) -> None:
        """Every client reads what it has asked for, and goes."""
        self._over.set()

    async def _ask(self, session: aiohttp.ClientSession, seen: Seen, model: str, *, is_stream: bool) -> None:
        body = {
            "model": model,
            "stream": is_stream,
            "max_tokens": 20,
            "temperature": 0.7,
            # Its own words, for the same question at the same time would be asked once.
            "messages": [{"role": "user", "content": uuid4().hex}],
        }
        try:
            async with session.post(self._url, json=body) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, ConnectionError, TimeoutError):
            seen.broken.append(time.monotonic())
            return
        whole = "data: [DONE]" in text if is_stream else '"finish_reason"' in text
        if answer.status == 200 and whole:
            seen.answers += 1
        elif answer.status in RETRYABLE | {402}:
            seen.statuses[answer.status] += 1
        elif answer.status == 200 and is_stream and '"error"' in text:
            seen.statuses[503] += 1
        else:
            seen.wrong.append(f"{answer.status} {text[-300:]}")
