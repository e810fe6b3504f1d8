import pytest
from tests.worlds.services import variant

from modelyard.core.rollout.pairing import pair


@pytest.mark.parametrize(
    ("old", "new", "tracks"),
    [
        pytest.param("", "a1 b1", [9, 10], id="first deployment"),
        pytest.param("a1[1]", "a1 a2", [1, 9], id="a second version beside the first"),
        pytest.param("a1[1] a2[2]", "a2", [2], id="one is removed"),
        pytest.param("a1[1]", "a3", [1], id="a new version of it"),
        pytest.param("a1[1]", "a2 a1", [9, 1], id="the same model comes before the same name"),
        pytest.param("a1[1] b1[2]", "b2 c1", [2, 1], id="by name, then by position"),
        pytest.param("a1[1] b1[2]", "c1 d1", [1, 2], id="by position"),
        pytest.param("a1[4] a2[7]", "a2 a1", [7, 4], id="in another order"),
        pytest.param("a1[1] a2[2]", "a3 a4", [1, 2], id="two new versions of one name"),
        pytest.param("a1[1]", "a2 a3", [1, 9], id="the first new version takes the place"),
    ],
)
def test_tracks(old: str, new: str, tracks: list[int]) -> None:
    before = tuple(variant(word[:2], track=int(word[3:-1])) for word in old.split())
    after = tuple(variant(word, track=0) for word in new.split())
    paired = pair(before, after, next_track=9)
    assert [v.track for v in paired] == tracks
    assert [v.model_id for v in paired] == new.split()
