"""Service files: a service as it should be, in YAML. The keys are those of the API's POST body.

    service_name: iris
    config:
      - model: iris/1.0.0          # or model_id; NAME alone is the newest version
        weight: 90
      - {model: iris/2.0.0, weight: 10, instance_count: 2}

    models: [iris/1.0.0=90, iris/2.0.0=10x2]     the same, short; instead of config

    infer_type: batch                            what a batch service needs besides
    config:
      - model: iris/1.0.0
        src_path: obs://data/in/
        dest_path: obs://data/out/
        req_uri: /
        mapping_type: csv
        mapping_rule: {type: object, properties: {x: {type: number, index: 0}}}

What is left out of an entry is one instance of modelarts.vm.cpu.2u, and of the only entry weight 100. Every error
names line and key.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from modelyard.cli.exits import BadFileError
from modelyard.cli.variants import variant
from modelyard.client import ApiError, ClientError, UnknownName, Variant
from modelyard.client.records import Json

FLAVOR = "modelarts.vm.cpu.2u"
ONLY_AT_CREATION = frozenset(
    {
        *("service_name", "infer_type", "workspace_id", "cluster_id", "pool_name"),
        *("vpc_id", "subnet_network_id", "security_group_id"),
    }
)
NOT_THERE = 404
Texts = Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]


class Entry(BaseModel):
    """One entry of `config`; what is not listed here goes to the server as it is."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    model: str | None = None
    model_id: str | None = None
    weight: int | None = None
    instance_count: int = 1
    specification: str = FLAVOR
    envs: dict[str, str] | None = None
    deploy_timeout_in_seconds: int | None = None
    additional_properties: dict[str, Any] | None = None
    src_path: str | None = None
    dest_path: str | None = None
    req_uri: str | None = None
    mapping_type: str | None = None
    mapping_rule: dict[str, Any] | str | None = None
    src_type: str | None = None


