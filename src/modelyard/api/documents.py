"""What OpenAPI says about bodies and queries, which the routes read themselves (`api.requests`), and an example of
each answer. What an answer looks like is said by the routes, which return it."""

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from modelyard.api.body import PATCH
from modelyard.api.schemas.examples import EXAMPLES
from modelyard.api.schemas.wire import Wire

REF = "#/components/schemas/{model}"
EXAMPLE_OF = {REF.format(model=answer.__name__): example for answer, example in EXAMPLES.items()}

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


def _with_example(answer: dict[str, Any]) -> None:
    """Of an answer whose schema is one of ours, or the plan of a dry run."""
    for content in answer.get("content", {}).values():
        schema = content["schema"]
        refs = [one.get("$ref") for one in (schema, *schema.get("anyOf", ()))]
        if ours := [ref for ref in refs if ref in EXAMPLE_OF]:
            answer["description"], content["example"] = "Done.", EXAMPLE_OF[ours[0]]
            schema.pop("title", None)  # FastAPI's, made of the name of a function


def _answers(schemas: dict[str, Any]) -> dict[str, Any]:
    """As FastAPI has them, but a field that is not there is not null, and words are listed where they are said."""
    for schema in schemas.values():
        for field in schema.get("properties", {}).values():
            if field.get("default", "") is None:
                del field["default"]
    return {name: schema for name, schema in schemas.items() if "enum" not in schema}


def describe(app: FastAPI, bodies: Iterable[type[Wire]]) -> None:
    """Have `app.openapi()` know the schemas of the bodies that the routes read themselves."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            for path in document["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)  # FastAPI's own, which nothing here answers
                    _with_example(operation["responses"].get("200", {}))
            components = document.setdefault("components", {})
            schemas = components["schemas"] = _answers(components.get("schemas", {}))
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            schemas["Error"] = ERROR
            for model in bodies:
                _add(schemas, model.__name__, model.model_json_schema(ref_template=REF))
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
