"""How long the machines run: MODELYARD_HYPOTHESIS=ci (the default) or deep."""

import os

import pytest
from hypothesis import HealthCheck, settings

PROFILE = os.environ.get("MODELYARD_HYPOTHESIS", "ci")

for _profile, _examples, _steps in (("ci", 150, 40), ("deep", 3_000, 80)):
    settings.register_profile(
        _profile,
        max_examples=_examples,
        stateful_step_count=_steps,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
settings.load_profile(PROFILE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A deep run may take its time."""
    for item in items if PROFILE == "deep" else ():
        item.add_marker(pytest.mark.timeout(3600))
