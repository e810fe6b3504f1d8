"""Templates that former releases stored: the same names, so that an upgrade restarts nothing, and whole sizes.

Each row is as it was written; hashes and sizes were computed with the release before sizes were stored.
"""

from typing import Any

import pytest

from modelyard.core.size import UNKNOWN
from modelyard.domain.resources import Resources
from modelyard.store.sql import convert

CPU, GPU, NPU = "modelarts.vm.cpu.2u", "modelarts.vm.gpu.p4", "modelarts.vm.ai1.a310"


def row(specification: str, **template: object) -> dict[str, Any]:
    """A stored variant. The first release stored neither sizes nor volumes, a later one added `pids` and files."""
    fixed = {"model_id": "m", "digest": "d", "specification": specification, "envs": [], "pool": ""}
    return {
        "track": 1,
        "model_id": "m",
        "model_name": "n",
        "model_version": "1",
        "template": fixed | template,
        "instance_count": 1,
        "weight": 100,
        "max_surge": 1,
        "max_unavailable": 0,
        "deploy_timeout_s": 1,
        "termination_grace_s": 1,
        "raw": {},
    }


def sized(specification: str, cpu: float = 0.0, memory_mib: int = 0, **more: object) -> dict[str, Any]:
    fields = {"cpu": cpu, "memory_mib": memory_mib, "volumes": [], "pids": 0, "open_files": 0}
    return row(specification, **(fields | more))


OLD = [
    pytest.param(row(CPU), "8fa88aeee33c3dfb", Resources(2, 8192, 1024, 16_384), id="the first release"),
    pytest.param(
        sized(CPU, envs=[["B", "2"], ["A", "1"]]), "c95d6854a9b99c4f", Resources(2, 8192, 1024, 16_384), id="envs"
    ),
    pytest.param(
        sized(GPU, 8, 32768), "ed731821be77666e", Resources(8, 32768, 4096, 16_384, gpus=1), id="an opened GPU"
    ),
    pytest.param(
        row(NPU, pool="pool-1"), "4035d247ef09ca76", Resources(3, 6144, 1024, 16_384, npus=1), id="an NPU"
    ),
    pytest.param(
        sized("custom", 0.34, 64, pool="pool-1", volumes=[["/srv/a", "/data"]]),
        "c846ea3c5430c828",
        Resources(0.34, 64, 1024, 16_384),
        id="a size of one's own, a volume",
    ),
    pytest.param(
        row("custom", pool="pool-1", cpu=2.0, memory_mib=512),
        "65255ccf187ca038",
        Resources(2.0, 512, 1024, 16_384),
        id="a whole number of cores",
    ),
    pytest.param(
        sized("tiny", 0.5, 128, envs=[["K", "ü"]]),
        "8907f19814472fd7",
        Resources(0.5, 128, 1024, 16_384),
        id="an administrator's flavor",
    ),
    pytest.param(
        sized("many", 1, 256, pids=4096, open_files=65_536),
        "8e5689c275ec5b1b",
        Resources(1, 256, 4096, 65_536),
        id="with processes and files",
    ),
    pytest.param(
        sized(CPU, 2, 8192, pids=64),
        "6d608f5e30556dc5",
        Resources(2, 8192, 64, 16_384),
        id="a built-in flavor that was changed",
    ),
    pytest.param(sized("gone"), "cfdee96df1f8e73b", UNKNOWN, id="a flavor that is gone, and was never stored"),
]


@pytest.mark.parametrize(("stored", "name", "resources"), OLD)
def test_a_template_of_a_former_release(stored: dict[str, Any], name: str, resources: Resources) -> None:
    template = convert.variant(stored).template
    assert (template.hash, template.resources) == (name, resources)


@pytest.mark.parametrize(("stored", "name", "resources"), OLD)
def test_stored_again_it_is_the_same(stored: dict[str, Any], name: str, resources: Resources) -> None:
    variant = convert.variant(stored)
    assert convert.variant(convert.variant_json(variant)) == variant
