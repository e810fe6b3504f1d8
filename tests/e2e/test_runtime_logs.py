"""What a script logs, prints and warns of is in the instance's log: once, and from the level on that it says."""

import signal
import textwrap
from pathlib import Path

import pytest
from tests.worlds.model_server import Instance, Start, package

pytestmark = pytest.mark.e2e


# What is set up, and which of the messages of each level are told how often.
SAID = {
    "nothing set": ("", "warning error"),
    "a logger's level": ("logger.setLevel(logging.INFO)", "info warning error"),
    "a logger's debug": ("logger.setLevel(logging.DEBUG)", "debug info warning error"),
    "a logger above it": ("logging.getLogger('m').setLevel(logging.INFO)", "info warning error"),
    "the root's level": ("logging.getLogger().setLevel(logging.DEBUG)", "debug info warning error"),
    "less": ("logger.setLevel(logging.ERROR)", "error"),
    "basicConfig": ("logging.basicConfig(level=logging.INFO)", "info warning error"),
    "basicConfig by force": (
        "logging.basicConfig(level=logging.ERROR)\nlogging.basicConfig(level=logging.DEBUG, force=True)",
        "debug info warning error",
    ),
    "a handler of its own": (
        "logger.addHandler(logging.StreamHandler())\nlogger.setLevel(10)",
        "debug info warning error",
    ),
    "a handler with a level": (
        "h = logging.StreamHandler()\nh.setLevel(logging.ERROR)\nlogger.addHandler(h)\nlogger.setLevel(10)",
        "error",
    ),
    "dictConfig": (
        """logging.config.dictConfig({"version": 1, "handlers": {"h": {"class": "logging.StreamHandler"}},
        "loggers": {"m.n": {"level": "INFO"}}, "root": {"handlers": ["h"], "level": "ERROR"}})""",
        "info warning error",
    ),
    "dictConfig of levels only": (
        """logging.config.dictConfig({"version": 1, "loggers": {"m.n": {"level": "DEBUG"}}})""",
        "debug info warning error",
    ),
    "a null handler": ("logger.addHandler(logging.NullHandler())\nlogger.setLevel(20)", "info warning error"),
    "silence as wished": ("logger.addHandler(logging.NullHandler())\nlogger.propagate = False", ""),
    "no way up": ("logger.propagate = False\nlogger.setLevel(20)", "info warning error"),
    "disabled": ("logging.disable(logging.WARNING)\nlogger.setLevel(10)", "error"),
    "the vendor's": ("import log\nlogger = log.getLogger('m.n')", "info warning error"),
    "the vendor's at a level": ("import log\nlogger = log.getLogger('m.n')\nlogger.setLevel(30)", "warning error"),
    "the vendor's, after a word to the root": (
        "import log\nlogging.warning('first')\nlogger = log.getLogger('m.n')",
        "info warning error",
    ),
    "the vendor's, with a handler": (
        "import log\nlogging.basicConfig(format='%(message)s')\nlogger = log.getLogger('m.n')",
        "info warning error",
    ),
    "the vendor's, the root at its own level": (
        "logging.basicConfig(level=logging.WARNING)\nimport log\nlogger = log.getLogger('m.n')",
        "warning error",
    ),
    "the vendor's, root configured": (
        "import log\nlogger = log.getLogger('m.n')\nlogging.basicConfig(level=logging.ERROR)",
        "error",
    ),
}
LEVELS = ("debug", "info", "warning", "error")


@pytest.mark.parametrize("case", SAID)
def test_the_authors_level_decides(start: Start, tmp_path: Path, case: str) -> None:
    setup, told = SAID[case]
    script = (
        "import logging, logging.config\nlogger = logging.getLogger('m.n')\n"
        + textwrap.dedent(setup)
        + textwrap.dedent("""
        def say(where):
            for level in ("debug", "info", "warning", "error"):
                getattr(logger, level)("said %s %s", where, level)
        class Says(SingleNodeService):
            def __init__(self, *names):
                say("made")
            def _inference(self, data):
                say("asked")
                return data
        """)
    )
    log = asked(start(package(tmp_path / "p", script)))
    for where in ("made", "asked"):
        counts = {level: log.count(f"said {where} {level}") for level in LEVELS}
        assert counts == {level: int(level in told.split()) for level in LEVELS}, log


def asked(instance: Instance, status: int = 200) -> str:
    instance.until_ready()
    assert instance.request("POST", "/", {})[0] == status
    instance.process.send_signal(signal.SIGTERM)
    return instance.end()[1]


ELSE = {
    "a warning": ("import warnings\nwarnings.warn('take care')", "UserWarning: take care"),
    "a warning as a record": (
        "import logging, warnings\nlogging.captureWarnings(True)\nwarnings.warn('take care')",
        "UserWarning: take care",
    ),
    "an exception that is logged": (
        "import logging\ntry:\n    1 / 0\nexcept ArithmeticError:\n    logging.getLogger('x').exception('no')",
        "ZeroDivisionError: division by zero",
    ),
    "a thread that fails": (
        "import threading\nt = threading.Thread(target=lambda: 1 / 0, name='mine')\nt.start()\nt.join()",
        "Exception in thread mine",
    ),
    "a line without an end": ("print('no end', end='')", "no end"),
    "what no encoding knows": ("print('lone \\ud800 one')", "lone \\ud800 one"),
    "a child that is forked": (
        "import multiprocessing as m\np = m.Process(target=print, args=('a child',))\np.start()\np.join()",
        "a child",
    ),
}


@pytest.mark.parametrize("case", ELSE)
def test_all_else_that_it_tells(start: Start, tmp_path: Path, case: str) -> None:
    code, expected = ELSE[case]
    script = "class Says(SingleNodeService):\n    def _inference(self, data):\n" + textwrap.indent(code, " " * 8)
    log = asked(start(package(tmp_path / "p", script + "\n        return data\n")))
    assert log.count(expected) == 1, log


def test_the_trace_of_a_failure_is_there_whatever_became_of_stderr(start: Start, tmp_path: Path) -> None:
    script = """
    import io, sys
    class Broken(SingleNodeService):
        def _inference(self, data):
            sys.stderr = io.StringIO()
            sys.stderr.close()
            raise ValueError("nobody hears me")
    """
    instance = start(package(tmp_path / "p", script))
    instance.until_ready()
    for _ in range(2):
        assert instance.request("POST", "/", {})[0] == 500
    instance.process.send_signal(signal.SIGTERM)
    status, log = instance.end()
    assert (status, log.count("ValueError: nobody hears me")) == (0, 2), log
