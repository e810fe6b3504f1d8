"""What hides the secrets of a service: in how instances ended, and in what is said of failed rows."""

from modelyard.control.reconcile import hidden as hidden_ends
from modelyard.core.batch.outcomes import Outcomes, hidden
from modelyard.core.masking import Masker
from modelyard.core.secrets import masker
from modelyard.domain.batch import Split
from modelyard.domain.process import Process, ProcessState
from modelyard.domain.revision import Revision, Template, Variant
from modelyard.engines.base import Listing, Observed

SECRET = "correct-horse"


def revision(number: int, value: str, *secret: str) -> Revision:
    template = Template("m", "d", "f", (("KEY", value), ("MODE", "visible")))
    return Revision("s", number, 1, (Variant(1, "m", "m", "1", template, 1, 100, raw={"secret_envs": [*secret]}),))


def test_the_secrets_of_every_revision_are_hidden_and_nothing_else() -> None:
    found = masker([revision(1, "old-secret", "KEY"), revision(2, SECRET, "KEY"), revision(3, "known-word")])
    assert found.text(f"old-secret {SECRET} known-word visible") == "*** *** known-word visible"
    assert not masker([revision(1, SECRET)])


def test_how_an_instance_ended_is_told_without_them() -> None:
    process = Process(ProcessState.EXITED, exit=f"customize_service.py:3: KeyError: {SECRET}")
    listing = Listing((Observed("i", "s", 1, 1, "t", process),))
    (seen,) = hidden_ends(listing, Masker.of({SECRET})).instances
    assert seen.process.exit == "customize_service.py:3: KeyError: ***"


def test_of_failed_rows_the_causes_and_lines_are_hidden_and_answers_stay() -> None:
    lines = f'{{"a": "{SECRET}"}}\n{{"result":"FAILED","error_message":"{SECRET}"}}\n'.encode()
    split = Split(source=0, start=0, end=100, first_row=7, rows=5)
    told = hidden(Outcomes(2, lines, ((8, SECRET),)), split, Masker.of({SECRET}))
    assert told.failures == ((8, "***"),)
    assert told.lines == f'{{"a": "{SECRET}"}}\n{{"result":"FAILED","error_message":"***"}}\n'.encode()
