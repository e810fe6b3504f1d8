"""Where each field of a service belongs (contract §2). A known field in the wrong place would silently be kept as
a label, or ignored. So it is refused, and the refusal names the place where it takes effect.

    {"request_limit": {…}}                              belongs into additional_properties
    {"additional_properties": {"max_surge": 2}}         belongs into config[].additional_properties
    {"config": [{"schedule": […]}]}                     belongs to the top level of the body

Keys that are not known at all are not judged here, nor are everyday words among the properties of a service, where
callers keep labels of their own.
"""

from collections.abc import Mapping

TOP, ENTRY = "", "config[]"
SERVICE_PROPERTIES, MODEL_PROPERTIES = "additional_properties", "config[].additional_properties"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


KNOWN: Mapping[str, frozenset[str]] = {
    TOP: _names(
        "service_name infer_type description status config workspace_id cluster_id pool_name vpc_id "
        "subnet_network_id security_group_id schedule additional_properties load_balancer_policy "
        "service_secrets priority"
    ),
    ENTRY: _names(
        "model_id weight specification instance_count envs secret_envs custom_spec deploy_timeout_in_seconds "
        "cluster_id pool_name additional_properties affinity nodes src_path dest_path req_uri mapping_type "
        "mapping_rule src_type"
    ),
    SERVICE_PROPERTIES: _names(
        "smn_notification log_report_channels websocket_upgrade traffic_limit request_limit access_log"
    ),
    MODEL_PROPERTIES: _names(
        "max_surge max_unavailable termination_grace_period_seconds log_volume persistent_volumes csv_header "
        "csv_delimiter csv_encoding output_format error_threshold row_timeout_seconds max_row_bytes"
    ),
}
"""The fields of each place, as the wire models have them (their test compares)."""

PROPERTIES = KNOWN[SERVICE_PROPERTIES] | KNOWN[MODEL_PROPERTIES]

SHOWN: Mapping[str, frozenset[str]] = {ENTRY: frozenset({"status"})}
"""Fields that only answers have. They are allowed, because callers send an answer back with changes."""

EVERYDAY: Mapping[str, frozenset[str]] = {SERVICE_PROPERTIES: frozenset({"description", "status", "priority"})}


def misplaced(key: str, here: str) -> str:
    """What is wrong with a key that belongs elsewhere; "" if it belongs here, or is not known at all."""
    if any(key in names.get(here, ()) for names in (KNOWN, SHOWN, EVERYDAY)):
        return ""
    homes = [place for place, names in KNOWN.items() if key in names]
    if not homes:
        return ""
    return " or ".join(
        "belongs to the top level of the body" if home == TOP else f"belongs into {home}" for home in homes
    )
