"""The API's reference, made from its OpenAPI document: as Markdown for the documentation, as one HTML page without
a script for `/docs`, which so needs no network. Pure.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, cast

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a table. `path` in the notation of error answers: `config[].weight`."""

    path: str
    type: str
    text: str
    required: bool


@dataclass(frozen=True, slots=True)
class Call:
    """One operation, read out of the document."""

    method: str
    path: str
    summary: str
    text: str
    query: tuple[Field, ...]
    body: tuple[Field, ...]
    body_example: str
    answers: tuple[tuple[str, str], ...]
    answer_example: str


def markdown(document: Document) -> str:
    """One page: every call, by tag, with its parameters, its body and an example of its answer."""
    parts = [
        "# API",
        "",
        "Made from the OpenAPI document by `scripts/reference.py`; do not edit.",
        "",
        str(document["info"]["description"]),
        "",
    ]
    for tag, calls in _by_tag(document).items():
        parts += [f"## {tag.capitalize()}", ""]
        for call in calls:
            parts += _call_markdown(call)
    return "\n".join(parts).rstrip() + "\n"


def _call_markdown(call: Call) -> list[str]:
    parts = [f"### {call.summary}", "", f"`{call.method} {call.path}`", ""]
    if call.text:
        parts += [" ".join(call.text.split()), ""]
    for title, fields in (("query", call.query), ("field", call.body)):
        if fields:
            parts += [f"| {title} | type | |", "| --- | --- | --- |"]
            parts += [
                f"| `{f.path}`{'!' if f.required else ''} | {_cell(f.type)} | {_cell(f.text)} |" for f in fields
            ]
            parts.append("")
    if call.body_example:
        parts += ["Send:", "", "```json", call.body_example, "```", ""]
    if call.answer_example:
        parts += ["Get:", "", "```json", call.answer_example, "```", ""]
    return parts


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
code,pre{font:13px/1.45 ui-monospace,monospace;background:#f4f4f6;border-radius:4px}code{padding:.1em .3em}
pre{padding:.8em;overflow:auto}table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;
padding:.3em .6em;text-align:left;vertical-align:top}summary{cursor:pointer;padding:.35em 0}
summary b{display:inline-block;width:4.5em}"""


def page(document: Document) -> str:
    """The same as one HTML page."""
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>',
        f"<h1>{title}</h1><p>{escape(str(document['info']['description']))}</p>",
        '<p>For tools: <a href="openapi.json">openapi.json</a></p>',
    ]
    for tag, calls in _by_tag(document).items():
        parts.append(f"<h2>{escape(tag.capitalize())}</h2>")
        parts += [_call_page(call) for call in calls]
    return "\n".join(parts) + "</html>\n"


def _call_page(call: Call) -> str:
    parts = [
        f"<details><summary><b>{call.method}</b> <code>{escape(call.path)}</code> ",
        f"{escape(call.summary)}</summary><p>{escape(call.text)}</p>",
    ]
    for title, fields in (("query", call.query), ("field", call.body)):
        if fields:
            rows = (
                f"<tr><td><code>{escape(f.path)}</code>{'!' if f.required else ''}<td>{escape(f.type)}"
                f"<td>{escape(f.text)}"
                for f in fields
            )
            parts.append(f"<table><tr><th>{title}<th>type<th>{''.join(rows)}</table>")
    for title, example in (("Send", call.body_example), ("Get", call.answer_example)):
        if example:
            parts.append(f"<p>{title}:</p><pre>{escape(example)}</pre>")
    rows = (f"<tr><td>{escape(status)}<td>{escape(text)}" for status, text in call.answers)
    return "\n".join([*parts, f"<table>{''.join(rows)}</table></details>"])


def _by_tag(document: Document) -> dict[str, list[Call]]:
    calls: dict[str, list[Call]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["other"])[0]
            calls.setdefault(tag, []).append(_call(document, method.upper(), path, operation))
    return calls


def _call(document: Document, method: str, path: str, operation: Mapping[str, Any]) -> Call:
    sent = _content(operation.get("requestBody", {}))
    good = (answer for status, answer in operation["responses"].items() if status.startswith("2"))
    success: Mapping[str, Any] = next(good, {})
    query = (p for p in operation.get("parameters", ()) if p["in"] == "query")
    return Call(
        method=method,
        path=path,
        summary=operation.get("summary", ""),
        text=operation.get("description", ""),
        query=tuple(
            Field(p["name"], _type(p["schema"]), p["schema"].get("description", ""), False) for p in query
        ),
        body=tuple(_fields(document, sent.get("schema", {}), "")),
        body_example=_json(sent),
        answers=tuple((status, r.get("description", "")) for status, r in operation["responses"].items()),
        answer_example=_json(_content(success)),
    )


def _content(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", holder.get("content", {}).get("application/json", {}))


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content["example"], indent=2, ensure_ascii=False) if "example" in content else ""


def _fields(document: Document, schema: Mapping[str, Any], at: str, depth: int = 0) -> Iterator[Field]:
    schema = _resolved(document, schema)
    if depth > 6:
        return
    if "items" in schema:
        yield from _fields(document, schema["items"], f"{at}[]", depth + 1)
        return
    for name, field in schema.get("properties", {}).items():
        path = f"{at}.{name}" if at else name
        inner = _resolved(document, field)
        text = field.get("description") or inner.get("description") or ""
        yield Field(path, _type(inner), text, name in schema.get("required", ()))
        yield from _fields(document, inner, path, depth + 1)


def _resolved(document: Document, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Through references, and out of a choice between one thing and null."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) == 1:
        schema = {**{k: v for k, v in schema.items() if k not in {"anyOf", "default", "title"}}, **options[0]}
    if ref := schema.get("$ref"):
        model = document["components"]["schemas"][ref.rpartition("/")[2]]
        return {**model, **{k: v for k, v in schema.items() if k == "description"}}
    return schema


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " \\| ".join(map(str, schema["enum"])).replace("\\|", "|")
    options = [_type(option) for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    if options:
        return " or ".join(dict.fromkeys(options))
    return str(schema.get("type", "any"))
