"""Runs `openstack` commands, each as the `openstack` program would, in one process that imports it once.

Not a test: run by test_openstack_clients in an environment of its own. A JSON array of arguments per line of
standard input; a JSON array [exit status, output, errors] per line of standard output.
"""

import contextlib
import io
import json
import sys

from openstackclient.shell import main  # type: ignore[import-not-found]


def run(arguments: list[str]) -> tuple[object, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(arguments)
        except SystemExit as end:
            status = end.code
    return status or 0, out.getvalue(), err.getvalue()


for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), flush=True)
