"""What every wire model shares: lenient where the contract is, and never satisfied with the first error.

- Numbers may be numeric strings, booleans are booleans, null is the same as absent (contract §1.3, §1.4).
- `parse` finds every wrong value of a body (up to `MOST_WRONG`): what is wrong is taken out and the rest is read
  again.
- A key that nobody knows is ignored and named, or kept where `keeps_unknown` says so; a key of `later`, which the
  contract knows and the product does not do yet, is refused by name unless it says nothing (null, "", [] or {}),
  and so is one that counts in another place of the body (`place`).
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictBool, ValidationError, WithJsonSchema

from modelyard.core.admission import places
from modelyard.core.admission.fields import told
from modelyard.core.json_text import Path, at
from modelyard.domain.errors import Violation
from modelyard.domain.texts import shown

INTEGER = re.compile(r"[+-]?[0-9]{1,18}(\.0*)?")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
MAX_INTEGER = 10**18
MOST_WRONG = 1000
"""So many wrong values are told in each of the attempts of `parse`: time for more is not given to anybody."""


def _integer(value: object) -> object:
    if isinstance(value, str) and len(value) <= 64 and INTEGER.fullmatch(value.strip()):
        return int(value.partition(".")[0])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < MAX_INTEGER:
        return value
    raise ValueError("must be an integer")


def whole(value: object) -> int | None:
    """The integer that a number or a numeric string is; None when it is none."""
    try:
        number = _integer(value)
    except ValueError:
        return None
    return number if isinstance(number, int) else None


def _number(value: object) -> object:
    if isinstance(value, str) and len(value) <= 64 and NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MAX_INTEGER:
        return value + 0  # no negative zero
    raise ValueError("must be a number")


def _flag(value: object) -> object:
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


def _numeric(kind: str, text: re.Pattern[str]) -> WithJsonSchema:
    bounds = {"exclusiveMinimum": -MAX_INTEGER, "exclusiveMaximum": MAX_INTEGER}
    numeric = {"type": "string", "pattern": f"^({text.pattern})$", "description": f"a numeric string ({kind})"}
    return WithJsonSchema({"anyOf": [{"type": kind, **bounds}, numeric]})


Integer = Annotated[int, BeforeValidator(_integer), _numeric("integer", INTEGER)]
Number = Annotated[float, BeforeValidator(_number), _numeric("number", NUMBER)]
QueryFlag = Annotated[StrictBool, BeforeValidator(_flag)]
"""A boolean in a query string, where everything is text."""


def _require(schema: dict[str, Any], model: type[Any]) -> None:
    """What is mandatory must not be null either, which is the same as absent."""
    if not model.required:
        return
    schema["required"] = list(model.required)
    for name in model.required:
        field = schema["properties"][name]
        field.pop("default", None)
        options = [option for option in field.pop("anyOf", []) if option != {"type": "null"}]
        if options:
            field.update(options[0] if len(options) == 1 else {"anyOf": options})


class Wire(BaseModel):
    """Base of the wire models. Every field may be None; `required` names those that `parse` insists on."""

    model_config = ConfigDict(extra="allow", frozen=True, json_schema_extra=_require)

    required: ClassVar[Sequence[str]] = ()
    later: ClassVar[Mapping[str, str]] = {}
    keeps_unknown: ClassVar[bool] = False
    place: ClassVar[str | None] = None
    """Where this object stands in the body of a service (`core.admission.places`)."""
    secrets: ClassVar[Sequence[str]] = ("password", "original_password", "secret_key")
    """Fields whose values are not shown in refusals."""
    may_be_wrapped: ClassVar[bool] = False
    """Clients wrap such an object in another; what was not unwrapped must not be taken for a key of its own."""

    @classmethod
    def prepared(cls, value: Mapping[str, object]) -> Mapping[str, object]:
        """The body in its canonical shape, where the contract allows several."""
        return value

    @classmethod
    def parse(cls, value: Mapping[str, object]) -> "Parsed[Self]":
        """Read a JSON object, or query parameters; what is wrong is in the result, nothing is raised."""
        rest: Any = deepcopy(dict(cls.prepared(value)))
        violations: list[Violation] = []
        broken: set[str] = set()
        for attempt in range(3):
            try:
                read = cls.model_validate(rest)
            except ValidationError as error:
                wrong = [(_inside(rest, one["loc"]), one) for one in error.errors(include_url=False)[:MOST_WRONG]]
                for path, one in wrong:  # where they are is known before any is taken out
                    if not told(name := at(path), broken):
                        broken.add(name)
                        hidden = "envs" in path or path[-1] in cls.secrets
                        violations.append(Violation(name, _text(one["msg"], one["input"], secret=hidden)))
                    _prune(rest, path, whole_field=attempt > 0)
                continue
            break
        else:
            read = cls()
        known, ignored = _walk(read, ())
        violations += [v for v in known if not told(v.field, broken)]
        return Parsed(read, tuple(violations), tuple(ignored), rest)


WireT = TypeVar("WireT", bound=Wire)


@dataclass(frozen=True, slots=True)
class Parsed(Generic[WireT]):
    """A body as far as it could be read (`raw`: the same as it came), what was wrong with the rest, and the keys
    nobody knows."""

    value: WireT
    violations: tuple[Violation, ...]
    ignored: tuple[str, ...]
    raw: Mapping[str, Any] = field(default_factory=dict)


def _inside(value: Any, location: Path) -> Path:
    """As far as the location leads in what was sent: of a field that may be of several types, the library adds
    which one it tried."""
    path: list[str | int] = []
    for step in location:
        known = (isinstance(value, list) and isinstance(step, int)) or (isinstance(value, dict) and step in value)
        if not known:
            break
        value = value[step]
        path.append(step)
    return tuple(path) or location[:1]


def _text(message: str, value: object, *, secret: bool) -> str:
    """`secret`: the value may be one, and is not shown."""
    text = message.removeprefix("Value error, ").replace("Input should be", "must be")
    if "dictionary" in text:
        text = "must be an object"
    text = text.replace("a valid list", "an array")
    text = f"{text[:1].lower()}{text[1:]}"
    return text if secret else f"is {shown(value)}, {text}"


def _prune(value: Any, path: Path, *, whole_field: bool) -> None:
    """Take the wrong value out. An entry of an array becomes {}, so that the others keep their places."""
    if whole_field:
        while path and not isinstance(path[-1], str):
            path = path[:-1]
    *parents, last = path
    for step in parents:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(value, list) and isinstance(last, int) and last < len(value):
        value[last] = {}
    elif isinstance(value, dict):
        value.pop(last, None)


def _walk(model: Wire, path: Path) -> tuple[list[Violation], list[str]]:
    """(required and unsupported keys, unknown keys) of the model and what is in it."""
    violations = [
        Violation(at((*path, name)), "is mandatory") for name in model.required if getattr(model, name) is None
    ]
    ignored: list[str] = []
    for key, value in (model.model_extra or {}).items():
        if model.may_be_wrapped and (inside := _hidden(value, places.PROPERTIES)):
            home = places.misplaced(inside, model.place or places.TOP)
            where = home or "counts only beside it, or in the only key that there is"
            text = f"holds {shown(inside)}, which {where}"
            violations.append(Violation(at((*path, key[:80])), text))
            continue
        if model.keeps_unknown:
            continue
        home = "" if model.place is None or value is None else places.misplaced(key, model.place)
        if home:
            violations.append(Violation(at((*path, key)), home))
        elif key not in model.later:
            ignored.append(at((*path, key)))
        elif value is not None and value not in ("", [], {}):
            violations.append(Violation(at((*path, key)), f"is not supported yet: {model.later[key]}"))
    for name in type(model).model_fields:
        for step, inner in _inner(getattr(model, name)):
            more, unknown = _walk(inner, (*path, name, *step))
            violations += more
            ignored += unknown
    return violations, ignored


def _hidden(value: object, known: Collection[str]) -> str:
    """A known name somewhere in an unknown value, which would not be applied; "" when there is none."""
    if isinstance(value, Mapping):
        here = next((key for key in value if key in known), "")
        return here or next(filter(None, (_hidden(one, known) for one in value.values())), "")
    if isinstance(value, list):
        return next(filter(None, (_hidden(one, known) for one in value)), "")
    return ""


def _inner(value: object) -> Iterator[tuple[Path, Wire]]:
    if isinstance(value, Wire):
        yield (), value
    elif isinstance(value, list):
        yield from (((i,), item) for i, item in enumerate(value) if isinstance(item, Wire))
