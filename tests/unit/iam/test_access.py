"""Who calls, as the one line that the gateway compares."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.identity import Access, Role, of_project, of_user

IDS = st.text(st.characters(exclude_characters=";"), min_size=1)
ACCESSES = st.builds(Access, IDS, st.none() | IDS, st.frozensets(st.sampled_from(sorted(Role))), st.none() | IDS)


def test_the_line() -> None:
    access = Access("u1", "p1", frozenset({Role.MEMBER, Role.ADMIN}), "t1")
    assert access.text() == ";u=u1;p=p1;t=t1;r=admin;r=member;"


@given(ACCESSES)
def test_it_reads_what_it_wrote(access: Access) -> None:
    assert Access.parse(access.text()) == access


@given(ACCESSES, IDS)
def test_no_other_project_or_user_is_found_in_it(access: Access, other: str) -> None:
    assert (of_project(other) in access.text()) is (access.project_id == other)
    assert (of_user(other) in access.text()) is (access.user_id == other)


@pytest.mark.parametrize("wrong", ["", "a;b", ";"])
def test_what_is_no_id_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="is no id"):
        Access(wrong, None, frozenset()).text()
    with pytest.raises(ValueError, match="is no id"):
        of_project(wrong)
