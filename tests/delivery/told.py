"""Somebody who is told what happens on a stage, in a time of their own."""

from dataclasses import dataclass
from typing import Any

import pytest

from kable_hub.clock import ManualClock
from kable_hub.sync.telling import Teller
from kable_hub.usecases import endpoints
from tests.delivery.stage import SCOPE, Stage
from tests.receiver import Receiver

DAY = 86_400


@dataclass
class Told:
    """A stage, somebody who listens, and who sends: in a time of their own."""

    stage: Stage
    there: Receiver
    clock: ManualClock
    teller: Teller
    endpoint: str
    secret: str

    def send(self) -> None:
        self.teller.serve(self.endpoint)

    def later(self, seconds: float) -> None:
        """Send, as the ticks of so long would."""
        self.clock.advance(seconds)
        self.send()

    def messages(self) -> list[Any]:
        return list(endpoints.list_messages(self.stage.hub, SCOPE, self.endpoint).items)

    def row(self) -> Any:
        return endpoints.get_endpoint(self.stage.hub, SCOPE, self.endpoint)

    def test(self) -> Any:
        return endpoints.send_test(self.stage.hub, SCOPE, self.endpoint)


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what the sender decides and no database takes part in."""
