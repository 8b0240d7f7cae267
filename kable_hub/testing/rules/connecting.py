"""From nothing to a connection: consent or a key, and whose account it is."""

from typing import Any

from kable_hub.dialogue import Form, Grant, Redirect
from kable_hub.domain import Environment
from kable_hub.errors import OutcomeUnknown, Rejected, Transient
from kable_hub.provider import Capability
from kable_hub.testing.browsing import Browser
from kable_hub.testing.demands import RuleBroken, can, demand, refused, rule
from kable_hub.testing.reception import CALLBACK, STATE, TEST, loaded
from kable_hub.testing.rules.base import Rules

WRONG = "wrong-{}-0000000000000000"


class Connecting(Rules):
    """The connect dialogue."""

    @rule("bronze")
    def test_the_dialogue_begins_with_a_form_or_a_page_of_the_provider(self) -> None:
        """Without query and form `connect` asks, and writes nothing."""
        step = self.desk.step()
        demand(isinstance(step, Form | Redirect), "It granted what nobody agreed to.")
        demand(not any(one.writes for one in self.desk.gate.calls), "It wrote before consent.")

    @rule("bronze")
    def test_a_grant_names_the_account_and_brings_its_credentials(self) -> None:
        """A grant has the account's id, a title, and credentials of the environment asked for."""
        grant = self.desk.grant()
        demand(grant.external_id and grant.title, "The grant does not name the account.")
        demand(TEST in grant.environments, "The grant has no credentials for the environment.")

    @rule("silver")
    def test_connecting_again_names_the_same_account(self) -> None:
        """The account's id is the same in every dialogue."""
        first, second = self.desk.grant().external_id, self.desk.grant().external_id
        demand(first == second, f"The same account is {first} once and {second} then.")

    @rule("bronze")
    def test_the_state_goes_to_the_provider_unchanged(self) -> None:
        """A redirect carries the hub's `state`, and leads back to the hub's callback with it."""
        step = self.desk.step()
        if isinstance(step, Redirect):
            back = Browser().consent(step.url, CALLBACK)
            demand(back.get("state") == STATE, "The callback brings another state.")

    @rule("bronze")
    def test_a_person_who_refuses_is_heard(self) -> None:
        """A callback with `error` is Rejected: the person or the provider said no."""
        step = self.desk.step()
        if isinstance(step, Redirect):
            said = {"error": "access_denied", "state": STATE}
            refused(Rejected, lambda: self.desk.step(query=said, carry=step.carry))

    @rule("bronze")
    def test_what_is_no_key_is_asked_for_again(self) -> None:
        """A wrong value of a form leads to the form again, with its error, or is Rejected."""
        step = self.desk.step()
        if isinstance(step, Form):
            right = loaded(step, self.desk.simulator.demo_form(TEST))
            wrong = {name: WRONG.format(name) for name in right}
            self._asked_again({"form": wrong}, "a wrong key")

    @rule("bronze")
    def test_a_key_of_the_other_environment_is_refused(self) -> None:
        """A key of live does not connect test."""
        step = self.desk.step()
        if isinstance(step, Form) and Environment.LIVE in self.desk.provider.urls:
            mine = loaded(step, self.desk.simulator.demo_form(TEST))
            other = loaded(step, self.desk.simulator.demo_form(Environment.LIVE))
            if mine != other:
                self._asked_again({"form": other}, "a key of live")

    def _asked_again(self, given: dict[str, Any], what: str) -> None:
        try:
            step = self.desk.step(**given)
        except Rejected:
            return
        demand(not isinstance(step, Grant), f"It took {what}.")
        demand(isinstance(step, Form) and step.error, f"It does not say what is wrong with {what}.")

    @rule("silver")
    def test_a_provider_that_is_away_is_not_the_persons_fault(self) -> None:
        """Where the provider cannot be reached, connecting is Transient or OutcomeUnknown."""
        step = self.desk.step()
        if isinstance(step, Grant):
            raise RuleBroken("It granted what nobody agreed to.")
        given = self.desk.answer(step)
        self.desk.simulator.stop()
        refused((Transient, OutcomeUnknown), lambda: self.desk.step(**given))

    @rule("silver", can(Capability.CHECK_CONNECTION))
    def test_checking_a_connection_only_reads(self) -> None:
        """`check_connection` succeeds on a fresh connection and writes nothing."""
        connection, begun = self.desk.connection(), len(self.desk.gate.calls)
        self.desk.call("check_connection", connection=connection)
        made = self.desk.gate.calls[begun:]
        demand(made, "It tried nothing.")
        demand(not any(one.writes for one in made), "A check wrote at the provider.")

    @rule("silver", can(Capability.DISCONNECT))
    def test_ending_a_grant_ends_it_and_may_be_repeated(self) -> None:
        """After `disconnect` the access is gone, and disconnecting again is a success too."""
        connection = self.desk.connection()
        apps = dict(self.desk.request().app)
        for _ in range(2):
            gone = self.desk.call("disconnect", connection=connection, apps=apps)
            demand(gone is True, "It does not say that the grant is gone.")
