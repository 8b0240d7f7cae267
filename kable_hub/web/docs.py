"""The description of the API (OpenAPI 3.1) and a page to read it, without a foreign byte."""

from pathlib import Path
from typing import Any

import flask_swagger_ui
from flask import Blueprint, Flask, Response, json, render_template, send_from_directory

from kable_hub.web import auth

ASSETS = Path(flask_swagger_ui.__file__).parent / "dist"
CSP = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
)
"""Swagger UI sets style attributes and shows images out of its style sheet; nothing else."""

_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes a repeat of this request safe: the first answer comes again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[!-~]+$"},
}


def install(app: Flask, description: dict[str, Any]) -> None:
    """Serve the description: to key holders under /api, and to readers of the page."""
    text = json.dumps(_completed(description))
    blueprint = Blueprint("docs", __name__)

    @blueprint.get("/docs")
    def page() -> Response:
        response = Response(render_template("docs.html"))
        response.headers["Content-Security-Policy"] = CSP
        return response

    @blueprint.get("/docs/assets/<path:name>")
    def asset(name: str) -> Response:
        return send_from_directory(ASSETS, name)

    @blueprint.get("/docs/openapi.json")
    @blueprint.get("/api/v1/openapi.json")
    def openapi() -> Response:
        return Response(text, content_type="application/json")

    app.register_blueprint(blueprint)


def _completed(description: dict[str, Any]) -> dict[str, Any]:
    """What holds for every operation, said once here."""
    components = description.setdefault("components", {})
    components.setdefault("parameters", {})["IdempotencyKey"] = _KEY_PARAMETER
    components["securitySchemes"] = {auth.SCHEME: auth.SECURITY_SCHEME}
    description["security"] = [{auth.SCHEME: []}]
    for operations in description["paths"].values():
        if "post" in operations:
            reference = {"$ref": "#/components/parameters/IdempotencyKey"}
            operations["post"].setdefault("parameters", []).append(reference)
    return description