class ServiceBody(BaseModel):
    """A whole file. A key that nobody knows is an error here: it is a typing mistake."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    service_name: Annotated[str, Field(min_length=1)]
    infer_type: Literal["real-time", "batch", "edge"] = "real-time"
    description: str | None = None
    models: Texts | None = None
    config: list[Entry] | None = None
    schedule: list[dict[str, Any]] | None = None
    additional_properties: dict[str, Any] | None = None
    load_balancer_policy: str | None = None
    service_secrets: list[dict[str, Any]] | None = None
    priority: int | None = None
    workspace_id: str | None = None
    cluster_id: str | None = None
    pool_name: str | None = None
    vpc_id: str | None = None
    subnet_network_id: str | None = None
    security_group_id: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceFile:
    """`lines`: where each key is, by its path as the API writes it (`config[0].weight`)."""

    name: str
    body: ServiceBody
    lines: Mapping[str, int]

    @classmethod
    def read(cls, path: Path) -> "ServiceFile":
        """Raises BadFileError."""
        try:
            text = path.read_text()
        except OSError as e:
            raise BadFileError(f"{path}: cannot be read: {e.strerror}") from e
        except UnicodeDecodeError as e:
            raise BadFileError(f"{path}: cannot be read: {e}") from e
        return cls.parse(text, str(path))

    @classmethod
    def parse(cls, text: str, name: str = "service.yaml") -> "ServiceFile":
        """Raises BadFileError."""
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
            value = yaml.safe_load(text)
        except yaml.MarkedYAMLError as e:
            line = f":{e.problem_mark.line + 1}" if e.problem_mark else ""
            raise BadFileError(f"{name}{line}: is not YAML: {e.problem or e.context}") from e
        except yaml.YAMLError as e:
            raise BadFileError(f"{name}: is not YAML: {e}") from e
        if not isinstance(value, dict):
            raise BadFileError(f"{name}:1: must be a mapping with service_name and config (or models)")
        lines: dict[str, int] = {}
        twice = [f"{name}:{line}: {key}: is there twice" for key, line in _walk(node, "", lines)]
        try:
            body = ServiceBody.model_validate(value)
        except ValidationError as e:
            raise BadFileError("\n".join([*twice, *_told(e, name, lines)])) from e
        parsed = cls(name, body, lines)
        if problems := [*twice, *parsed.problems()]:
            raise BadFileError("\n".join(problems))
        return parsed

    def problems(self) -> Iterator[str]:
        """What types do not say."""
        if (self.body.config is None) == (self.body.models is None):
            yield self.at("models" if self.body.models else "", "give either config or models")
        elif self.body.models is not None and self.body.infer_type == "batch":
            yield self.at("models", "a batch service needs a config: its entry says src_path, dest_path and more")
        for i, entry in enumerate(self.body.config or ()):
            if (entry.model is None) == (entry.model_id is None):
                yield self.at(f"config[{i}]", "give either model (NAME/VERSION) or model_id")

    def at(self, field: str, text: str) -> str:
        """A message about a field: `service.yaml:7: config[0].weight: …`. What the API calls `config` is called
        `models` where the file says so."""
        named = re.sub(r"^config\b", "models", field) if self.body.models is not None else field
        return _at(self.name, self.lines, named, text)

    def located(self, error: ApiError) -> ApiError:
        """The server's refusal, by the lines of this file."""
        if not error.details:
            return error
        text = "\n".join(self.at(field, said) for field, said in error.details)
        return ApiError(error.status, error.code, f"the server refuses this file\n{text}", error.request_id)

    def wanted(self, model_id: Callable[[str], str]) -> Json:
        """The POST body; `model_id` turns a model's name into its id. Raises BadFileError, or UnknownName when
        nothing but names is wrong: every entry's mistake with its line."""
        body = self.body.model_dump(exclude_none=True, exclude={"config", "models"})
        return {**body, "config": self._config(model_id)}

    @staticmethod
    def change(body: Json) -> Json:
        """What of a POST body a PUT can change."""
        return {name: value for name, value in body.items() if name not in ONLY_AT_CREATION}

    def _config(self, model_id: Callable[[str], str]) -> list[Json]:
        made: list[Json] = []
        wrong: list[str] = []
        absent = 0
        for field, entry in self._entries(model_id):
            try:
                made.append(entry())
            except typer.BadParameter as e:
                wrong.append(self.at(field, e.message))
            except (UnknownName, ApiError) as e:
                if isinstance(e, ApiError) and e.status != NOT_THERE:
                    raise
                absent += 1
                wrong.append(self.at(field, e.message if isinstance(e, ApiError) else str(e)))
        if wrong:
            kind: type[ClientError] = UnknownName if absent == len(wrong) else BadFileError
            raise kind("\n".join(wrong))
        return made

    def _entries(self, model_id: Callable[[str], str]) -> Iterable[tuple[str, Callable[[], Json]]]:
        """(where it stands, what makes it an entry of `config`) of each."""
        models, entries = self.body.models or (), self.body.config or ()
        for i, text in enumerate(models):
            yield f"models[{i}]", partial(_short, text, len(models), model_id)
        alone = {"weight": 100} if self.body.infer_type == "real-time" and len(entries) == 1 else {}
        for i, entry in enumerate(entries):
            yield f"config[{i}].model", partial(_whole, alone, entry, model_id)


def _short(text: str, among: int, model_id: Callable[[str], str]) -> Json:
    return variant(text, among, model_id, Variant(model_id="", specification=FLAVOR)).request()


def _whole(defaults: Mapping[str, int], entry: Entry, model_id: Callable[[str], str]) -> Json:
    said = {**defaults, **entry.model_dump(exclude_none=True, exclude={"model"})}
    return {"model_id": model_id(entry.model), **said} if entry.model else said


def _walk(node: yaml.Node | None, path: str, lines: dict[str, int]) -> Iterator[tuple[str, int]]:
    """Note the line of every key; the keys that are there twice."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = f"{path}.{key.value}" if path else str(key.value)
            line = key.start_mark.line + 1
            if inner in lines:
                yield inner, line
            lines[inner] = line
            yield from _walk(value, inner, lines)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            lines[f"{path}[{i}]"] = value.start_mark.line + 1
            yield from _walk(value, f"{path}[{i}]", lines)


def _told(error: ValidationError, name: str, lines: Mapping[str, int]) -> Iterator[str]:
    for one in error.errors(include_url=False):
        path = ""
        for step in one["loc"]:
            path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
        text = {"missing": "is mandatory", "extra_forbidden": "is no key of a service"}.get(
            one["type"], one["msg"]
        )
        yield _at(name, lines, path, text)


def _at(name: str, lines: Mapping[str, int], field: str, text: str) -> str:
    """By the line of the field, or of what it would be in."""
    where = field
    while where and where not in lines:
        where = where[: max(where.rfind("."), where.rfind("["), 0)]
    return f"{name}:{lines.get(where, 1)}: {field + ': ' if field else ''}{text}"
