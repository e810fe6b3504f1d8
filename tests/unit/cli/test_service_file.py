"""Service files: what they mean, and how mistakes in them are told."""

from pathlib import Path
from typing import Any

import pytest

from modelyard.cli.exits import BadFileError
from modelyard.cli.service_file import ServiceFile
from modelyard.client import ApiError, UnknownName

FLAVOR = "modelarts.vm.cpu.2u"
EXAMPLES = Path(__file__).parents[3] / "examples" / "services"
START = "service_name: iris\n"


def wanted(text: str) -> dict[str, Any]:
    return ServiceFile.parse(START + text).wanted(lambda key: f"id of {key}")


MEANINGS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "one-model": (
        "models: iris/1.0.0",
        [{"model_id": "id of iris/1.0.0", "weight": 100, "specification": FLAVOR, "instance_count": 1}],
    ),
    "notation": (
        "models: [iris/1.0.0=90, iris/2.0.0=10x2]",
        [
            {"model_id": "id of iris/1.0.0", "weight": 90, "specification": FLAVOR, "instance_count": 1},
            {"model_id": "id of iris/2.0.0", "weight": 10, "specification": FLAVOR, "instance_count": 2},
        ],
    ),
    "entry-by-name": (
        "config: [{model: iris/1.0.0}]",
        [{"model_id": "id of iris/1.0.0", "weight": 100, "instance_count": 1, "specification": FLAVOR}],
    ),
    "entry-by-id-and-what-the-server-knows": (
        "config: [{model_id: m1, weight: 100, specification: custom, custom_spec: {cpu: 1, memory: 512}}]",
        [
            {
                "model_id": "m1",
                "weight": 100,
                "instance_count": 1,
                "specification": "custom",
                "custom_spec": {"cpu": 1, "memory": 512},
            }
        ],
    ),
}


@pytest.mark.parametrize("case", MEANINGS)
def test_what_a_config_means(case: str) -> None:
    text, config = MEANINGS[case]
    body = wanted(text)
    assert body == {"service_name": "iris", "infer_type": "real-time", "config": config}
    assert ServiceFile.change(body) == {"config": config}


BATCH = """infer_type: batch
config:
  - model: iris/1.0.0
    src_path: obs://data/in/
    dest_path: obs://data/out/
    req_uri: /
    mapping_type: csv
    mapping_rule:
      type: object
      properties:
        x: {type: number, index: 0}
    additional_properties:
      csv_header: true
      error_threshold: {share: 0.1}
"""


def test_a_batch_service() -> None:
    (entry,) = wanted(BATCH)["config"]
    assert entry == {
        "model_id": "id of iris/1.0.0",
        "instance_count": 1,
        "specification": FLAVOR,
        "src_path": "obs://data/in/",
        "dest_path": "obs://data/out/",
        "req_uri": "/",
        "mapping_type": "csv",
        "mapping_rule": {"type": "object", "properties": {"x": {"type": "number", "index": 0}}},
        "additional_properties": {"csv_header": True, "error_threshold": {"share": 0.1}},
    }
    refusal = (("config[0].mapping_rule.properties.x.index", "is 100000"), ("config[0].src_path", "is not there"))
    told = ServiceFile.parse(START + BATCH, "f.yaml").located(ApiError(400, "c", "…", "r", refusal))
    assert [line.partition(": ")[0] for line in str(told).splitlines()[1:]] == ["f.yaml:12", "f.yaml:5"]


