"""What projects may use, on the wire. An extension: the contract has no such calls."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field, StrictBool

from modelyard.api.schemas.wire import Integer, Number, Wire

QUOTAS: dict[str, Any] = {"quotas": {"instances_per_model": 20, "real_time_services": 50}}
FLAVOR: dict[str, Any] = {
    "name": "lab.large",
    "cpu": 16,
    "memory_mib": 65536,
    "open": False,
    "open_projects": ["p"],
}
POOL: dict[str, Any] = {
    "project_id": "4e1d77",
    "name": "lab",
    "engine": "container",
    "endpoint": "unix:///run/podman/podman.sock",
}
BUCKET: dict[str, Any] = {
    "project_id": "4e1d77",
    "endpoint": "https://s3.example.com",
    "access_key": "AKEXAMPLE",
    "secret_key": "…",
}


class QuotasBody(Wire):
    """PUT /v1/modelyard/admin/projects/{project_id}/quotas."""

    quotas: Annotated[dict[str, Integer] | None, Field(description="quota → value; the others stay")] = None

    required: ClassVar[Sequence[str]] = ("quotas",)


class FlavorBody(Wire):
    """POST …/flavors, PATCH …/flavors/{flavor}. What is absent stays as it is."""

    name: Annotated[str | None, Field(description="mandatory to create one")] = None
    cpu: Annotated[Number | None, Field(description="cores; mandatory to create one")] = None
    memory_mib: Annotated[Integer | None, Field(description="MiB; mandatory to create one")] = None
    category: Annotated[str | None, Field(description="CPU (default), GPU or NPU")] = None
    accelerators: Annotated[Number | None, Field(description="GPUs or NPUs that go with it")] = None
    pids: Annotated[Integer | None, Field(description="processes and threads of one instance")] = None
    open_files: Annotated[Integer | None, Field(description="open files of one instance")] = None
    display: Annotated[str | None, Field(description="a label: what people are shown")] = None
    open: Annotated[StrictBool | None, Field(description="whether every project may use it")] = None
    open_projects: Annotated[list[str] | None, Field(description="projects that may use it from now on")] = None
    close_projects: Annotated[list[str] | None, Field(description="projects that no longer may")] = None


class PoolBody(Wire):
    """POST …/pools, PATCH …/pools/{pool_id}. What is absent stays as it is."""

    project_id: Annotated[str | None, Field(description="whose pool it is; mandatory to create one")] = None
    name: Annotated[str | None, Field(description="mandatory to create one")] = None
    description: Annotated[str | None, Field(description="a label: shown in GET /clusters")] = None
    status: Annotated[str | None, Field(description="running, concerning, abnormal or deploying")] = None
    engine: Annotated[str | None, Field(description="what its instances are: process (default) or container")] = (
        None
    )
    endpoint: Annotated[
        str | None,
        Field(
            description="unix:///PATH of its container engine's socket; absent or empty: the installation's own"
        ),
    ] = None
    nodes: Annotated[list[str] | None, Field(description="names of its nodes, if not all that its engine has")] = (
        None
    )
    specification: Annotated[str | None, Field(description="a label: the flavor of its nodes")] = None
    cpu: Annotated[Number | None, Field(description="cores to allocate")] = None
    memory_mib: Annotated[Integer | None, Field(description="MiB to allocate")] = None
    accelerators: Annotated[Number | None, Field(description="GPUs or NPUs to allocate")] = None


class PoolList(Wire):
    """Query of GET …/pools."""

    project_id: str | None = None


class BucketBody(Wire):
    """PUT …/buckets/{bucket}. Where it is, is said by endpoint, access_key and secret_key together."""

    project_id: str | None = None
    endpoint: Annotated[
        str | None,
        Field(
            description="the S3 service that has it, https://HOST[:PORT]; absent: as before;"
            " empty: where buckets are that have none of their own"
        ),
    ] = None
    access_key: Annotated[str | None, Field(description="who we are there")] = None
    secret_key: Annotated[str | None, Field(description="and how that is shown; kept sealed, never told")] = None
    region: Annotated[str | None, Field(description="us-east-1 unless it says otherwise")] = None

    required: ClassVar[Sequence[str]] = ("project_id",)


BODIES = (QuotasBody, FlavorBody, PoolBody, BucketBody)
