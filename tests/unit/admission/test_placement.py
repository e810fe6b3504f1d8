"""Pools, sizes, affinity, volumes, and what only batch or edge services have. Tables over values."""

from dataclasses import replace

import pytest

from modelyard.core.admission import volumes
from modelyard.core.admission.catalog import FLAVORS, Flavor, Pool, Quotas, flavor, flavors, quotas
from modelyard.core.admission.placement import (
    Affinity,
    CustomSpec,
    Placement,
    Site,
    explicit,
    resources,
    rounded,
    violations,
)
from modelyard.core.admission.volumes import Fitness, HostDirs, VolumeRequest
from modelyard.domain.pools import Node
from modelyard.domain.resources import Capacity, Resources
from modelyard.domain.revision import Template, Volume

ONE = Pool("id-1", "one", "running", frozenset({"n1"}))
TWO = Pool("id-2", "two", "running", frozenset({"n1", "n2"}))
SICK = Pool("id-3", "sick", "abnormal")
POOLS = {p.id: p for p in (ONE, TWO, SICK)} | {p.name: p for p in (ONE, TWO, SICK)}
SITE = Site(FLAVORS, POOLS)
SPEC = CustomSpec(1.5, 512)
CPU = "modelarts.vm.cpu.2u"

PLACES: dict[str, tuple[str, Placement, list[tuple[str, str]]]] = {
    "flavor": (CPU, Placement(), []),
    "closed": ("modelarts.vm.gpu.p4", Placement(), [("specification", "0104")]),
    "custom outside of a pool": ("custom", Placement(custom_spec=SPEC), [("specification", "0104")]),
    "custom": ("custom", Placement(pool_name="one", custom_spec=SPEC), []),
    "custom without a size": ("custom", Placement(pool_name="one"), [("custom_spec", "0104")]),
    "size without custom": (CPU, Placement(custom_spec=SPEC), [("custom_spec", "0104")]),
    "cpu that rounds up to enough": (
        "custom",
        Placement("one", None, CustomSpec(0.005, 1)),
        [("custom_spec.cpu", "0104")],
    ),
    "too little cpu": ("custom", Placement("one", None, CustomSpec(0.001, 1)), [("custom_spec.cpu", "0104")]),
    "no memory": ("custom", Placement("one", None, CustomSpec(1, 0)), [("custom_spec.memory", "0104")]),
    "both accelerators": (
        "custom",
        Placement("one", None, CustomSpec(1, 1, 0, 0)),
        [("custom_spec.ascend_a310", "0104")],
    ),
    "half a card": ("custom", Placement("one", None, CustomSpec(1, 1, 0.5)), []),
    "two cards": ("custom", Placement("one", None, CustomSpec(1, 1, 2)), []),
    "as good as one": ("custom", Placement("one", None, CustomSpec(1, 1, 1.004)), []),
    "one and a half": ("custom", Placement("one", None, CustomSpec(1, 1, 1.5)), [("custom_spec.gpu_p4", "0104")]),
    "hardly any": ("custom", Placement("one", None, CustomSpec(1, 1, 0.004)), [("custom_spec.gpu_p4", "0104")]),
    "fewer than none": ("custom", Placement("one", None, CustomSpec(1, 1, -1)), [("custom_spec.gpu_p4", "0104")]),
    "an NPU": ("custom", Placement("one", None, CustomSpec(1, 1, None, 1)), []),
    "pool by id": (CPU, Placement(cluster_id="id-1"), []),
    "unknown cluster": (CPU, Placement(cluster_id="x"), [("cluster_id", "3547")]),
    "pool_name beats cluster_id": (CPU, Placement(cluster_id="x", pool_name="one"), []),
    "sick pool": (CPU, Placement(pool_name="sick"), [("pool_name", "0104")]),
    "affinity": (CPU, Placement(pool_name="one", affinity=Affinity("required", (("one", ("n1",)),))), []),
    "affinity outside": (CPU, Placement(affinity=Affinity("required")), [("affinity.node_affinity", "0104")]),
    "affinity mode": (
        CPU,
        Placement(pool_name="one", affinity=Affinity("maybe", (("one", ("n1",)),))),
        [("affinity.node_affinity.mode", "0104")],
    ),
    "affinity node": (
        CPU,
        Placement(pool_name="one", affinity=Affinity("preferred", (("one", ("n9",)),))),
        [("affinity.node_affinity.pool_infos[0].nodes[0].name", "3598")],
    ),
    "affinity choice": (
        CPU,
        Placement(pool_name="two", affinity=Affinity("required", (("two", ("n1",)),))),
        [("affinity.node_affinity.pool_infos[0]", "0104")],
    ),
}


