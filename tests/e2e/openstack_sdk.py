"""A life of one service with the otcextensions SDK, as its users write it. Not a test: run by
test_openstack_clients in an environment of its own, `openstack_sdk.py MODEL_ID`; what it saw, as JSON. With the
name of a batch service behind it: what it sees of that one, and stops it. With `failed NAME …`: the same of
services that failed.
"""

import json
import sys
import time

import openstack  # type: ignore[import-not-found]
from otcextensions import sdk  # type: ignore[import-not-found]


def main(model_id: str) -> dict[str, object]:
    connection = openstack.connect()
    sdk.register_otc_extensions(connection)
    client = connection.modelartsv1
    entry = {"model_id": model_id, "specification": "modelarts.vm.cpu.2u", "instance_count": 1, "weight": 100}
    made = client.create_service(service_name="by-sdk", infer_type="real-time", config=[entry])
    client.wait_for_service(made.id, 60, 1)
    shown = client.get_service(made.id)
    update = client.update_service(made.id, config=[{**entry, "envs": {"A": "1"}}], description="by the SDK")
    client.wait_for_service(made.id, 60, 1)
    found = client.find_service("by-sdk")
    seen = {
        "created": made.service_id == made.id == shown.id,
        "shown": [shown.name, shown.infer_type, shown.status, shown.config[0].instance_count],
        "update_time": update.update_time,
        "found": [found.id == made.id, found.description],
        "envs": client.get_service(made.id).config[0].envs,
        "listed": [service.name for service in client.services(name="by-sdk", limit=10)],
        "logs": [log.result for log in client.service_logs(made.id)],
        "events": [event.event_type for event in client.service_events(made.id, limit=5)],
        "monitor": [one.model_id for one in client.service_monitor(made.id)],
        "flavors": [flavor.specification for flavor in client.service_flavors() if flavor.is_open],
        "clusters": list(client.service_clusters()),
        "models": [model.name for model in client.models(name="echo")],
        "nobody": client.find_service("nobody"),
    }
    client.delete_service(made.id)
    while client.find_service("by-sdk"):  # its model is in use until it is gone
        time.sleep(0.2)
    return seen


def batch(name: str) -> dict[str, object]:
    connection = openstack.connect()
    sdk.register_otc_extensions(connection)
    client = connection.modelartsv1
    found = client.find_service(name)
    client.stop_service(found.id)
    while (stopped := client.get_service(found.id)).status != "stopped":
        time.sleep(0.2)
    return {
        "shown": [found.name, found.infer_type, found.status],
        "listed": [service.name for service in client.services(infer_type="batch")],
        "logs": [log.result for log in client.service_logs(found.id)],
        "monitor": [one.model_id for one in client.service_monitor(found.id)],
        "stopped": stopped.status,
    }


def failed(names: list[str]) -> dict[str, object]:
    connection = openstack.connect()
    sdk.register_otc_extensions(connection)
    client = connection.modelartsv1
    seen: dict[str, object] = {"listed": sorted(service.name for service in client.services(status="failed"))}
    for name in names:
        found = client.find_service(name)
        shown = client.get_service(found.id)
        logs = [log.result for log in client.service_logs(found.id)]
        kinds = {event.event_type for event in client.service_events(found.id, limit=50)}
        client.stop_service(found.id)
        while (stopped := client.get_service(found.id)).status != "stopped":
            time.sleep(0.2)
        seen[name] = [shown.status, bool(shown.error_msg), logs[0], sorted(kinds), stopped.status]
    return seen


if __name__ == "__main__":
    if sys.argv[1] == "failed":
        print(json.dumps(failed(sys.argv[2:])))
    else:
        print(json.dumps(batch(sys.argv[2]) if len(sys.argv) > 2 else main(sys.argv[1])))
