"""Settings: where the object store is, and that its secret is told to nobody."""

from pathlib import Path

import pytest

from modelyard.domain.endpoints import Endpoint
from modelyard.settings import Settings, SettingsError, settings

GIVEN = {
    "MODELYARD_S3_ENDPOINT": "http://127.0.0.1:9000/",
    "MODELYARD_S3_ACCESS_KEY": "AK",
    "MODELYARD_S3_SECRET_KEY": "the-secret",
}
DIRECTORY = {"data_dir": Path("/data")}


def test_a_directory_unless_told_otherwise() -> None:
    assert Settings(Path("/data")).objects() is None


def test_an_s3_service() -> None:
    found = settings(DIRECTORY, GIVEN)
    assert found.objects() == Endpoint("http://127.0.0.1:9000", "AK", "the-secret", "us-east-1")
    assert settings(DIRECTORY, {**GIVEN, "MODELYARD_S3_REGION": "r-1"}).objects() == Endpoint(
        "http://127.0.0.1:9000", "AK", "the-secret", "r-1"
    )
    assert "the-secret" not in f"{found!r}{found.objects()!r}"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"MODELYARD_S3_ENDPOINT": ""}, "MODELYARD_S3_ENDPOINT is not set"),
        ({"MODELYARD_S3_ENDPOINT": "s3:9000"}, "MODELYARD_S3_ENDPOINT: 's3:9000' is not https://HOST"),
        ({"MODELYARD_S3_ACCESS_KEY": ""}, "MODELYARD_S3_ACCESS_KEY: is missing"),
        ({"MODELYARD_S3_SECRET_KEY": "the-secret "}, "MODELYARD_S3_SECRET_KEY: has other characters"),
        ({"MODELYARD_S3_REGION": "a/b"}, "MODELYARD_S3_REGION: 'a/b'"),
    ],
)
def test_what_is_none(change: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(DIRECTORY, {**GIVEN, **change})
    assert str(refused.value).startswith(told)
    assert "the-secret" not in str(refused.value)
