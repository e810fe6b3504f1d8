"""What OpenAPI says about bodies and queries that the routes read themselves (`api.requests`)."""

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from modelyard.api.body import PATCH
from modelyard.api.schemas.answers import Answer
from modelyard.api.schemas.examples import EXAMPLES
from modelyard.api.schemas.plans import Plan
from modelyard.api.schemas.wire import Wire

REF = "#/components/schemas/{model}"

ERROR: dict[str, Any] = {
    "title": "Error",
    "type": "object",
    "required": ["error_code", "error_msg", "message"],
    "properties": {
        "error_code": {"type": "string", "pattern": r"^ModelArts\.\d{4}$", "examples": ["ModelArts.3522"]},
        "error_msg": {"type": "string"},
        "message": {"type": "string", "description": "the same text, for OpenStack-style clients"},
        "details": {
            "type": "array",
            "description": "every broken rule, by field",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("field", "error_code", "error_msg")},
            },
        },
    },
}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {"application/json": {"schema": {"$ref": REF.format(model="Error")}}}}
    for status, text in (
        (400, "A field or the state forbids it; nothing was changed."),
        (401, "No token (0201), an expired (0202) or an invalid one (0203)."),
        (403, "Another project (0210), or no right to do it (0108)."),
        (404, "There is no such thing in this project."),
        (409, "The name is taken, or the Idempotency-Key was used for another request."),
        (412, "If-Match has no ETag of the service: it changed since it was read."),
        (413, "The body is too large."),
        (415, "The body is said to be something else than JSON, or in another coding than gzip."),
        (500, "A fault of the server (0010)."),
        (503, "The database cannot be used now, or too many log in."),
    )
}


def takes(model: type[Wire], example: object) -> dict[str, Any]:
    """openapi_extra of a route that reads its body as `model`."""
    content = {"schema": {"$ref": REF.format(model=model.__name__)}, "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def answers(model: type[Answer]) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route that answers 200 with `model`."""
    content = {"schema": {"$ref": REF.format(model=model.__name__)}, "example": EXAMPLES[model]}
    return {200: {"description": "Done.", "content": {"application/json": content}}}


def takes_patch(example: object) -> dict[str, Any]:
    """openapi_extra of a route that reads a JSON Patch."""
    operation = {
        "type": "object",
        "required": ["op", "path", "value"],
        "properties": {
            "op": {"type": "string", "enum": ["replace"]},
            "path": {"type": "string", "pattern": "^/config/[0-9]+/.+"},
            "value": {"description": "as in PUT"},
        },
    }
    content = {"schema": {"type": "array", "minItems": 1, "items": operation}, "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": content, PATCH: content}}}


def asks(model: type[Wire]) -> dict[str, Any]:
    """openapi_extra of a route that reads its query as `model`."""
    schema = model.model_json_schema(ref_template=REF)
    return {
        "parameters": [
            {"name": name, "in": "query", "required": False, "schema": _plain(field)}
            for name, field in schema["properties"].items()
        ]
    }


def _plain(field: dict[str, Any]) -> dict[str, Any]:
    """A query parameter is never null: it is there or it is not."""
    options = [option for option in field.get("anyOf", []) if option != {"type": "null"}]
    rest = {key: value for key, value in field.items() if key not in {"anyOf", "default", "title"}}
    if not options:
        return rest
    return {**rest, **options[0]} if len(options) == 1 else {**rest, "anyOf": options}


def _add(schemas: dict[str, Any], name: str, schema: dict[str, Any]) -> None:
    schemas.update(schema.pop("$defs", {}))
    schemas[name] = schema


def _only_ours(response: dict[str, Any]) -> None:
    """FastAPI adds what it makes of the return annotation beside the schema that a route names itself."""
    for content in response.get("content", {}).values():
        if ref := content.get("schema", {}).get("$ref"):
            content["schema"] = {"$ref": ref}


def _or_plan(operation: dict[str, Any]) -> None:
    """What can be tried answers with what it did, or with what it would do."""
    if any(parameter["name"] == "dry_run" for parameter in operation.get("parameters", ())):
        for content in operation["responses"]["200"]["content"].values():
            content["schema"] = {"anyOf": [content["schema"], {"$ref": REF.format(model=Plan.__name__)}]}


def _shown(schema: dict[str, Any]) -> dict[str, Any]:
    """A field of an answer that is not there is not null."""
    for one in (schema, *schema.get("$defs", {}).values()):
        for field in one.get("properties", {}).values():
            if field.get("default", "") is None:
                del field["default"]
    return schema


def describe(app: FastAPI, bodies: Iterable[type[Wire]]) -> None:
    """Have `app.openapi()` know the schemas of the bodies that the routes read themselves."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            for path in document["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)  # FastAPI's own, which nothing here answers
                    _only_ours(operation["responses"].get("200", {}))
                    _or_plan(operation)
            for answer in EXAMPLES:
                _add(schemas, answer.__name__, _shown(answer.model_json_schema(ref_template=REF)))
            schemas["Error"] = ERROR
            for model in bodies:
                _add(schemas, model.__name__, model.model_json_schema(ref_template=REF))
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
