"""How long the machines run: MODELYARD_HYPOTHESIS=ci (the default) or deep."""

import os

from hypothesis import HealthCheck, settings

_SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]

settings.register_profile("ci", max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("deep", max_examples=3_000, stateful_step_count=80, deadline=None, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("MODELYARD_HYPOTHESIS", "ci"))
