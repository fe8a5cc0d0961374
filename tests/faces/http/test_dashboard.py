"""The dashboard's page, its sign-in, and what it asks; tests/e2e/test_dashboard.py looks at it in a browser."""

from __future__ import annotations

import re
from dataclasses import replace
from time import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.attempts import GPT4, ROW, SHOWN

from beastmode.domain.request import Task
from beastmode.domain.routing import Outcome
from beastmode.faces.http import dashboard
from beastmode.faces.http.dashboard import FOLDER
from beastmode.faces.http.sessions import COOKIE
from beastmode.ledger.feedback import write
from beastmode.registry.users import User

if TYPE_CHECKING:
    import httpx
    from tests.support.gateway_client import Gate

OVERVIEW = "/api/dashboard/overview"
SIGN_IN = "/api/dashboard/sign-in"


async def seen(client: httpx.AsyncClient, query: str = "range=24h&zone=UTC") -> dict[str, Any]:
    answer = await client.get(f"{OVERVIEW}?{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def ask(gate: Gate, **changes: Any) -> None:
    """A row of the ledger, written now."""
    number = len(await gate.gateway.app.ledger.tail(1000))
    usual: dict[str, Any] = {"id": f"a{number}", "task": Task.CHAT, "started_at": time(), "price": GPT4}
    await gate.gateway.app.ledger.observe(replace(ROW, **usual | changes))


async def test_the_page_is_the_same_for_everybody_and_loads_nothing_but_its_own(gate: Gate) -> None:
    """Without a token: the shell and its files, with a policy that allows no inline script, style or other host."""
    async with gate.as_(None) as stranger:
        page = await stranger.get("/")
        assert page.status_code == 200
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert "require-trusted-types-for 'script'" in policy
        assert not re.search(r"<script>|<style|\sstyle=|\son\w+=", page.text)
        for url in re.findall(r'(?:src|href)="([^"#]+)"', page.text):
            assert url.startswith("/static/")
            file = await stranger.get(url)
            assert file.status_code == 200
            again = await stranger.get(url, headers={"if-none-match": file.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
        for path in ("/static/../server.py", "/static/%2e%2e/server.py", "/static/", "/static/index.html/x"):
            assert (await stranger.get(path)).status_code in {401, 404}


async def test_no_file_of_the_page_names_another_host() -> None:
    """What it loads and asks is its own; the licence's addresses and XML's names are no requests."""
    for file in FOLDER.iterdir():
        hosts = set(re.findall(r"https?://[\w.-]+", file.read_text("utf-8")))
        assert hosts <= {"http://www.w3.org", "http://127.0.0.1"}, file.name


async def test_a_token_is_traded_for_a_cookie_that_no_script_can_read(gate: Gate) -> None:
    """HttpOnly, SameSite=Strict, not the token itself; signing out takes it away."""
    async with gate.as_(None) as browser:
        assert (await browser.get(OVERVIEW)).status_code == 401
        answer = await browser.post(SIGN_IN, json={"token": gate.token})
        assert (answer.status_code, answer.content) == (204, b"")
        said = answer.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(said.split("; "))
        assert gate.token not in said
        assert (await browser.get(OVERVIEW)).status_code == 200
        await browser.post("/api/dashboard/sign-out", json={})
        assert COOKIE not in browser.cookies
        assert (await browser.get(OVERVIEW)).status_code == 401


async def test_a_code_of_the_editor_signs_in_once(gate: Gate) -> None:
    """The second time it is worth nothing; a wrong one never was."""
    code = await gate.gateway.app.sign_in_codes.make()
    async with gate.as_(None) as browser, gate.as_(None) as thief:
        assert (await thief.post(SIGN_IN, json={"code": "x" + code})).status_code == 401
        assert (await browser.post(SIGN_IN, json={"code": code})).status_code == 204
        assert (await browser.get(OVERVIEW)).status_code == 200
        assert (await thief.post(SIGN_IN, json={"code": code})).status_code == 401


@pytest.mark.parametrize(
    "body", [{}, {"token": ""}, {"code": ""}, {"token": "bm_x"}, {"token": "x" * 9999}, {"name": "x"}, []]
)
async def test_what_is_no_secret_signs_nobody_in(gate: Gate, body: object) -> None:
    """And no answer repeats what was sent."""
    async with gate.as_(None) as browser:
        answer = await browser.post(SIGN_IN, json=body)
        assert answer.status_code in {401, 422}
        assert "set-cookie" not in answer.headers
        assert "xxxx" not in answer.text


async def test_figures_are_those_of_the_chosen_models_and_span(gate: Gate) -> None:
    """The filter narrows every panel but the list of models, from which one chooses."""
    await ask(gate, model="custom:a")
    await ask(gate, model="openai:gpt-4", reason="for hard work (+2: long)")
    failed = {"outcome": Outcome.FAILED, "error_kind": "timed_out", "error": "late"}
    await ask(gate, model="custom:a", **failed)
    await ask(gate, task=Task.PROBE, model="custom:a")
    showing = replace(SHOWN, model="custom:a", shown_at=time(), used_chars=5, used_at=time())
    await gate.gateway.app._database.transact(lambda connection: write(connection, [showing]))

    everything = await seen(gate.client)
    assert (everything["total"]["requests"], everything["total"]["succeeded"]) == (3, 2)
    assert (sum(everything["custom_requests"]), sum(everything["provider_requests"])) == (2, 1)
    assert len(everything["edges"]) == len(everything["steps"]) + 1 == 25
    assert {row["id"] for row in everything["models"]} >= {"custom:a", "openai:gpt-4"}
    assert everything["errors"]["kinds"][0]["attempts"] == 1
    (error,) = everything["errors"]["recent"]
    assert (error["message"], error["times"]) == ("late", 1)
    assert error["meaning"]
    assert error["fix"]
    assert {(row["model"], row["reason"], row["attempts"]) for row in everything["routing"]} == {
        ("custom:a", "selected for inline", 2),
        ("openai:gpt-4", "for hard work", 1),
    }
    assert [row["shown"] for row in everything["acceptance"]] == [1]

    one = await seen(gate.client, "range=24h&model=openai:gpt-4")
    assert (one["total"]["requests"], one["errors"]["recent"], one["acceptance"]) == (1, [], [])
    assert {row["id"] for row in one["models"]} == {row["id"] for row in everything["models"]}
    none = await seen(gate.client, "from=2026-01-01&to=2026-01-02")
    assert (none["total"]["requests"], none["routing"]) == (0, [])


@pytest.mark.parametrize("query", ["range=fortnight", "from=x", "from=2026-02-02&to=2026-01-01", "from=1970-01-01"])
async def test_a_span_that_is_none_is_a_problem_with_a_fix(gate: Gate, query: str) -> None:
    """Status 400, in words."""
    answer = await gate.client.get(f"{OVERVIEW}?{query}")
    assert answer.status_code == 400
    assert answer.json()["fix"]


async def test_a_zone_that_nobody_knows_is_this_machines(gate: Gate) -> None:
    """Whatever a browser calls its time zone, and whatever else somebody writes there."""
    for zone in ("Nowhere/At_All", "../../etc/passwd", "%00", "x" * 5000):
        assert (await seen(gate.client, f"zone={zone}"))["zone"] == ""


async def test_a_user_sees_what_is_theirs(gate: Gate) -> None:
    """Their own requests and budget, the models that they may use; nothing of the owner's, and no tests."""
    await ask(
        gate, task=Task.CHAT, model="custom:secret", outcome=Outcome.FAILED, error_kind="timed_out", error="private"
    )
    await ask(gate, model="custom:shared", user="ada")
    token = await gate.gateway.users.add(User("ada", models=frozenset({"custom:shared"})))
    async with gate.as_(token) as ada:
        hers = await seen(ada)
        assert (hers["is_owner"], hers["total"]["requests"]) == (False, 1)
        assert "secret" not in str(hers)
        assert "private" not in str(hers)
        assert hers["spend"]["spans"][0]["spent"] > 0


async def test_the_stream_says_that_something_happened(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a try, whoever made it; and it ends when the gateway does, so that no open page holds that up."""
    monkeypatch.setattr(dashboard, "LOOKS_EVERY_S", 0.01)
    stream = dashboard._changes(gate.gateway)
    assert b"listening" in await anext(stream)
    await ask(gate)
    assert (await anext(stream)).startswith(b"event: changed\n")
    gate.gateway.ending.set()
    assert [piece async for piece in stream] == []


async def test_the_form_is_the_registrys(gate: Gate) -> None:
    """The page asks for what the editor asks for."""
    fields = (await gate.client.get("/api/dashboard/form")).json()
    assert [field["name"] for field in fields][:5] == ["model_name", "model_id", "endpoint_url", "provider", "api_key"]
    assert next(field for field in fields if field["name"] == "api_key")["kind"] == "secret"