@pytest.mark.parametrize(("name", "place", "expected"), PLACES.values(), ids=PLACES.keys())
def test_places(name: str, place: Placement, expected: list[tuple[str, str]]) -> None:
    found = [(v.field, v.code) for v in violations("c", name, place, SITE)]
    assert found == [(f"c.{field}", code) for field, code in expected]


BIG = Flavor("big", 16, 1024)
GPU = Flavor("gpu", 1, 1024, category="GPU", accelerators=1)
NPU = Flavor("npu", 1, 1024, category="NPU", accelerators=2)
ROOM = replace(ONE, capacity=Capacity(cpu=1, memory_mib=4096))
HERE = Site(
    {
        **FLAVORS,
        "odd": replace(GPU, name="odd", accelerators=1.5),
        "big": BIG,
        "gpu": GPU,
        "npu": NPU,
        "even": Flavor("even", 2, 2048),
    },
    {"one": ROOM, "id-1": ROOM, "two": TWO},
    machine=Capacity(cpu=2, memory_mib=2048, gpus=0, npus=1),
)
FITS: dict[str, tuple[str, Placement, tuple[str, str]]] = {
    "the machine": ("even", Placement(), ("", "")),
    "cores": ("big", Placement(), ("specification", "16 cores, of which there are 2")),
    "no GPU": ("gpu", Placement(), ("specification", "1 GPU, of which there are 0")),
    "too few NPUs": ("npu", Placement(), ("specification", "2 NPU, of which there are 1")),
    "half a card where there is none": (
        "custom",
        Placement(pool_name="two", custom_spec=CustomSpec(1, 1, 0.5)),
        ("custom_spec", "this machine: it takes 0.5 GPU, of which there are 0"),
    ),
    "a card and a half": ("odd", Placement(), ("specification", "it takes 1.5 GPUs: from 1 on only whole ones")),
    "the smallest, on a machine that is smaller": (CPU, Placement(), ("", "")),
    "a pool is this machine": (
        "custom",
        Placement(pool_name="two", custom_spec=CustomSpec(1_000_000, 10**9)),
        ("custom_spec", "1000000 cores, of which there are 2, 1000000000 MiB of memory, of which there are 2048"),
    ),
    "a pool": (
        "even",
        Placement(pool_name="one"),
        ("specification", "into the pool 'one': it takes 2 cores, of which there are 1"),
    ),
    "the smallest, in a pool that says less": (CPU, Placement(pool_name="one"), ("specification", "2 cores")),
    "room in a pool": ("custom", Placement(pool_name="one", custom_spec=CustomSpec(1, 2048)), ("", "")),
    "closed is all that is said": ("modelarts.vm.gpu.p4", Placement(), ("specification", "has to be opened")),
}


@pytest.mark.parametrize(("name", "place", "expected"), FITS.values(), ids=FITS.keys())
def test_one_instance_fits_or_what_is_short_is_said(
    name: str, place: Placement, expected: tuple[str, str]
) -> None:
    found = list(violations("c", name, place, HERE))
    field, text = expected
    assert [v.field for v in found] == [f"c.{field}"] * bool(field)
    assert all(text in v.text for v in found), found


SEEN = Pool("id-4", "seen", "running", seen=(Node("small", Capacity(2, 1024)), Node("large", Capacity(8, 8192))))
AWAY = Pool("id-5", "away", "abnormal", why="connection refused")


def test_nodes_that_were_seen_count_instead_of_this_machine() -> None:
    site = replace(HERE, pools={"seen": SEEN}, flavors={**HERE.flavors, "even": Flavor("even", 8, 8192)})
    assert [*violations("c", "even", Placement(pool_name="seen"), site)] == []
    (found,) = violations("c", "big", Placement(pool_name="seen"), site)
    assert "biggest node of the pool 'seen' ('large'): it takes 16 cores, of which there are 8" in found.text


def test_why_a_pool_takes_nothing_is_said() -> None:
    (found,) = violations("c", CPU, Placement(pool_name="away"), replace(SITE, pools={"away": AWAY}))
    assert found.text == "resource pool 'away' is abnormal, it must be running: connection refused"