MISTAKES = {
    "empty": ("", "f.yaml:1: must be a mapping"),
    "not-yaml": ("service_name: [", "f.yaml:1: is not YAML"),
    "tab": ("service_name: iris\n\tmodels: a", "f.yaml:2: is not YAML"),
    "no-name": ("models: iris", "f.yaml:1: service_name: is mandatory"),
    "typing-mistake": (START + "\nmodles: iris", "f.yaml:3: modles: is no key of a service"),
    "type": (START + "config:\n  - model: a\n    weight: much", "f.yaml:4: config[0].weight: Input should be"),
    "inner-type": (START + "config:\n  - model: a\n    envs:\n      A: 7", "f.yaml:5: config[0].envs.A: Input"),
    "neither": (START, "f.yaml:1: give either config or models"),
    "models-of-a-batch": (
        START + "infer_type: batch\nmodels: a",
        "f.yaml:3: models: a batch service needs a config",
    ),
    "batch-type": (
        START + "config:\n  - model: a\n    src_path: 7",
        "f.yaml:4: config[0].src_path: Input should be",
    ),
    "both": (START + "models: a\nconfig: []", "f.yaml:2: models: give either config or models"),
    "entry-without-model": (START + "config:\n  - weight: 1", "f.yaml:3: config[0]: give either model"),
    "entry-with-both": (
        START + "config:\n  - {model: a, model_id: b}",
        "f.yaml:3: config[0]: give either model",
    ),
    "twice": (START + "description: a\ndescription: b\nmodels: a", "f.yaml:3: description: is there twice"),
    "twice-inside": (
        START + "config:\n  - model: a\n    model: b",
        "f.yaml:4: config[0].model: is there twice",
    ),
    "python": ("service_name: !!python/object/apply:os.system [true]", "is not YAML"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_with_line_and_key(case: str) -> None:
    text, told = MISTAKES[case]
    with pytest.raises(BadFileError) as caught:
        ServiceFile.parse(text, "f.yaml")
    assert told in str(caught.value)


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(BadFileError) as caught:
        ServiceFile.parse("modles: a\npriority: high\npriority: low")
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        "service.yaml:3",
        "service.yaml:1",
        "service.yaml:3",
        "service.yaml:1",
    ]


@pytest.mark.parametrize("text", ["models: [a, b, c]", "models: ['']"])
def test_a_notation_that_cannot_be_read(text: str) -> None:
    with pytest.raises(BadFileError, match=r"service\.yaml:2: models\[0\]"):
        wanted(text)


def test_what_the_server_refuses_is_told_by_the_lines_of_the_file() -> None:
    source = ServiceFile.parse(START + "config:\n  - model: a\n    instance_count: 99\n", "f.yaml")
    details = (("config[0].instance_count", "is 99"), ("config[0].weight", "is mandatory"), ("", "too many"))
    told = source.located(ApiError(400, "ModelArts.3522", "…", "r-1", details))
    assert str(told).splitlines()[1:] == [
        "f.yaml:4: config[0].instance_count: is 99",
        "f.yaml:3: config[0].weight: is mandatory",
        "f.yaml:1: too many",
    ]


def test_mistakes_of_several_entries_are_told_together() -> None:
    def model_id(name: str) -> str:
        raise UnknownName(f"no {name}")

    source = ServiceFile.parse(START + "models:\n  - iris/1.0.0=9x\n  - iris/2.0.0\n", "f.yaml")
    with pytest.raises(BadFileError) as caught:
        source.wanted(model_id)
    weight, absent = str(caught.value).splitlines()
    assert weight.startswith("f.yaml:3: models[0]: '9x' is no weight of iris/1.0.0")
    assert absent == "f.yaml:4: models[1]: no iris/2.0.0"
    alone = ServiceFile.parse(START + "config:\n  - {model: a}\n  - {model: b}\n", "f.yaml")
    with pytest.raises(UnknownName, match=r"f\.yaml:3: config\[0\].model: no a\nf\.yaml:4: "):
        alone.wanted(model_id)


def test_what_the_server_calls_config_is_models_where_the_file_says_so() -> None:
    source = ServiceFile.parse(START + "models:\n  - a=60\n  - b=60\n", "f.yaml")
    told = source.located(ApiError(400, "ModelArts.3522", "…", "r-1", (("config[1].weight", "is 60"),)))
    assert str(told).splitlines()[1] == "f.yaml:4: models[1].weight: is 60"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="cannot be read"):
        ServiceFile.read(tmp_path / "none.yaml")


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_the_examples_can_be_read(path: Path) -> None:
    assert ServiceFile.read(path).wanted(str)["service_name"] in {"iris", "iris-nightly"}
