"""Where tests write: a directory of this run's own, which goes when all have passed.

Some tests leave what pytest cannot remove (a tree deeper than Python recurses), and pytest would fail at it in a
later run, in its shared directory. Ours is removed by what the product removes such trees with.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docker import DockerServer, docker_server
from tests.postgresql import Cluster, cluster
from tests.worlds.s3 import S3Server, server

from modelyard import trees

_OURS = pytest.StashKey[Path]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.option.basetemp is None and not hasattr(config, "workerinput"):
        config.stash[_OURS] = Path(tempfile.mkdtemp(prefix="modelyard-tests-"))
        config.option.basetemp = str(config.stash[_OURS] / "run")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    ours = session.config.stash.get(_OURS, None)
    if ours is not None and exitstatus == pytest.ExitCode.OK:
        trees.remove(ours)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A real PostgreSQL; the test skips where none can be had."""
    with cluster() as running:
        yield running


@pytest.fixture(scope="session")
def s3_of_session() -> Iterator[S3Server]:
    with server() as running:
        yield running


@pytest.fixture
def s3(s3_of_session: S3Server) -> Iterator[S3Server]:
    """A real S3 server, which runs and is the session's; the test skips where none can be had."""
    yield s3_of_session
    s3_of_session.running()


@pytest.fixture(scope="session")
def docker_of_session() -> Iterator[DockerServer]:
    with docker_server() as running:
        yield running


@pytest.fixture
def docker(docker_of_session: DockerServer) -> Iterator[DockerServer]:
    """A real Docker engine, which runs and is the session's; the test skips where none can be had."""
    docker_of_session.start()
    yield docker_of_session
    docker_of_session.start()