def test_a_template_is_named_by_what_the_builtin_flavor_does_not_say() -> None:
    gpu = FLAVORS["modelarts.vm.gpu.p4"]
    flavors = {
        **FLAVORS,
        "big": Flavor("big", 64, 1024),
        "many": Flavor("many", 1, 1024, pids=4096, open_files=65_536),
        gpu.name: replace(gpu, open=True),
        "cards": Flavor("cards", 1, 1024, category="GPU", accelerators=2),
    }
    site, custom = replace(SITE, flavors=flavors), Placement(custom_spec=SPEC)
    assert explicit(CPU, Placement(), site, FLAVORS) == Resources()
    assert explicit("custom", custom, site, FLAVORS) == Resources(1.5, 512)
    assert explicit("big", Placement(), site, FLAVORS) == Resources(64, 1024)
    assert explicit("many", Placement(), site, FLAVORS) == Resources(1, 1024, 4096, 65_536)
    assert explicit(gpu.name, Placement(), site, FLAVORS) == Resources(8, 32768), "it is built in with a card"
    assert explicit("cards", Placement(), site, FLAVORS) == Resources(1, 1024, gpus=2)
    half = Placement(custom_spec=CustomSpec(1.5, 512, 0.335))
    assert explicit("custom", half, site, FLAVORS) == Resources(1.5, 512, gpus=0.34)


def test_the_whole_size_is_known_at_admission() -> None:
    assert resources(CPU, Placement(), SITE) == Resources(2, 8192, 1024, 16_384)
    assert resources("custom", Placement(custom_spec=SPEC), SITE) == Resources(1.5, 512, 1024, 16_384)
    assert resources("modelarts.vm.gpu.p4", Placement(), SITE) == Resources(8, 32768, 4096, 16_384, gpus=1)
    assert resources("modelarts.vm.ai1.snt3", Placement(), SITE) == Resources(3, 6144, 1024, 16_384, npus=1)
    both = [CustomSpec(1.5, 512, 0.335), CustomSpec(1.5, 512, None, 2)]
    sizes = [resources("custom", Placement(custom_spec=one), SITE) for one in both]
    assert [(size.gpus, size.npus) for size in sizes if size] == [(0.34, 0), (0, 2)]
    assert resources("unheard of", Placement(), SITE) is None


def test_an_entry_beats_the_service() -> None:
    site = replace(SITE, service=Placement(pool_name="two", cluster_id="id-1"))
    assert site.pool(Placement()) == TWO
    assert site.pool(Placement(cluster_id="id-1")) == ONE


@pytest.mark.parametrize(("given", "kept"), [(0.335, 0.34), (1.005, 1.01), (2, 2.0), (0.014, 0.01)])
def test_the_third_decimal_is_rounded(given: float, kept: float) -> None:
    assert rounded(given) == kept


def test_later_fields_name_no_template_anew() -> None:
    """Computed with the release before: an upgrade must not restart what runs."""
    template = Template("m", "d", CPU, (("B", "2"), ("A", "1")))
    assert template.hash == "c95d6854a9b99c4f"
    others = [
        replace(template, explicit=Resources(cpu=1.0)),
        replace(template, volumes=(Volume("/a", "/b"),)),
        replace(template, pool="p"),
        replace(template, explicit=Resources(pids=2048)),
        replace(template, explicit=Resources(open_files=2048)),
        replace(template, explicit=Resources(gpus=0.5)),
        replace(template, explicit=Resources(npus=0.5)),
    ]
    assert len({t.hash for t in (template, *others)}) == 8
    assert replace(template, resources=Resources(2, 8192)).hash == template.hash
    assert replace(template, explicit=Resources(1.5, 512), pool="p").hash == "d503e2716c3cd939"


def test_stored_flavors_and_quotas_lie_over_the_defaults() -> None:
    stored = flavor("modelarts.vm.gpu.p4", {"cpu": 4, "category": "GPU", "memory_mib": "x"}, open=True)
    assert (stored.cpu, stored.memory_mib, stored.open) == (4, 32768, True)
    assert flavors(FLAVORS, [stored])["modelarts.vm.gpu.p4"] == stored
    assert quotas(Quotas(), {"instances_per_model": 128, "unknown": 1}) == Quotas(instances_per_model=128)


def volume(host: str | None = "/srv/a", mount: str | None = "/data", **more: object) -> VolumeRequest:
    return replace(VolumeRequest("v[0]", "host_path", host, mount), **more)  # type: ignore[arg-type]


