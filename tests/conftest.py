"""What holds for every test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# No test fails because the machine is busy: neither a slow example nor a slow choice of one is a broken promise.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
