"""Who gets in, and who does not."""

from __future__ import annotations

import hmac
import json
import re
import stat
from typing import TYPE_CHECKING

import pytest
from starlette.routing import Route
from tests.support.model_server import ModelServer

from beastmode.domain.errors import UserError
from beastmode.faces.http.auth import is_public
from beastmode.faces.http.operation import Operation
from beastmode.faces.http.owner_token import FILE, OwnerToken
from beastmode.faces.http.server import Options, check, hosts
from beastmode.registry.users import User

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.gateway_client import Gate

LIST = "/api/models/list"
MONITORING = "/api/models/custom/monitoring"
OVERVIEW = "/api/dashboard/overview"


def paths(gate: Gate) -> list[tuple[str, str]]:
    """Every route of the application, with each of its methods."""
    routes = [route for route in gate.application.routes if isinstance(route, Route)]
    assert routes
    return [
        (method, route.path.replace("{", "").replace("}", "").replace(":path", ""))
        for route in routes
        for method in sorted((route.methods or {"GET"}) - {"HEAD"})
    ]


@pytest.mark.parametrize("token", [None, "", "wrong", "bm_" + "A" * 43, "x" * 5000])
async def test_no_route_answers_without_the_right_token(gate: Gate, token: str | None) -> None:
    """By enumeration of the routes, the ones of later modules too: 401, and nothing about what is there."""
    async with gate.as_(token) as stranger:
        for method, path in paths(gate):
            if is_public(path):
                continue
            answer = await stranger.request(method, path)
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"] == "Bearer"
            said = answer.json()["error"]
            assert (said["message"] if path.startswith("/v1/") else said).startswith("A token is needed")


async def test_a_token_may_be_carried_in_three_ways(gate: Gate) -> None:
    """As the OpenAI SDKs do, as Anthropic's do, and in the specification's cookie."""
    for headers in (
        {"authorization": f"Bearer {gate.token}"},
        {"x_api_key": gate.token},
        {"cookie": f"github_oauth_user_id={gate.token}"},
    ):
        async with gate.as_(None, **headers) as client:
            assert (await client.get(LIST)).status_code == 200, headers


async def test_a_name_is_no_credential(gate: Gate) -> None:
    """The specification's cookie carried a user's name; here that opens nothing."""
    await gate.gateway.users.add(User("ada"))
    for name in ("ada", "", "owner"):
        async with gate.as_(None, cookie=f"github_oauth_user_id={name}") as client:
            assert (await client.get(LIST)).status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:4747", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:4747", ""]
)
async def test_a_name_that_was_made_to_lead_here_is_refused(gate: Gate, host: str) -> None:
    """DNS rebinding: the page's own host name arrives, and is not ours, even with a right token."""
    assert (await gate.client.get(LIST, headers={"host": host})).status_code == 421


async def test_two_hosts_are_none(gate: Gate) -> None:
    """A second Host header, which a proxy might prefer to the first, is refused."""
    headers = [("host", "127.0.0.1:4747"), ("host", "evil.example"), ("authorization", f"Bearer {gate.token}")]
    assert (await gate.client.get(LIST, headers=headers)).status_code == 421


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:4747", 200),
        ("http://localhost:4747", 200),
        ("https://127.0.0.1:4747", 403),
        ("http://127.0.0.1:3000", 403),
        ("https://evil.example", 403),
        ("null", 403),
        ("http://[", 403),
    ],
)
async def test_only_our_own_pages_may_ask(gate: Gate, origin: str, status: int) -> None:
    """A browser names the page that asks; another site's is refused, and no answer opens up to other sites."""
    answer = await gate.client.get(LIST, headers={"origin": origin})
    assert answer.status_code == status
    assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_every_answer_has_the_security_headers(gate: Gate) -> None:
    """Whatever the answer: a good one, a refusal, a path that there is not."""
    for path, headers in ((LIST, {}), (LIST, {"host": "evil.example"}), ("/nothing", {})):
        answer = await gate.client.get(path, headers=headers)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


