"""What every group of rules has: a fresh desk for each test."""

from types import ModuleType
from typing import ClassVar

from kable_hub.testing.desk import Desk
from kable_hub.testing.stage import ContractSimulator


class Rules:
    """Tests of one plugin against its simulator; each has a `desk` of its own."""

    plugin: ClassVar[ModuleType]
    simulator: ClassVar[type[ContractSimulator]]
    desk: Desk

    def setup_method(self) -> None:
        """Start a fresh simulator, with nothing connected yet."""
        self.desk = Desk(self.plugin, self.simulator).__enter__()

    def teardown_method(self) -> None:
        """Stop it."""
        self.desk.__exit__()
