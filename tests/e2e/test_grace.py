"""The grace of a service, through a whole server: it bounds a stop, and requests inside an update are finished."""

import threading
import time

import pytest
from examples.demo.stage import Stage, until
from tests.worlds import server

from modelyard.client import ApiError, Client, Service, Variant

pytestmark = pytest.mark.e2e

SCRIPT = """
import os, signal, time
from model_service.pytorch_model_service import PTServingBaseService


class Service(PTServingBaseService):
    def __init__(self, *_):
        signal.signal(signal.SIGTERM, lambda *_: os.write(1, b"told\\n"))

    def _inference(self, data):
        os.write(1, b"begun\\n")
        time.sleep(data["s"])
        return {"answered": True}
"""


stage = pytest.fixture(server.stage, scope="module")


yard = pytest.fixture(server.yard, scope="module")


def variant(model_id: str, grace_s: int, **envs: str) -> Variant:
    return Variant(
        model_id=model_id, envs=envs, additional_properties={"termination_grace_period_seconds": grace_s}
    )


@pytest.fixture(scope="module")
def model_id(stage: Stage, yard: Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    config = {"model_type": "Custom", "model_algorithm": "x"}
    package = server.script_package(tmp_path_factory.mktemp("package"), SCRIPT, config)
    return server.published(stage, yard, "m", package)


def asked(stage: Stage, service: Service, seconds: float) -> tuple[threading.Thread, list[object]]:
    """A request that is inside."""
    answers: list[object] = []

    def ask() -> None:
        with stage.client() as client:
            try:
                answers.append(client.predict(service, {"s": seconds}))
            except ApiError as error:
                answers.append(error.status)

    caller = threading.Thread(target=ask)
    caller.start()
    return caller, answers


def begun(stage: Stage) -> bool:
    return any("begun" in log.read_text() for log in (stage.data_dir / "instances").glob("*/log"))


def deployed(yard: Client, name: str, model_id: str, grace_s: int) -> Service:
    return yard.services.wait(yard.services.create(name, [variant(model_id, grace_s)]))


@pytest.mark.parametrize("grace_s", [0, 1])
@pytest.mark.parametrize("end", ["stop", "delete"])
def test_a_stop_waits_for_nobody_longer_than_the_grace(
    stage: Stage, yard: Client, model_id: str, grace_s: int, end: str
) -> None:
    service = deployed(yard, f"{end}-{grace_s}", model_id, grace_s)
    caller, answers = asked(stage, service, 50)
    until(lambda: begun(stage), 30, "the request to be inside")
    began = time.monotonic()
    getattr(yard.services, end)(service.service_id)
    if end == "stop":
        until(lambda: yard.services.get(service.service_id).status == "stopped", 30, "the service to be stopped")
    else:
        yard.services.wait_gone(service.service_id)
    caller.join(30)
    assert time.monotonic() - began < 20, "a request of 50 s was waited for"
    assert answers == [503]
    if end == "stop":
        yard.services.delete(service.service_id)
        yard.services.wait_gone(service.service_id)


def test_an_update_finishes_what_is_inside_whatever_the_grace(stage: Stage, yard: Client, model_id: str) -> None:
    service = deployed(yard, "update", model_id, 0)
    caller, answers = asked(stage, service, 3)
    until(lambda: begun(stage), 30, "the request to be inside")
    yard.services.configure(service.service_id, [variant(model_id, 0, A="1")])
    yard.services.wait(service.service_id)
    caller.join(30)
    assert answers == [{"answered": True}]
