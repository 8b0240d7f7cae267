"""The way in: a pasted key, tried before it is kept."""

from collections.abc import Mapping

from marshmallow import Schema, fields, validate

from kable_acme_payments import client
from kable_hub import ConnectRequest, Credentials, Form, Grant, Rejected, keyform


class KeyForm(Schema):
    """What a person pastes."""

    api_key = fields.String(
        required=True,
        validate=validate.Regexp(r"\s*[!-~]+\s*\Z", error="A key has no spaces and no accents."),
        metadata={"secret": True, "label": "API key", "help": "At Acme under Settings, API."},
    )


def step(request: ConnectRequest) -> Form | Grant:
    """Ask for the key; then name the account it opens, or ask again and say what was wrong."""

    def opened(form: Mapping[str, str]) -> Grant:
        key = form["api_key"].strip()
        api = client.at(request, request.urls[request.environment]["api"], key)
        account = api.get("account.get", "/v1/account")
        if account["environment"] != request.environment:
            raise Rejected(f"This is a key for {account['environment']}.")
        granted = {request.environment: Credentials({"key": key})}
        return Grant(account["id"], account["name"], granted)

    return keyform.step(request, KeyForm, f"Connect Acme ({request.environment})", opened)
