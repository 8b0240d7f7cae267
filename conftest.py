"""What holds for every test of the repository, the plugins' too."""

import os

pytest_plugins = ("tests.areas", "tests.loopback", "tests.stripe.contract")


def pytest_configure() -> None:
    """Forget settings of the hub that the shell happens to hold; tests bring their own."""
    for name in [name for name in os.environ if name.startswith("KABLE_")]:
        del os.environ[name]