def test_the_token_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    """A file that others can read, or a link in its place, is not taken."""
    owner = OwnerToken(tmp_path / "a" / "gateway.token")
    made = owner.make()
    file = tmp_path / "a" / "gateway.token"
    assert made is not None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert owner.make() is None
    assert owner.read() == made
    assert owner.matches(made)
    renewed = owner.renew()
    assert owner.matches(renewed)
    assert not owner.matches(made)
    file.chmod(0o644)
    with pytest.raises(UserError, match="Others can read"):
        owner.make()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    OwnerToken(link)
    with pytest.raises(UserError):
        OwnerToken(link).read()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "my-machine"])  # noqa: S104 - it is what is refused
def test_other_machines_are_let_in_over_tls_only(host: str, tmp_path: Path) -> None:
    """Or where the owner says that a proxy does it."""
    with pytest.raises(UserError, match="unencrypted"):
        check(Options(host=host))
    with pytest.raises(UserError, match="certificate"):
        check(Options(host=host, certificate=tmp_path))
    check(Options(host=host, certificate=tmp_path, key=tmp_path))
    check(Options(host=host, behind_proxy=True))
    assert "evil.example" not in hosts(Options(host=host, behind_proxy=True, names=["code.example"]), 80)


async def test_a_user_sees_only_the_models_that_are_theirs_or_public(gate: Gate) -> None:
    """And not where they answer."""
    for name in ("one", "two", "three"):
        await gate.register("http://127.0.0.1:9/v1", name)
    token = await gate.gateway.users.add(User("ada", frozenset({"custom:one"})))
    await gate.gateway.users.grant("*", ["custom:three"])
    async with gate.as_(token) as ada:
        models = (await ada.get(LIST)).json()["models"]
    assert [model["id"] for model in models] == ["custom:one", "custom:three"]
    assert {model["endpoint_url"] for model in models} == {None}
    everything = (await gate.client.get(LIST)).json()["models"]
    assert "http://127.0.0.1:9/v1" in {model["endpoint_url"] for model in everything}


async def test_a_token_that_was_taken_away_is_worth_nothing(gate: Gate) -> None:
    """Renewed by its owner, or its user removed."""
    token = await gate.gateway.users.add(User("ada"))
    async with gate.as_(token) as ada:
        assert (await ada.get(LIST)).status_code == 200
        renewed = await gate.gateway.users.renew("ada")
        assert (await ada.get(LIST)).status_code == 401
    async with gate.as_(renewed) as ada:
        assert (await ada.get(LIST)).status_code == 200
        await gate.gateway.users.remove("ada")
        assert (await ada.get(LIST)).status_code == 401


