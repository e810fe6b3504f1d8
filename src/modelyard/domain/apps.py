"""Applications, which invoke services with a code instead of a token."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class App:
    """An application. Whoever has one of its codes may invoke the services that it is bound to."""

    id: str
    project_id: str
    name: str
    owner: str
    created_ms: int
    description: str = ""


@dataclass(frozen=True, slots=True)
class AppCode:
    """`digest` finds a code; `code` is what callers send, sealed at rest and kept out of reprs."""

    digest: str
    app_id: str
    created_ms: int
    code: str = field(repr=False)
