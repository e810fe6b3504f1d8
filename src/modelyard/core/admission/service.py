"""What a request says about a service besides `config`: schedule, properties, load balancing, secrets, priority.

Every broken rule is named; a valid request makes the service that it asks for. Where a service runs is decided by
`core.admission.placement`.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from modelyard.core import schedule as auto_stop
from modelyard.core import settings
from modelyard.core.admission import properties
from modelyard.core.admission.catalog import Quotas
from modelyard.core.admission.placement import Placement
from modelyard.domain.errors import Violation
from modelyard.domain.routing import LoadBalancer
from modelyard.domain.service import Desired, InferType, Service
from modelyard.domain.settings import ServiceSettings
from modelyard.domain.texts import shown

PRIORITIES = (1, 3)
NETWORK = ("vpc_id", "subnet_network_id", "security_group_id")


@dataclass(frozen=True, slots=True)
class SecretRequest:
    """A secret to be mounted; None where a field is absent."""

    secret_id: str | None
    mount_path: str | None


@dataclass(frozen=True, slots=True)
class SettingsRequest:
    """None: the field is absent, which changes nothing. `properties` are as the caller wrote them, except that
    numbers are numbers."""

    schedule: tuple[auto_stop.Entry, ...] | None = None
    properties: Mapping[str, object] | None = None
    load_balancer: str | None = None
    secrets: tuple[SecretRequest, ...] | None = None
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class PlaceRequest:
    """Where a service is to be created: pools, and networks by the names of their fields."""

    placement: Placement = Placement()
    network: tuple[tuple[str, str], ...] = ()


def violations(
    request: SettingsRequest,
    before: Mapping[str, object],
    quotas: Quotas,
    infer_type: InferType,
    *,
    websocket: bool = True,
    topics: Collection[str] = (),
) -> Iterator[Violation]:
    """What is wrong with the request for a service with the attributes `before`. `websocket`: whether any of its
    models may be able to serve one. `topics`: those that the project has, of those that the request names."""
    real_time = infer_type is InferType.REAL_TIME
    yield from auto_stop.violations(request.schedule or (), real_time=real_time)
    if request.properties is not None:
        bounds = properties.Bounds(quotas.request_timeout_max_s, quotas.request_body_max_bytes)
        there = properties.Known(websocket, frozenset(topics))
        yield from properties.violations(properties.of(before), request.properties, bounds, there)
        for name in () if real_time else properties.OF_CALLERS:
            if request.properties.get(name):
                at = f"{properties.PROPERTIES}.{name}"
                yield Violation(at, "is for real-time services only: nobody calls this one")
    policy = request.load_balancer
    if policy is not None and not real_time:
        yield Violation(properties.LOAD_BALANCER, "is for real-time services only")
    elif policy is not None and policy not in {p.value for p in LoadBalancer}:
        known = ", ".join(p.value for p in LoadBalancer)
        yield Violation(properties.LOAD_BALANCER, f"is {shown(policy)}, must be one of {known}")
    least, most = PRIORITIES
    if request.priority is not None and not least <= request.priority <= most:
        yield Violation(properties.PRIORITY, f"is {request.priority}, must be {least} to {most}")
    yield from _secrets(request.secrets or ())


def _secrets(secrets: tuple[SecretRequest, ...]) -> Iterator[Violation]:
    """Whether they are whole; whether there are such secrets is for `service_secrets`."""
    for i, secret in enumerate(secrets):
        at = f"{properties.SECRETS}[{i}]"
        if not secret.secret_id:
            yield Violation(f"{at}.secretId", "is mandatory")
        if not secret.mount_path:
            yield Violation(f"{at}.mouthPath", "is mandatory")


def place_violations(request: PlaceRequest) -> Iterator[Violation]:
    """A dedicated pool brings its own network; elsewhere there are no networks to choose from."""
    if request.placement.pool_key is None:
        for name, value in request.network:
            if value:
                yield Violation(name, "is not supported yet: there are no virtual private clouds here")


def settled(request: SettingsRequest, before: Service, now_ms: int) -> Service:
    """The service after a valid request; equal to `before` when it changes nothing."""
    after = dict(before.attributes)
    if request.properties is not None:
        merged = properties.merged(properties.of(before.attributes), request.properties)
        if merged or properties.PROPERTIES in after:
            after[properties.PROPERTIES] = merged
    if request.load_balancer is not None:
        after[properties.LOAD_BALANCER] = request.load_balancer
    if request.priority is not None:
        after[properties.PRIORITY] = request.priority
    if request.schedule is None:
        return settings.keeping(before, after)
    after.pop(auto_stop.SCHEDULE, None)
    if request.schedule:
        after[auto_stop.SCHEDULE] = auto_stop.echoed(request.schedule)
    service = settings.keeping(before, after)
    running = service.desired is Desired.RUNNING
    return replace(service, due_ms=auto_stop.countdown_ms(service.settings, now_ms) if running else None)


def placed(request: PlaceRequest) -> Mapping[str, object]:
    """The attributes that tell where the service was created."""
    where = request.placement
    said = {"cluster_id": where.cluster_id, "pool_name": where.pool_name, **dict(request.network)}
    return {name: value for name, value in said.items() if value}


def placement(chosen: ServiceSettings) -> Placement:
    """What the service's settings say about pools."""
    return Placement(cluster_id=chosen.cluster_id, pool_name=chosen.pool_name)
