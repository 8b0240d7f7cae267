"""The way in: a pasted key, tried before it is kept."""

from marshmallow import Schema, fields, validate

from kable_acme_payments.client import Client
from kable_hub import ConnectRequest, Credentials, Form, Grant, ReconnectRequired


class KeyForm(Schema):
    """What a person pastes."""

    api_key = fields.String(
        required=True,
        validate=validate.Regexp(r"\s*[!-~]+\s*\Z", error="A key has no spaces and no accents."),
        metadata={"secret": True, "label": "API key", "help": "At Acme under Settings, API."},
    )


def step(request: ConnectRequest) -> Form | Grant:
    """Ask for the key; then name the account it opens, or ask again and say what was wrong."""
    if not request.form:
        return _form(request)
    key, url = request.form["api_key"].strip(), request.urls[request.environment]["api"]
    try:
        account = Client(request, url, key).get("account.get", "/v1/account")
    except ReconnectRequired as error:
        return _form(request, error.message)
    if account["environment"] != request.environment:
        return _form(request, f"This is a key for {account['environment']}.")
    granted = {request.environment: Credentials({"key": key})}
    return Grant(account["id"], account["name"], granted)


def _form(request: ConnectRequest, error: str = "") -> Form:
    return Form(KeyForm, f"Connect Acme ({request.environment})", error=error)
