"""What holds for every test of the repository, the plugins' too."""

import os

from hypothesis import HealthCheck, settings

pytest_plugins = (
    "tests.areas",
    "tests.loopback",
    "tests.stripe.contract",
    "tests.quickbooks.contract",
)


def pytest_configure() -> None:
    """Forget settings of the hub that the shell happens to hold; tests bring their own.

    A first run works out Unicode's tables, which is slow and no fault of a test.
    """
    settings.register_profile("repository", suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("repository")
    for name in [name for name in os.environ if name.startswith("KABLE_")]:
        del os.environ[name]
