"""PUT /property and PATCH: a new config, made from the present one (contract §2)."""

import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from modelyard.api.convert.requests import update_request
from modelyard.api.schemas.config import ServiceConfig
from modelyard.api.schemas.services import PropertyUpdate, ServiceUpdate
from modelyard.api.schemas.wire import Parsed, whole
from modelyard.domain.errors import Invalid, Violation
from modelyard.domain.revision import Revision
from modelyard.domain.service import InferType, Service, ServiceStatus
from modelyard.domain.texts import shown
from modelyard.operations.services.requests import UpdateRequest

Amendment = Callable[[Service, Revision], UpdateRequest]

RESIZABLE = frozenset({ServiceStatus.RUNNING, ServiceStatus.CONCERNING, ServiceStatus.FAILED})
MOST_OPERATIONS = 1000
_BAD_ESCAPE = re.compile(r"~(?![01])")
_INDEX = re.compile(r"0|[1-9][0-9]{0,5}")


def resized(parsed: Parsed[PropertyUpdate]) -> Amendment:
    """Other instance counts. Raises Invalid."""
    body, found = parsed.value, list(parsed.violations)
    broken = [v.field for v in found]
    if body.changed_property not in {None, "instance_count"} and "changed_property" not in broken:
        text = f"is {shown(body.changed_property)}, only 'instance_count' can be changed"
        found.append(Violation("changed_property", text))
    if body.configs == []:
        found.append(Violation("configs", "must have at least one entry"))
    wanted: dict[str, tuple[str, int]] = {}
    for i, one in enumerate(body.configs or ()):
        if one.model_id is None or one.changed_value is None:
            continue
        count = whole(one.changed_value)
        if count is None:
            text = f"is {shown(one.changed_value)}, must be an integer"
            found.append(Violation(f"configs[{i}].changed_value", text))
        elif one.model_id in wanted:
            found.append(Violation(f"configs[{i}].model_id", "is there twice"))
        else:
            wanted[one.model_id] = (f"configs[{i}]", count)
    if found:
        raise Invalid(*found)
    return lambda service, revision: _resized(service, revision, wanted)


def _resized(service: Service, revision: Revision, wanted: Mapping[str, tuple[str, int]]) -> UpdateRequest:
    if service.infer_type is not InferType.REAL_TIME:
        raise Invalid(Violation("", "only real-time services have instances to count", "3519"))
    if service.status not in RESIZABLE:
        text = f"is {service.status}; instance_count can be changed while it is running, concerning or failed"
        raise Invalid(Violation("", f"the service {text}", "3519"))
    entries, found = _present(revision), []
    places = {v.model_id: i for i, v in enumerate(revision.variants)}
    for model_id, (at, count) in wanted.items():
        place = places.get(model_id)
        if place is None:
            found.append(Violation(f"{at}.model_id", f"model {shown(model_id)} is not in this service", "3529"))
        elif revision.variants[place].instance_count == count:
            found.append(Violation(f"{at}.changed_value", f"is {count}, as it is already"))
        else:
            entries[place]["instance_count"] = count
    if found:
        raise Invalid(*found)
    return _request(entries)


def patched(operations: object) -> Amendment:
    """JSON Patch (RFC 6902), only `replace`, only below `/config/{n}/`. Raises Invalid.

    What is replaced must be there (RFC 6902, 4.3). The fields of an entry always are: one that was not sent has
    its default.
    """
    if not isinstance(operations, list) or not operations:
        raise Invalid(Violation("", "the body must be an array with at least one operation"))
    if len(operations) > MOST_OPERATIONS:
        raise Invalid(Violation("", f"has {len(operations)} operations, at most {MOST_OPERATIONS} are allowed"))
    found: list[Violation] = []
    steps: list[tuple[str, list[str], Any]] = []
    for i, one in enumerate(operations):
        path = one.get("path") if isinstance(one, dict) else None
        if not isinstance(one, dict):
            found.append(Violation(f"[{i}]", "must be an object with op, path and value"))
            continue
        if one.get("op") != "replace":
            found.append(Violation(f"[{i}].op", f"is {shown(one.get('op'))}, only 'replace' is supported"))
        parts = _parts(path)
        if parts is None:
            found.append(Violation(f"[{i}].path", f"is {shown(path)}, must lead below /config/{{n}}/"))
        elif "value" not in one:
            found.append(Violation(f"[{i}].value", "is mandatory"))
        else:
            steps.append((f"[{i}].path", parts, one["value"]))
    if found:
        raise Invalid(*found)
    return lambda _service, revision: _patched(revision, steps)


def _parts(path: object) -> list[str] | None:
    """The steps of a JSON pointer (RFC 6901) after `/config`; None when it is none, or leads elsewhere."""
    if not isinstance(path, str) or _BAD_ESCAPE.search(path):
        return None
    start, *parts = path.split("/")
    parts = [part.replace("~1", "/").replace("~0", "~") for part in parts]
    if start or len(parts) < 3 or parts[0] != "config" or not _INDEX.fullmatch(parts[1]):
        return None
    return parts[1:]


def _patched(revision: Revision, steps: Sequence[tuple[str, list[str], Any]]) -> UpdateRequest:
    entries: Any = _present(revision)
    for at, parts, value in steps:
        *parents, last = parts
        target: Any = entries
        try:
            for part in parents:
                target = target[_key(target, part)]
            if len(parts) == 2 and isinstance(target, dict) and last in ServiceConfig.model_fields:
                target.setdefault(last, None)
            key = _key(target, last)
            target[key]  # it must be there
        except LookupError:
            raise Invalid(Violation(at, f"is {shown('/config/' + '/'.join(parts))}, which is not there")) from None
        target[key] = value
    return _request(entries)


def _key(target: object, part: str) -> str | int:
    """What `part` of a pointer selects in `target`. Raises LookupError."""
    if isinstance(target, dict):
        return part
    if isinstance(target, list) and _INDEX.fullmatch(part):  # `-` is the one after the last, which is not there
        return int(part)
    raise LookupError(part)


def _present(revision: Revision) -> list[dict[str, Any]]:
    """The entries as they were sent."""
    return [deepcopy(dict(variant.raw)) for variant in revision.variants]


def _request(entries: Sequence[Mapping[str, Any]]) -> UpdateRequest:
    return update_request(ServiceUpdate.parse({"config": list(entries)}))
