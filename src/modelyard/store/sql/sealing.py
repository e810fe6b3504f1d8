"""Revisions at rest: the environment variables of a model may hold secrets, so their values are sealed, and those
of the secrets that it finds as files.

A row's `variants` is `{"variants": […], "envs": sealed}`: every variant without the values of its variables, and
all of them (null if there are none) under one seal that names the revision, so they cannot be moved elsewhere.
Releases before schema 0002 wrote a bare list with the values in it; such a row is read as it is, and sealed
when the store opens.
"""

import base64
from collections.abc import Mapping
from typing import Any

from modelyard.store.sql.secrets import SecretBox

Variants = list[dict[str, Any]]


def sealed(box: SecretBox, service_id: str, number: int, variants: Variants) -> dict[str, Any]:
    """What is written for `variants` (`convert.variant_json`)."""
    from modelyard.store.sql.convert import to_json

    envs = [[each["template"]["envs"], each["raw"].get("envs"), *_values(each)] for each in variants]
    if not any(part for parts in envs for part in parts):
        return {"variants": variants, "envs": None}
    text = base64.b64encode(box.seal(_owner(service_id, number), to_json(envs))).decode()
    return {"variants": [_with(each, [], None) for each in variants], "envs": text}


def opened(box: SecretBox, service_id: str, number: int, stored: Any) -> Variants:
    """The variants of a row, whichever release wrote it. Raises StoreUnavailableError when the key is another one,
    or the values are those of another revision."""
    from modelyard.store.sql.convert import from_json

    if not is_sealed(stored):
        return list(stored)
    if stored["envs"] is None:
        return list(stored["variants"])
    values: Any = from_json(box.open(_owner(service_id, number), base64.b64decode(stored["envs"])))
    return [_with(each, *envs) for each, envs in zip(stored["variants"], values, strict=True)]


def is_sealed(stored: Any) -> bool:
    return isinstance(stored, Mapping)


def _owner(service_id: str, number: int) -> str:
    return f"envs of {service_id} revision {number}"


def _values(variant: Mapping[str, Any]) -> list[list[str]]:
    """Those of its secrets, as one part; no part if it has none."""
    secrets = variant["template"].get("secrets")
    return [[value for *_, value in secrets]] if secrets else []


def _with(variant: Mapping[str, Any], of_template: Any, of_raw: Any, of_secrets: Any = None) -> dict[str, Any]:
    """The same variant with these variables and values of its secrets, every key in its place."""
    raw = {name: of_raw if name == "envs" else value for name, value in variant["raw"].items()}
    template = {**variant["template"], "envs": of_template}
    if secrets := template.get("secrets"):
        values = of_secrets or [""] * len(secrets)
        pairs = zip(secrets, values, strict=True)
        template["secrets"] = [[name, version, path, value] for (name, version, path, _), value in pairs]
    return {**variant, "template": template, "raw": raw}
