"""Access that has to be kept alive."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from kable_hub.dialogue import Credentials
from kable_hub.errors import CredentialsExpired, OutcomeUnknown, ReconnectRequired, Transient
from kable_hub.provider import Capability
from kable_hub.testing.demands import can, demand, refused, rule
from kable_hub.testing.desk import attempted
from kable_hub.testing.fault import Fault
from kable_hub.testing.reception import TEST
from kable_hub.testing.rules.base import Rules

REFRESHES = can(Capability.REFRESH)


class Keeping(Rules):
    """`refresh`."""

    def _refreshed(self) -> Credentials:
        made: Credentials = self.desk.call("refresh", connection=self.desk.connection())
        return made

    @rule("bronze", REFRESHES)
    def test_stale_access_is_told_and_renewed(self) -> None:
        """An expired token is CredentialsExpired; refreshed, the same push goes out, once."""
        push = self.desk.push()
        self.desk.connection()
        self.desk.simulator.expire_access()
        refused(CredentialsExpired, self.desk.send, push)
        self.desk.keep(self._refreshed())
        self.desk.settle(push)
        self.desk.arrived_once(push)

    @rule("silver", REFRESHES)
    def test_new_credentials_say_how_long_they_last(self) -> None:
        """Refreshed credentials name the moment at which they die."""
        expires = self._refreshed().expires_at
        demand(expires and expires > datetime.now(UTC), f"They expire at {expires}.")

    @rule("bronze", REFRESHES)
    def test_a_grant_that_is_gone_needs_a_person(self) -> None:
        """Refreshing what was revoked is ReconnectRequired."""
        self.desk.connection()
        self.desk.simulator.revoke_access(TEST)
        refused(ReconnectRequired, self._refreshed)

    @rule("silver", REFRESHES)
    def test_a_lost_answer_to_a_refresh_is_not_the_end(self) -> None:
        """A refresh whose answer was lost is Transient or OutcomeUnknown, never a reconnect, and
        the old credentials may be tried once more."""
        self.desk.connection()
        self.desk.simulator.fault(Fault(reset=True))
        refused((Transient, OutcomeUnknown), self._refreshed)
        demand(self._refreshed().secrets, "The second try brought nothing.")

    @rule("silver", REFRESHES)
    def test_two_workers_that_refresh_at_once_do_no_harm(self) -> None:
        """Of two refreshes at once one brings credentials that work."""
        connection = self.desk.connection()

        def refresh(_: int) -> Credentials | None:
            made: list[Credentials] = []
            attempted(lambda: made.append(self.desk.call("refresh", connection=connection)))
            return made[0] if made else None

        with ThreadPoolExecutor(2) as threads:
            made = [one for one in threads.map(refresh, range(2)) if one is not None]
        demand(made, "Neither refresh brought credentials.")
        self.desk.keep(made[-1])
        self.desk.settle(self.desk.push())
