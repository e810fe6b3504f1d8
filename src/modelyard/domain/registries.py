"""What a project is known by to registries of images."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    """`registry`: a host, with its port if it has one (`registry.example.com:5000`; `docker.io`). `password`: or a
    token that serves as one."""

    project_id: str
    registry: str
    user: str
    password: str = field(repr=False)
    changed_ms: int
