"""Settings of a service and its monitor, through a whole server: API, loop, Envoy, a real model process."""

from collections import Counter

import httpx
import pytest
from examples.demo.stage import Stage, until
from tests.worlds import server

from modelyard.client import ApiError, Client, Credentials, Service

pytestmark = pytest.mark.e2e


stage = pytest.fixture(server.stage, scope="module")


yard = pytest.fixture(server.yard, scope="module")


@pytest.fixture(scope="module")
def service(stage: Stage, yard: Client) -> Service:
    return server.deployed(stage, yard, "echo", server.ECHO)


def get(yard: Client, path: str) -> dict[str, object]:
    """A call that the client has no method for."""
    answer = yard.session.call("GET", path)
    assert isinstance(answer, dict)
    return answer


def test_the_monitor_measures_the_process(yard: Client, service: Service) -> None:
    one: dict[str, float] = {}

    def busy() -> bool:
        for n in range(20):
            assert yard.predict(service, {"n": n}) == {"n": n}
        seen = get(yard, f"/services/{service.service_id}/monitor")
        assert isinstance(seen["monitors"], list)
        one.update(seen["monitors"][0])
        counted = min(int(str(seen["req_count_per_min"])), one["invocation_times"])  # each is kept on its own
        return counted >= 20 and 0 < one["cpu_core_usage"] < 16

    until(busy, 30, "the requests to be counted and the CPU to be used")
    assert one["cpu_memory_usage"] > 5
    assert one["model_running_instance_count"] == 1


def test_limits_come_and_go_without_a_restart(stage: Stage, yard: Client, service: Service) -> None:
    before = stage.instances()
    limit = {"traffic_limit": {"num": 3, "unit": "DAY"}, "request_limit": {"max_body_bytes": 1000}}
    assert yard.services.put(service.service_id, additional_properties=limit) == {}

    def status(body: object) -> int:
        try:
            yard.predict(service, body)
        except ApiError as error:
            return error.status
        return 200

    until(lambda: status({"x": "y" * 2000}) == 413, 10, "the body limit")
    answers = Counter(status({"a": 1}) for _ in range(10))
    assert answers[200] <= 3
    assert answers[429] >= 7
    assert yard.services.put(service.service_id, additional_properties={"traffic_limit": {}}) == {}
    until(lambda: status({"a": 1}) == 200, 10, "the limit to go")
    assert Counter(status({"a": 1}) for _ in range(10)) == {200: 10}
    assert stage.instances() == before


def test_the_reference_needs_no_network(stage: Stage) -> None:
    base = Credentials.from_data_dir(stage.data_dir).auth_url.removesuffix("/v3")
    page = httpx.get(f"{base}/docs")
    assert page.status_code == 200
    assert "<script" not in page.text
    assert "http" not in page.text.split("</style>")[0]
