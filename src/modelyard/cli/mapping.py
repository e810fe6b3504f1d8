"""The mapping rule of a batch service, made from what its model says that a request looks like. Pure.

A request's values are taken from the columns of a row in the order in which the schema names them:

    {"properties": {"req_data": {"type": "array", "items": {"properties": {"x": {"type": "number"}, "y": …}}}}}
                → req_data[0].x from column 0, req_data[0].y from column 1

With names (csv with a header, jsonl, parquet) each value is taken from the column that is called like it.
"""

from collections.abc import Iterator, Mapping
from itertools import count

import msgspec

from modelyard.cli.exits import BadFileError
from modelyard.client import Model
from modelyard.client.records import Json

LEAVES = ("string", "number", "integer", "boolean")
DEEPEST = 32


def rule_for(model: Model, uri: str, *, by_name: bool) -> Json:
    """Raises BadFileError when the model does not say enough."""
    schema = _schema(model, uri)
    try:
        return _node(schema, "", count(), by_name=by_name, depth=0)
    except ValueError as error:
        name = f"{model.model_name}/{model.model_version}"
        text = f"the schema of {name} at {uri} gives no mapping rule: {error}. Write one, and say --mapping FILE"
        raise BadFileError(text) from error


def deeper(model: Model, uri: str) -> str:
    """What the model says of a request that an object of the columns of a row hardly is; "" when nothing."""
    try:
        properties = _schema(model, uri).get("properties")
    except BadFileError:
        return ""
    for name, one in properties.items() if isinstance(properties, Mapping) else ():
        if isinstance(one, Mapping) and one.get("type", "object") not in LEAVES:
            is_what = one.get("type", "object")
            return f"{model.model_name}/{model.model_version} wants {name!r} to be of the type {is_what!r}"
    return ""


def _schema(model: Model, uri: str) -> Mapping[str, object]:
    for api in _apis(model):
        request = api.get("request")
        data = request.get("data") if isinstance(request, dict) else None
        if api.get("url", "/") == uri and isinstance(data, dict):
            return data
    name = f"{model.model_name}/{model.model_version}"
    raise BadFileError(f"{name} does not say what a request at {uri} looks like: say --mapping FILE")


def _apis(model: Model) -> Iterator[Json]:
    text = model.raw.get("apis")
    try:
        found = msgspec.json.decode(text) if isinstance(text, str) else text
    except msgspec.DecodeError:
        return
    for one in found if isinstance(found, list) else ():
        if isinstance(one, dict):
            yield one


def _node(schema: object, name: str, column: "Iterator[int]", *, by_name: bool, depth: int) -> Json:
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        raise ValueError(f"{name or 'it'} says no type")
    properties, items, kind = schema.get("properties"), schema.get("items"), schema.get("type")
    deeper = depth + 1
    if isinstance(properties, Mapping):
        inside = {key: _node(one, key, column, by_name=by_name, depth=deeper) for key, one in properties.items()}
        return {"type": "object", "properties": inside}
    if kind == "array" or items is not None:
        some = items if isinstance(items, list) else [items]
        return {
            "type": "array",
            "items": [_node(one, name, column, by_name=by_name, depth=deeper) for one in some],
        }
    if kind not in LEAVES:
        raise ValueError(f"{name or 'it'} is of the type {kind!r}")
    return {"type": kind, "column": name} if by_name else {"type": kind, "index": next(column)}
