"""Secrets of a project: values that instances find as files, and that nobody is shown again."""

from dataclasses import dataclass, field


class SecretValue:
    """Text that no repr shows and nothing writes down by accident: JSON refuses it, and whoever wants the text has
    to say so."""

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "SecretValue(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretValue) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


@dataclass(frozen=True, slots=True)
class Secret:
    """One of a project. `version` counts from 1, up with each other value."""

    project_id: str
    name: str
    version: int
    value: SecretValue
    changed_ms: int


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A secret as an instance finds it: at `path`, with the value that this version had."""

    name: str
    version: int
    path: str
    value: SecretValue = field(default_factory=SecretValue)