async def test_a_user_who_asks_too_often_waits(gate: Gate) -> None:
    """The third request of a minute in which two are allowed is told when to come back; others are not concerned."""
    token = await gate.gateway.users.add(User("ada", requests_per_minute=2))
    async with gate.as_(token) as ada:
        answers = [await ada.get(LIST) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 30
    assert (await gate.client.get(LIST)).status_code == 200


async def test_a_session_is_a_signed_cookie(gate: Gate) -> None:
    """Another user's name, a later end or another signature are no session; a new token ends it."""
    await gate.gateway.users.add(User("ada"))
    sessions = gate.gateway.sessions
    cookie = sessions.begin(gate.gateway.users.get("ada"))
    assert sessions.user_of(cookie) == gate.gateway.users.get("ada")
    name, until, signature = cookie.split(":")
    for forged in (f":{until}:{signature}", f"{name}:{int(until) + 1}:{signature}", f"{name}:{until}:", "", "::"):
        assert sessions.user_of(forged) is None
    async with gate.as_(None, cookie=f"beastmode_session={cookie}") as browser:
        assert (await browser.get(LIST)).status_code == 200
        await gate.gateway.users.renew("ada")
        assert (await browser.get(LIST)).status_code == 401


async def test_the_document_says_what_there_is(gate: Gate) -> None:
    """Every route that is an interface is in it, itself too, and nothing else; every reference leads somewhere."""
    document = (await gate.client.get("/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    described = {
        (each.method.lower(), each.path.replace(":path", ""))
        for each in gate.application.routes
        if isinstance(each, Operation) and each.described is not None
    }
    assert {(method, path) for path, item in document["paths"].items() for method in item} == described
    pages = {
        each.path for each in gate.application.routes if isinstance(each, Route) and not isinstance(each, Operation)
    }
    assert all(is_public(path) for path in pages), "an interface is made with Operation, so that it is in the document"
    text = json.dumps(document)
    for name in set(re.findall(r"#/components/schemas/(\w+)", text)):
        assert name in document["components"]["schemas"]


async def test_a_token_is_compared_with_all_of_them(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A right one takes the same steps as a wrong one, each of them in constant time."""
    users = gate.gateway.users
    tokens = [await users.add(User(name)) for name in ("ada", "bob", "eve")]
    steps = 0

    def counted(left: str, right: str) -> bool:
        nonlocal steps
        steps += 1
        return hmac.compare_digest(left, right)

    monkeypatch.setattr("beastmode.registry.users.compare_digest", counted)
    taken = []
    for token in (*tokens, "wrong", ""):
        steps = 0
        users.of_token(token)
        taken.append(steps)
    assert taken == [3] * 5


FOR_EVER = 99_999_999_999


@pytest.mark.parametrize(
    "cookie",
    [
        f"beastmode_session=:{FOR_EVER}:é",
        f'beastmode_session=":{FOR_EVER}:\\351"',
        f"beastmode_session=:{'9' * 5000}:x",
        "beastmode_session=:x:y",
        "beastmode_session=::",
        "github_oauth_user_id=é",
    ],
)
async def test_an_odd_cookie_is_no_credential_and_no_accident(gate: Gate, cookie: str) -> None:
    """Whatever a stranger sends is refused, and not an error of ours."""
    async with gate.as_(None) as client:
        answer = await client.get(LIST, headers={"cookie": cookie.encode("latin-1")})
    assert answer.status_code == 401


async def test_cookies_of_other_servers_on_this_host_are_passed_over(gate: Gate) -> None:
    """A browser sends them along, whatever the port is; none of them signs anybody out."""
    others = 'theme={"a": "b, c"}; odd name="x; =; ;'
    async with gate.as_(None) as client:
        answer = await client.get(LIST, headers={"cookie": f"{others} github_oauth_user_id={gate.token}; more=[1]"})
    assert answer.status_code == 200


async def test_reading_a_cookie_is_no_work(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The quotes and backslashes of a stranger's are not undone, which takes the standard library quadratic time."""
    monkeypatch.setattr("http.cookies._unquote", lambda _value: pytest.fail("a cookie was unquoted"))
    async with gate.as_(None) as client:
        answer = await client.get(LIST, headers={"cookie": 'github_oauth_user_id="' + '\\"' * 100 + '"'})
    assert answer.status_code == 401


async def test_without_a_token_nobody_is_the_owner(gate: Gate) -> None:
    """The file is gone, or cannot be read: a cookie that was signed with nothing is worth nothing."""
    (gate.gateway.settings.paths.home / FILE).unlink()
    said = f":{FOR_EVER}"
    forged = f"{said}:{hmac.digest(b'session ', said.encode(), 'sha256').hex()}"
    async with gate.as_(None, cookie=f"beastmode_session={forged}") as client:
        assert (await client.get(LIST)).status_code == 401


async def test_a_session_of_any_name_survives_the_browser(gate: Gate) -> None:
    """A name with a character that cookies quote is signed in as well."""
    token = await gate.gateway.users.add(User("ada@work"))
    async with gate.as_(None) as client:
        signed = await client.post("/api/dashboard/sign-in", json={"token": token})
        cookie = signed.headers["set-cookie"].partition(";")[0]
        assert (await client.get(LIST, headers={"cookie": cookie})).status_code == 200


def test_the_port_of_a_scheme_is_not_in_a_host(tmp_path: Path) -> None:
    """Browsers and programs leave 80 out of http, and 443 out of https; elsewhere the port belongs to the name."""
    tls = Options(certificate=tmp_path / "cert.pem", key=tmp_path / "key.pem")
    assert {"127.0.0.1", "[::1]", "localhost", "localhost:80"} <= hosts(Options(), 80)
    assert "localhost" in hosts(tls, 443)
    assert "localhost" not in hosts(tls, 80) | hosts(Options(), 443) | hosts(Options(), 4747)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/embeddings"])
async def test_half_a_character_is_no_accident(gate: Gate, path: str) -> None:
    """JSON can say half of a surrogate pair; an error that names it is told all the same."""
    asked = '{"model": "\\ud800", "max_tokens": 5, "input": "x", "messages": [{"role": "user", "content": "hi"}]}'
    answer = await gate.client.post(path, content=asked)
    assert answer.status_code == 404
    assert "not found: ?" in answer.json()["error"]["message"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-1e999", "1" + "0" * 400])
async def test_a_number_is_one(gate: Gate, number: str) -> None:
    """What no endpoint could read is refused here, by its name."""
    asked = '{"model": "x", "messages": [{"role": "user", "content": "hi"}], "temperature": ' + number + "}"
    answer = await gate.client.post("/v1/chat/completions", content=asked)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("temperature: expected a number")


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}], "stream": True}),
        ("/v1/messages", {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}),
        ("/api/codebase/chat", {"message": "hi"}),
        ("/api/codebase/refactor", {"repo": "shop", "file": "a.py", "instruction": "go on"}),
        ("/api/codebase/suggestions", {"prefix": "def "}),
    ],
)
async def test_where_a_model_answers_is_told_to_nobody_but_the_owner(
    gate: Gate, workspace: Path, path: str, asked: dict[str, object], accept: str
) -> None:
    """Not by an error either, when it comes or when it is looked up later."""
    (workspace / "a.py").write_text("a = 1\n")
    await gate.register("http://127.0.0.1:9/v1", "one")
    body, headers = asked | {"model": "custom:one"}, {"accept": accept}
    token = await gate.gateway.users.add(User("ada", frozenset({"custom:one", "workspace:shop"})))
    async with gate.as_(token) as ada:
        told = [(await ada.post(path, json=body, headers=headers)).text]
        told += [(await ada.get(seen)).text for seen in (f"{MONITORING}?details=true", MONITORING, OVERVIEW)]
    assert "the endpoint" in told[0]
    assert [text for text in told if "127.0.0.1" in text] == []
    assert "127.0.0.1" in (await gate.client.post(path, json=body, headers=headers)).text


