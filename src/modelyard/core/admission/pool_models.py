"""Which models can run in which pools: an image needs a container engine, and rows go to a command only where that
is a process. Pure.

an image in a pool of containers                                       runs there
an image elsewhere, and the installation has a container engine        runs in that one
an image elsewhere, and it has none                                    refused
a batch service with a command in a pool of containers                 refused
"""

from collections.abc import Iterator, Mapping

from modelyard.core.admission.catalog import Pool
from modelyard.core.admission.fields import IMAGE
from modelyard.core.admission.placement import Site
from modelyard.core.admission.variant_request import VariantRequest
from modelyard.core.packages.programs import program
from modelyard.domain.errors import Violation
from modelyard.domain.model import Model
from modelyard.domain.pools import EngineKind
from modelyard.domain.texts import shown


def violations(
    path: str, entry: VariantRequest, models: Mapping[str, Model], site: Site, *, images: bool, batch: bool
) -> Iterator[Violation]:
    """`images`: the installation has a container engine of its own. `batch`: the service is one."""
    model, pool = models.get(entry.model_id or ""), site.pool(entry.placement)
    key = entry.placement.pool_key or site.service.pool_key
    if batch and boxed(entry, site) and model is not None and program(model.config) is not None:
        text = "is served by a command, which a batch service runs in pools of processes only"
        yield Violation(f"{path}.model_id", text)
    if images or model is None or not _is_image(model) or (key is not None and pool is None):
        return
    if boxed(entry, site):
        return
    where = f"its pool {shown(pool.name)} runs processes" if pool is not None else "it is in no pool of containers"
    text = f"is an image, and {where}: name such a pool in pool_name, or have an administrator"
    yield Violation(f"{path}.model_id", f"{text} set MODELYARD_CONTAINER_ENGINE")


def boxed(entry: VariantRequest, site: Site) -> bool:
    """Whether its instances are containers whatever its model is."""
    return runs_containers(site.pool(entry.placement))


def runs_containers(pool: Pool | None) -> bool:
    return pool is not None and pool.engine is EngineKind.CONTAINER


def _is_image(model: Model) -> bool:
    run = program(model.config)
    return model.type == IMAGE or bool(run and run.image)
