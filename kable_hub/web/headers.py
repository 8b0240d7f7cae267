"""Security headers on every answer. A view that needs more (the docs page) sets its own CSP."""

from flask import Flask, Response, request

from kable_hub.web.context import current_hub

PAGE = (
    "default-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; "
    "object-src 'none'; "
    "form-action 'self' https: http://127.0.0.1:* http://localhost:*"
)
"""For pages. Pico's signs are data in its style sheet. A form may lead on to the provider, and
browsers hold redirects to form-action."""

DATA = "default-src 'none'; frame-ancestors 'none'"
"""For everything that is not a page."""


def install(app: Flask) -> None:
    """Set the headers after every request."""
    app.after_request(_protect)


def _protect(response: Response) -> Response:
    set_default = response.headers.setdefault
    page = response.mimetype in ("text/html", "image/svg+xml")
    set_default("Content-Security-Policy", PAGE if page else DATA)
    set_default("X-Content-Type-Options", "nosniff")
    set_default("X-Frame-Options", "DENY")
    set_default("Referrer-Policy", "no-referrer")
    set_default("Cross-Origin-Opener-Policy", "same-origin")
    if current_hub().settings.public_url.startswith("https:"):
        set_default("Strict-Transport-Security", "max-age=31536000")
    if not request.path.startswith(("/static/", "/docs/")):
        set_default("Cache-Control", "no-store")
    return response
