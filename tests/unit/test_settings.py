"""Settings: where the object store is, and that its secret is told to nobody."""

import re
from pathlib import Path

import pytest

from modelyard.domain.endpoints import Endpoint
from modelyard.settings import Settings, SettingsError, secret_names, settings, without_secrets

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


MAIL = {"MODELYARD_SMTP_HOST": "mail.example.org", "MODELYARD_SMTP_FROM": "Modelyard <m@example.org>"}
SMN = {
    "MODELYARD_SMN_ENDPOINT": "https://smn.example.org/",
    "MODELYARD_SMN_ACCESS_KEY": "AK",
    "MODELYARD_SMN_SECRET_KEY": "SK-secret",
    "MODELYARD_SMN_PROJECT_ID": "p",
    "MODELYARD_SMN_REGION": "eu-de",
}


def test_the_mail_server_and_the_real_smn() -> None:
    password = {"MODELYARD_SMTP_USER": "u", "MODELYARD_SMTP_PASSWORD": "hunter2"}
    found = settings({"data_dir": Path("/d")}, {**MAIL, **SMN, **password})
    options = found.notifications("http://127.0.0.1:8470")
    assert options.mail is not None
    assert options.remote is not None
    assert (options.mail.port, options.mail.tls, options.mail.user) == (587, "starttls", "u")
    assert (options.remote.endpoint, options.base_url) == ("https://smn.example.org", "http://127.0.0.1:8470")
    assert options.remote.has("urn:smn:eu-de:p:t")
    assert not options.remote.has("urn:smn:eu-de:q:t")
    assert "hunter2" not in repr((found, options))
    assert "SK-secret" not in repr((found, options))


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"MODELYARD_SMTP_USER": "u"}, "MODELYARD_SMTP_HOST is not set"),
        ({**MAIL, "MODELYARD_SMTP_TLS": "ssl"}, "MODELYARD_SMTP_TLS: 'ssl' is none of starttls, tls, none"),
        ({**MAIL, "MODELYARD_SMTP_FROM": "nobody"}, "MODELYARD_SMTP_FROM: 'nobody' is no sender"),
        ({**MAIL, "MODELYARD_SMTP_FROM": "m@x.org\r\nBcc: y@z"}, "MODELYARD_SMTP_FROM"),
        ({**MAIL, "MODELYARD_SMTP_PORT": "70000"}, "MODELYARD_SMTP_PORT: 70000 is no port"),
        ({**MAIL, "MODELYARD_SMTP_USER": "u"}, "go together"),
        ({**SMN, "MODELYARD_SMN_ENDPOINT": "smn.example.org"}, "MODELYARD_SMN_ENDPOINT: 'smn.example.org' is not"),
        ({**SMN, "MODELYARD_SMN_REGION": ""}, "MODELYARD_SMN_REGION is not set"),
        ({"MODELYARD_SMN_REGION": "eu-de"}, "MODELYARD_SMN_ENDPOINT is not set"),
        ({"MODELYARD_NOTIFY_URL": "models.example.org"}, "MODELYARD_NOTIFY_URL"),
        ({"MODELYARD_NOTIFY_URL": "https://u:hunter2@example.org"}, "MODELYARD_NOTIFY_URL: what it is set to"),
        ({"MODELYARD_NOTIFY_URL": "https://[::1"}, "MODELYARD_NOTIFY_URL: 'https://[::1' is not"),
        ({"MODELYARD_NOTIFY_URL": "https://h:99999"}, "MODELYARD_NOTIFY_URL: 'https://h:99999' is not"),
        ({**SMN, "MODELYARD_SMN_ENDPOINT": "https://u:hunter2@x"}, "MODELYARD_SMN_ENDPOINT: what it is set to"),
    ],
)
def test_what_notifications_cannot_be_set_to(environ: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(said)) as refused:
        settings({"data_dir": Path("/d")}, environ)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("models.example.com", "is no https://HOST"),
        ("ftp://models.example.com", "is no https://HOST"),
        ("https://", "is no https://HOST"),
        ("https://h:99999", "cannot be read"),
        ("https://h/models", "has more than https://HOST:PORT"),
        ("https://h?x=1", "has more than https://HOST:PORT"),
        ("https://u:hunter2@h", "what it is set to has more than"),
    ],
)
@pytest.mark.parametrize("name", ["MODELYARD_PUBLIC_URL", "MODELYARD_PUBLIC_GATEWAY_URL"])
def test_what_is_no_public_address(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(said)) as refused:
        settings({"data_dir": Path("/d")}, {name: value})
    assert name in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("value", ["https://models.example.com", "https://[2001:db8::1]:8443/", "http://h"])
def test_a_public_address(value: str) -> None:
    assert settings({"data_dir": Path("/d")}, {"MODELYARD_PUBLIC_URL": value}).public_url == value


SECRET = {
    "database_url": "postgresql://ada:of-database@db/x",
    "otlp_headers": "authorization=of-header",
    "otlp_endpoint": "http://127.0.0.1:4317",
    "otlp_traces_headers": "authorization=of-traces",
    "s3_secret_key": "of-s3",
    "smtp_password": "of-mail",
    "smn_secret_key": "of-smn",
}


def test_every_setting_that_is_in_no_repr_is_a_secret_to_logs_and_to_what_is_started() -> None:
    from modelyard.composition import known_secrets

    assert set(secret_names()) == SECRET.keys() - {"otlp_endpoint"}
    known = known_secrets(Settings(Path("/data"), **SECRET))  # type: ignore[arg-type]
    assert known == {"of-database", "of-header", "of-traces", "of-s3", "of-mail", "of-smn"}
    environ = {f"MODELYARD_{name.upper()}": value for name, value in SECRET.items()}
    without_secrets(environ)
    assert environ == {"MODELYARD_OTLP_ENDPOINT": "http://127.0.0.1:4317"}
