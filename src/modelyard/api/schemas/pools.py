"""What callers read about pools beside the contract's clusters: an extension."""

from typing import Annotated

from pydantic import Field

from modelyard.api.schemas.answer import Answer, Maybe, Number, answer
from modelyard.api.schemas.answers import Cluster


@answer
class PoolNode(Answer):
    name: str
    ready: bool
    cpu_cores: Maybe[Number] = None
    memory: Maybe[Number] = None
    gpus: Maybe[Number] = None
    npus: Maybe[Number] = None


@answer
class PoolShown(Answer):
    """A pool as those see it who deploy into it. What nobody set and nobody could see is absent. MiB and cores."""

    pool_id: str
    pool_name: str
    description: str
    status: Annotated[str, Field(json_schema_extra={"enum": ["deploying", "running", "concerning", "abnormal"]})]
    reason: Maybe[str] = None
    engine: str
    runs_on: Maybe[str] = None
    nodes: list[PoolNode]
    capacity_cpu_cores: Maybe[Number] = None
    capacity_memory: Maybe[Number] = None
    capacity_gpus: Maybe[Number] = None
    capacity_npus: Maybe[Number] = None
    used_cpu_cores: Number
    used_memory: Number
    used_gpus: Number
    used_npus: Number


@answer
class ShownPools(Answer):
    total_count: int
    count: int
    pools: list[PoolShown]


@answer
class ClusterDetail(Cluster):
    pool: PoolShown
