"""/openapi.json (OpenAPI 3.1): made of the routes themselves and of the classes that check what they take."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from beastmode import __version__
from beastmode.faces.http.json_answer import Json
from beastmode.faces.http.operation import Described, Operation
from beastmode.faces.http.problems import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

_REF = "#/components/schemas/{model}"
_PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457); `error` is the sentence for a person.",
    "required": ["type", "title", "status", "detail", "success", "error"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "fix": {"type": "string"},
        "success": {"const": False},
        "error": {"type": "string"},
        "errors": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
_OURS = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}}
_FOREIGN = {"application/json": {"schema": {"type": "object", "required": ["error"]}}}
_USUAL = (401, 403, 408, 413, 421, 429)
"""What every route may answer, before it is reached."""
_WITH_BODY = (400, 422)


def document(routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """The document for these routes."""
    from pydantic.json_schema import models_json_schema  # noqa: PLC0415 - slow to import, and seldom asked for

    described = [(each, each.described) for each in routes if isinstance(each, Operation) and each.described]
    kinds = {kind for _, each in described for kind in (each.body, each.answer) if isinstance(kind, type)}
    models = [(kind, "validation") for kind in sorted(kinds, key=lambda kind: kind.__name__)]
    _, schemas = models_json_schema(models, ref_template=_REF)  # type: ignore[arg-type]
    paths: dict[str, dict[str, Any]] = {}
    for route, each in described:
        paths.setdefault(_template(route.path), {})[route.method.lower()] = _operation(route, each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "BEAST MODE",
            "version": __version__,
            "description": "Your own models for code, over HTTP. Every request needs a token.",
        },
        "paths": paths,
        "security": [{"bearer": []}, {"apiKey": []}, {"cookie": []}],
        "components": {
            "schemas": schemas.get("$defs", {}) | {"Problem": _PROBLEM},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "github_oauth_user_id"},
            },
        },
    }


def routes(others: Sequence[BaseRoute]) -> list[BaseRoute]:
    """The route that serves the document of all others, and of itself; it is made when it is first asked for."""
    said = cache(lambda: document([*others, own]))

    async def answer(_request: Request) -> Response:
        return Json(said())

    own = Operation("GET", "/openapi.json", answer, Described("This document", answer={"type": "object"}))
    return [own]


def _operation(route: Operation, described: Described) -> dict[str, Any]:
    answers = {described.media_type: {"schema": _schema(described.answer)}}
    if described.streams:
        answers["text/event-stream"] = {"schema": {"type": "string"}}
    failed = {*_USUAL, *described.errors, *(_WITH_BODY if described.body else ())}
    said: dict[str, Any] = {
        "summary": described.summary,
        "operationId": f"{route.method.lower()}{_template(route.path).translate(_PLAIN)}",
        "tags": [described.tag],
        "responses": {
            str(described.status): {"description": described.summary, "content": answers},
            **{
                str(status): {
                    "description": "A problem",
                    "content": _FOREIGN if described.is_foreign else _OURS,
                }
                for status in sorted(failed)
            },
        },
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in route.param_convertors
    ]
    parameters += [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in (described.query or {}).items()
    ]
    if parameters:
        said["parameters"] = parameters
    if described.body:
        said["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _schema(described.body)}},
        }
    return said


_PLAIN = str.maketrans(dict.fromkeys("/-{}.", "_"))


def _template(path: str) -> str:
    """`/a/{id:path}` -> `/a/{id}`."""
    parts = path.split("{")
    return parts[0] + "".join(
        "{" + part.partition("}")[0].partition(":")[0] + "}" + part.partition("}")[2] for part in parts[1:]
    )


def _schema(kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {"$ref": _REF.format(model=kind.__name__)}
    return {"type": "string"} if kind is None else kind