async def test_a_user_is_not_told_what_went_wrong_for_others(gate: Gate) -> None:
    """That a model is not well is everybody's to know who asks it; what another one's error said is not."""
    async with ModelServer(text="fine") as server:
        await gate.register(f"{server.url}/m/400+echo/v1", "one", api_key="their-word")
        asked = {"model": "custom:one", "messages": [{"role": "user", "content": "hi"}]}
        token = await gate.gateway.users.add(User("ada", frozenset({"custom:one"})))
        async with gate.as_(token) as ada:
            await ada.post("/v1/chat/completions", json=asked)
            for _ in range(5):
                await gate.client.post("/v1/chat/completions", json=asked)
            health = (await ada.get(MONITORING)).json()["health"]
    assert health["issues"] == ["1 of 1 requests failed", "custom:one is degraded"] or health["issues"][1:] == [
        "custom:one is unhealthy"
    ]


async def test_a_route_is_counted_by_its_name(gate: Gate) -> None:
    """Whatever stands in its parameters: a client's words are no labels."""
    for name in ("a", "api", "m/o", "custom"):
        await gate.client.delete(f"/api/models/custom/{name}")
        await gate.client.get(f"/v1/models/{name}")
    text = (await gate.client.get("/metrics")).text
    routes = {route for route in re.findall(r'http_route="([^"]*)"', text) if "model" in route}
    assert routes == {"/api/models/custom/{model_id}", "/v1/models/{model_id}"}
