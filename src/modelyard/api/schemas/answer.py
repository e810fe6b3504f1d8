"""What every answer shares. `convert` makes answers of values, and the routes name them as what they return: so
mypy holds what is answered to what the document says.

- What says nothing is left out, never null (`Maybe`). A null inside of what a caller sent is the caller's.
- What is given back as it was sent keeps its order (`EchoOf`): a reader reads an answer, we hold a dictionary.
- An answer is a plain dataclass, which nothing validates when it is made: mypy did that, and no row of an earlier
  release can make a read fail. To make 1,000 services takes 1 ms; as Pydantic's models they took 3 to 7.
"""

from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar, dataclass_transform

from pydantic import (
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StrictFloat,
    StrictInt,
    TypeAdapter,
)
from pydantic_core import CoreSchema, core_schema

Json = dict[str, Any]
Number = StrictInt | StrictFloat
T = TypeVar("T")
WordT = TypeVar("WordT", bound=StrEnum)


@dataclass_transform(kw_only_default=True, eq_default=False)
def answer(cls: type[T]) -> type[T]:
    """The decorator of an answer."""
    return dataclass(slots=True, kw_only=True, eq=False)(cls)


@answer
class Answer:
    """Base of all answers. Readers may expect these types, and nothing unknown."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)


def body_of(value: Answer) -> Json:
    """The JSON object that callers read."""
    body: Json = TypeAdapter(type(value)).dump_python(value, mode="json")
    return body


def said(value: Answer) -> Json:
    """The fields that say something."""
    names = _names(type(value))  # type: ignore[arg-type]  # mypy takes no class for hashable
    return {name: one for name in names if (one := getattr(value, name)) is not None}


@cache
def _names(kind: type[Answer]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


class _NotNull:
    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Json:
        shown = handler(schema)
        options = [option for option in shown.get("anyOf", ()) if option != {"type": "null"}]
        return options[0] if len(options) == 1 else shown | ({"anyOf": options} if options else {})


Maybe = Annotated[T | None, _NotNull(), Field(exclude_if=lambda value: value is None)]
"""A field that is left out where it says nothing. Its default is None."""


class _Inline:
    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Json:
        return {"enum": handler.resolve_ref_schema(handler(schema))["enum"], "type": "string"}


Word = Annotated[WordT, _Inline()]
"""One of an enumeration's words; the document lists them in their place."""


class EchoOf:
    """Of a dictionary: what readers may expect in it. Held to it where it is read, not where it is made: what was
    sent was judged then."""

    def __init__(self, kind: type[Answer]) -> None:
        self.kind = kind

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.json_or_python_schema(
            json_schema=handler.generate_schema(self.kind),
            python_schema=core_schema.dict_schema(),
            serialization=core_schema.simple_ser_schema("any"),
        )
