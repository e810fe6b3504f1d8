"""PUT /property and PATCH: a new config, made from the present one (contract §2).

A request is read here as far as it can be without the service. The rest is held against what the service is now,
in the transaction that writes the change (`operations.services.change.Amendment`), under the rules of PUT.
"""

import re
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from modelyard.api.convert.requests import config_request
from modelyard.api.schemas.config import ServiceConfig
from modelyard.api.schemas.services import PropertyUpdate
from modelyard.api.schemas.wire import Parsed, whole
from modelyard.core.admission import resizing
from modelyard.core.admission.resizing import Count
from modelyard.domain.errors import Invalid, Violation
from modelyard.domain.revision import Revision
from modelyard.domain.service import Service
from modelyard.domain.texts import shown
from modelyard.operations.services.change import Amendment, UpdateRequest

MOST_OPERATIONS = 1000
_BAD_ESCAPE = re.compile(r"~(?![01])")
_INDEX = re.compile(r"0|[1-9][0-9]{0,5}")


def resized(parsed: Parsed[PropertyUpdate]) -> Amendment:
    """Other instance counts. Raises Invalid."""
    body, wrong = parsed.value, list(parsed.violations)
    broken = [v.field for v in wrong]
    if body.changed_property not in {None, "instance_count"} and "changed_property" not in broken:
        text = f"is {shown(body.changed_property)}, only 'instance_count' can be changed"
        wrong.append(Violation("changed_property", text))
    if body.configs == []:
        wrong.append(Violation("configs", "must have at least one entry"))
    counts: dict[str, Count] = {}
    for i, one in enumerate(body.configs or ()):
        if one.model_id is None or one.changed_value is None:
            continue
        instances = whole(one.changed_value)
        if instances is None:
            text = f"is {shown(one.changed_value)}, must be an integer"
            wrong.append(Violation(f"configs[{i}].changed_value", text))
        elif one.model_id in counts:
            wrong.append(Violation(f"configs[{i}].model_id", "is there twice"))
        else:
            counts[one.model_id] = Count(f"configs[{i}]", one.model_id, instances)
    if wrong:
        raise Invalid(*wrong)
    return lambda service, revision: _resized(tuple(counts.values()), service, revision)


def _resized(counts: Sequence[Count], service: Service, revision: Revision) -> UpdateRequest:
    if wrong := tuple(resizing.violations(counts, service, revision)):
        raise Invalid(*wrong)
    return config_request(resizing.resized(counts, revision))


def patched(operations: object) -> Amendment:
    """JSON Patch (RFC 6902), only `replace`, only below `/config/{n}/`. Raises Invalid.

    What is replaced must be there (RFC 6902, 4.3). The fields of an entry always are: one that was not sent has
    its default.
    """
    if not isinstance(operations, list) or not operations:
        raise Invalid(Violation("", "the body must be an array with at least one operation"))
    if len(operations) > MOST_OPERATIONS:
        raise Invalid(Violation("", f"has {len(operations)} operations, at most {MOST_OPERATIONS} are allowed"))
    wrong: list[Violation] = []
    steps: list[tuple[str, list[str], Any]] = []
    for i, one in enumerate(operations):
        path = one.get("path") if isinstance(one, dict) else None
        if not isinstance(one, dict):
            wrong.append(Violation(f"[{i}]", "must be an object with op, path and value"))
            continue
        if one.get("op") != "replace":
            wrong.append(Violation(f"[{i}].op", f"is {shown(one.get('op'))}, only 'replace' is supported"))
        parts = _parts(path)
        if parts is None:
            wrong.append(Violation(f"[{i}].path", f"is {shown(path)}, must lead below /config/{{n}}/"))
        elif "value" not in one:
            wrong.append(Violation(f"[{i}].value", "is mandatory"))
        else:
            steps.append((f"[{i}].path", parts, one["value"]))
    if wrong:
        raise Invalid(*wrong)
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
    entries: Any = [deepcopy(dict(variant.raw)) for variant in revision.variants]
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
    return config_request(entries)


def _key(target: object, part: str) -> str | int:
    """What `part` of a pointer selects in `target`. Raises LookupError."""
    if isinstance(target, dict):
        return part
    if isinstance(target, list) and _INDEX.fullmatch(part):  # `-` is the one after the last, which is not there
        return int(part)
    raise LookupError(part)