DIRS = HostDirs(
    ("/srv",),
    {
        "/srv/a": "/srv/a",
        "/srv/link": "/etc",
        "/srv/none": None,
        "/srv/of-root": "/srv/of-root",
        "/srv/private": "/srv/private",
        "/srv/modelyard/keys": "/srv/modelyard/keys",
        "/srv": "/srv",
        "/srv/alias": "/srv/modelyard",
    },
    mountable=True,
    occupied=("/opt/venv", "/opt/x/y", "/var/tmp"),
    fitness={"/srv/of-root": Fitness(write="is root's"), "/srv/private": Fitness("is root's", "is root's")},
    ours=("/srv/modelyard",),
)
VOLUMES: dict[str, tuple[VolumeRequest, HostDirs, list[str]]] = {
    "fine": (volume(), DIRS, []),
    "nothing is allowed": (volume(), HostDirs(mountable=True), ["v[0].host_path"]),
    "elsewhere": (volume("/home"), DIRS, ["v[0].host_path"]),
    "dots": (volume("/srv/../etc"), DIRS, ["v[0].host_path"]),
    "relative": (volume("srv"), DIRS, ["v[0].host_path"]),
    "a link that leads out": (volume("/srv/link"), DIRS, ["v[0].host_path"]),
    "not there": (volume("/srv/none"), DIRS, ["v[0].host_path"]),
    "beside an allowed name": (volume("/srvx"), DIRS, ["v[0].host_path"]),
    "no host path": (volume(None), DIRS, ["v[0].host_path"]),
    "no mount path": (volume(mount=None), DIRS, ["v[0].mount_path"]),
    "mount on root": (volume(mount="/"), DIRS, ["v[0].mount_path"]),
    "mount in etc": (volume(mount="/etc/x"), DIRS, ["v[0].mount_path"]),
    "mount in etc by another name": (volume(mount="//etc/./x"), DIRS, ["v[0].mount_path"]),
    "mount with a control character": (volume(mount="/data\n"), DIRS, ["v[0].mount_path"]),
    "mount on what instances need": (volume(mount="/opt/x"), DIRS, ["v[0].mount_path"]),
    "mount over what instances need": (volume(mount="/opt"), DIRS, ["v[0].mount_path"]),
    "mount around what instances need": (volume(mount="/var"), DIRS, ["v[0].mount_path"]),
    "mount beside what instances need": (volume(mount="/optional"), DIRS, []),
    "of the server's own": (volume("/srv/modelyard/keys"), DIRS, ["v[0].host_path"]),
    "around the server's own": (volume("/srv"), DIRS, ["v[0].host_path"]),
    "the server's own by another name": (volume("/srv/alias"), DIRS, ["v[0].host_path"]),
    "nobody may write there": (volume("/srv/of-root"), DIRS, ["v[0].host_path"]),
    "nobody may write there, nor is to": (volume("/srv/of-root", read_only=True), DIRS, []),
    "nobody may read there": (volume("/srv/private", read_only=True), DIRS, ["v[0].host_path"]),
    "mount with dots": (volume(mount="/data/../etc"), DIRS, ["v[0].mount_path"]),
    "public pool": (volume(only_in_pool=True), DIRS, ["v[0]"]),
    "an engine that cannot": (volume(), replace(DIRS, mountable=False), ["v[0]"]),
    "a share": (volume(storage_type="sfs"), DIRS, ["v[0].storage_type"]),
}


@pytest.mark.parametrize(("asked", "dirs", "fields"), VOLUMES.values(), ids=VOLUMES.keys())
def test_volumes(asked: VolumeRequest, dirs: HostDirs, fields: list[str]) -> None:
    found = [v.field for v in volumes.violations("p", (asked,), dirs, in_pool=False)]
    assert found == [f"p.{field}" for field in fields]


def test_one_mount_path_for_one_volume() -> None:
    pair = (volume(), volume(field="v[1]"))
    assert [v.field for v in volumes.violations("p", pair, DIRS, in_pool=True)] == ["p.v[1].mount_path"]
    assert volumes.mounted((volume(),), DIRS) == (Volume("/srv/a", "/data"),)
    logs = volume(mount="//data/./x/", read_only=True, only_in_pool=True)
    assert volumes.mounted((logs,), DIRS) == (Volume("/srv/a", "/data/x", read_only=True, log=True),)


@pytest.mark.parametrize("other", ["/data/", "/data/./", "//data", "/data/in", "/data/in/it"])
def test_no_volume_lies_in_another(other: str) -> None:
    pair = (volume(), volume(field="v[1]", mount=other))
    assert [v.field for v in volumes.violations("p", pair, DIRS, in_pool=True)] == ["p.v[1].mount_path"]


def test_in_an_image_its_own_directories_may_be_covered() -> None:
    """Nobody knows what is there, but for the files of its package."""
    for place, fields in (("/opt/x", []), ("/model/x", ["p.v[0].mount_path"]), ("/etc", ["p.v[0].mount_path"])):
        wrong = volumes.violations(
            "p", (volume("/srv/of-root", mount=place),), replace(DIRS, mountable=False), in_pool=True, image=True
        )
        assert [v.field for v in wrong] == fields


def test_what_is_said_of_a_volume_is_hashed_only_where_it_is_said() -> None:
    plain, kinds = Volume("/a", "/b"), (Volume("/a", "/b", read_only=True), Volume("/a", "/b", log=True))
    template = Template("m", "d", "s", volumes=(plain,))
    assert template.hash == "a00acba38d80a653"
    assert len({template.hash, *(replace(template, volumes=(one,)).hash for one in kinds)}) == 3
