"""Accounts and their API keys, for operators."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView

from kable_hub.domain import Environment
from kable_hub.usecases import accounts
from kable_hub.usecases.accounts import PLANS
from kable_hub.web.api.blueprint import ApiBlueprint, at
from kable_hub.web.api.fields import Answer, Body, Moment, text, texts
from kable_hub.web.context import current_hub
from kable_hub.web.idempotency import shown_once
from kable_hub.web.paging import Paging, as_page, page_of

blueprint = ApiBlueprint("accounts", "operators", "Tenants, their plan and their API keys.")


class NewAccount(Body):
    """An account to be made."""

    name = text("What people call it.", required=True)
    plan = text(load_default="free", validate=ma.validate.OneOf(PLANS))


class AccountChange(Body):
    """What to change of an account; absent fields stay."""

    name = text("What people call it.", load_default=None)
    plan = text(
        "`free` pauses every connection, `paid` lets them go on.",
        load_default=None,
        validate=ma.validate.OneOf(PLANS),
    )
    return_hosts = texts(
        load_default=None,
        metadata={
            "description": "The only hosts to which browsers are led back, such as `shop.example`, "
            "`shop.example:8443` or `*.shop.example`; an empty list means any."
        },
    )


class Account(Answer):
    """A tenant."""

    id = text()
    name = text()
    plan = text()
    return_hosts = texts(metadata={"description": "Where browsers are led back to; empty: any."})
    created_at = Moment()


class NewKey(Body):
    """An API key to be made."""

    environment = text(
        required=True, validate=ma.validate.OneOf([one.value for one in Environment])
    )
    label = text("For people.", load_default="")


class Key(Answer):
    """An API key without its secret."""

    id = text()
    account_id = text(attribute="scope.account_id")
    environment = text(attribute="scope.environment")
    label = text()
    prefix = text("Stands in the key, so that people recognise it.")
    created_at = Moment()
    used_at = Moment(allow_none=True)
    revoked_at = Moment(allow_none=True)


class FreshKey(Key):
    """A fresh API key."""

    secret = text("The whole key. It is shown this once.")

    def shape(self, made: accounts.NewKey) -> dict[str, Any]:
        """The key's fields beside the secret."""
        return {**vars(made.key), "secret": made.secret}


@blueprint.route("/accounts")
class Accounts(MethodView):
    """All accounts."""

    @blueprint.arguments(NewAccount)
    @blueprint.response(201, Account)
    def post(self, body: dict[str, Any]) -> Any:
        """Make an account."""
        row = accounts.create_account(current_hub(), **body)
        return row, at(f"/accounts/{row.id}")

    @blueprint.arguments(Paging, location="query")
    @blueprint.response(200, page_of(Account))
    def get(self, query: dict[str, Any]) -> Any:
        """List accounts, newest first."""
        return as_page(accounts.list_accounts(current_hub(), **query))


@blueprint.route("/accounts/<account_id>")
class OneAccount(MethodView):
    """One account."""

    @blueprint.response(200, Account)
    def get(self, account_id: str) -> Any:
        """Show an account."""
        return accounts.get_account(current_hub(), account_id)

    @blueprint.arguments(AccountChange)
    @blueprint.response(200, Account)
    def patch(self, body: dict[str, Any], account_id: str) -> Any:
        """Change an account's name, its plan, or where browsers may be led back to."""
        return accounts.change_account(current_hub(), account_id, **body)


@blueprint.route("/accounts/<account_id>/keys")
class Keys(MethodView):
    """The keys of an account."""

    @blueprint.arguments(NewKey)
    @blueprint.response(201, FreshKey)
    def post(self, body: dict[str, Any], account_id: str) -> Any:
        """Make a key; a repeat under the same Idempotency-Key is 409 `already_created`."""
        environment = Environment(body["environment"])
        made = accounts.create_api_key(current_hub(), account_id, environment, body["label"])
        shown_once()
        return made, at(f"/accounts/{account_id}/keys/{made.key.id}")

    @blueprint.arguments(Paging, location="query")
    @blueprint.response(200, page_of(Key))
    def get(self, query: dict[str, Any], account_id: str) -> Any:
        """List an account's keys, newest first."""
        return as_page(accounts.list_api_keys(current_hub(), account_id, **query))


@blueprint.route("/accounts/<account_id>/keys/<key_id>")
class OneKey(MethodView):
    """One key of an account."""

    @blueprint.response(204)
    def delete(self, account_id: str, key_id: str) -> None:
        """Revoke a key for good; twice is once."""
        accounts.revoke_api_key(current_hub(), account_id, key_id)
