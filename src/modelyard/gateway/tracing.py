"""How Envoy traces requests, where it does: a part of its bootstrap. Pure.

Its spans go to the control plane, over the socket of its routes, which sends them on with its own: so no address
and no secret of a receiver is here, and a receiver that is slow or away is nothing to Envoy. Without a control
plane they are dropped. A request's context reaches the instance in `traceparent` and `tracestate`: with tracing,
as the child of Envoy's span, without, as its caller sent it.
"""

from modelyard.domain.tracing import GATEWAY
from modelyard.gateway.envoy_json import Json, typed

CLUSTER = "spans"
SERVICE_TAG = "modelyard.service.id"
REFERENCE_TAG = "modelyard.reference"
_SAMPLERS = "envoy.extensions.tracers.opentelemetry.samplers.v3"


def manager(share: float) -> Json:
    """What the connection manager has besides. `share` (0 to 1): of the requests whose callers do not say."""
    if not share:
        return {}
    ratio = {
        "name": "envoy.tracers.opentelemetry.samplers.trace_id_ratio_based",
        "typed_config": typed(
            f"{_SAMPLERS}.TraceIdRatioBasedSamplerConfig",
            sampling_percentage={"numerator": round(share * 1_000_000), "denominator": "MILLION"},
        ),
    }
    tracer = typed(
        "envoy.config.trace.v3.OpenTelemetryConfig",
        grpc_service={"envoy_grpc": {"cluster_name": CLUSTER}, "timeout": "1s"},
        service_name=GATEWAY,
        sampler={
            "name": "envoy.tracers.opentelemetry.samplers.parent_based",
            "typed_config": typed(f"{_SAMPLERS}.ParentBasedSamplerConfig", wrapped_sampler=ratio),
        },
    )
    return {
        "tracing": {
            "provider": {"name": "envoy.tracers.opentelemetry", "typed_config": tracer},
            "custom_tags": [
                {"tag": SERVICE_TAG, "value": "%ROUTE_NAME%"},
                {"tag": REFERENCE_TAG, "value": "%RESP(X-MODELYARD-REFERENCE)%"},
            ],
        },
        # The sampler decides, and ids of requests stay as their callers chose them.
        "request_id_extension": {
            "typed_config": typed(
                "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig",
                pack_trace_reason=False,
                use_request_id_for_trace_sampling=False,
            )
        },
    }


def runtime() -> Json:
    """Spans are sent in bunches, each second."""
    layer = {"tracing.opentelemetry.min_flush_spans": 200, "tracing.opentelemetry.flush_interval_ms": 1000}
    return {"layers": [{"name": "tracing", "static_layer": layer}]}
