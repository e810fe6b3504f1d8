"""OpenStack Swift with its S3 API: proxy, account, container and object server, one replica and one process each.

    python s3_server.py DIRECTORY PORT      PORT 0: a free one. Says `ready PORT` on its output.

A program of its own, because Swift patches the process that it is in. What is stored lies in DIRECTORY and is
there again at the next start. It checks signatures; its users are in `s3_names`.
"""

import ctypes
import os
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

warnings.simplefilter("ignore")

import eventlet  # noqa: E402

eventlet.monkey_patch()

from swift.common import constraints, storage_policy, utils  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402
from swift.common.utils import get_logger  # noqa: E402
from swift.common.wsgi import run_server  # noqa: E402

_SET_PDEATHSIG = 1
KINDS = ("account", "container", "object")

PROXY = """[DEFAULT]
swift_dir = {home}
log_level = WARNING
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats bulk s3api tempauth slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
max_bucket_listing = 20
check_bucket_owner = false
[filter:slo]
use = egg:swift#slo
[filter:tempauth]
use = egg:swift#tempauth
user_admin_rw = admin-secret .admin
user_reader_ro = reader-secret
"""
SERVER = """[DEFAULT]
swift_dir = {home}
devices = {home}/devices
mount_check = false
fallocate_reserve = 0
log_level = WARNING
[pipeline:main]
pipeline = server
[app:server]
use = egg:swift#{kind}
"""


def main(home: Path, port: int) -> None:
    (home / "devices/one").mkdir(parents=True, exist_ok=True)
    (home / "swift.conf").write_text(
        "[swift-hash]\nswift_hash_path_suffix = test\n"
        "[storage-policy:0]\nname = one\ndefault = yes\npolicy_type = replication\n"
    )
    utils.set_swift_dir(str(home))
    utils.validate_hash_conf()
    storage_policy.reload_storage_policies()
    constraints.reload_constraints()
    (home / "proxy.conf").write_text(PROXY.format(home=home))
    for kind in KINDS:
        listener = eventlet.listen(("127.0.0.1", 0))
        ring = RingBuilder(2, 1, 1)
        ring.add_dev(
            {
                "id": 0,
                "region": 1,
                "zone": 1,
                "weight": 1,
                "ip": "127.0.0.1",
                "port": listener.getsockname()[1],
                "device": "one",
            }
        )
        ring.rebalance()
        ring.get_ring().save(str(home / f"{kind}.ring.gz"))
        (home / f"{kind}.conf").write_text(SERVER.format(home=home, kind=kind))
        beside(home / f"{kind}.conf", listener)
    proxy = eventlet.listen(("127.0.0.1", port))
    served(home / "proxy.conf", proxy, lambda: print(f"ready {proxy.getsockname()[1]}", flush=True))


def beside(conf: Path, listener: object) -> None:
    """Serve in a process that ends with this one."""
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGKILL)
        served(conf, listener)
        os._exit(0)


def served(conf: Path, listener: object, ready: Callable[[], None] | None = None) -> None:
    settings = {"__file__": str(conf), "log_name": conf.stem}
    run_server(settings, get_logger(settings, conf.stem), listener, ready_callback=ready)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
