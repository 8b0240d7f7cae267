"""Files of invoices: uploaded, imported, and what became of them."""

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from kable_hub.importing import FIELDS, FileRefused, uploads
from kable_hub.money import EXPONENTS
from kable_hub.web.dashboard.context import hub, scope, wants_part
from kable_hub.web.dashboard.invoices.blueprint import blueprint

PAGE = "dashboard/invoices/upload.html"


@blueprint.get("/upload/")
def upload() -> str:
    """Ask for the file."""
    return _asking(())


@blueprint.post("/upload/")
def take() -> Response | tuple[str, int]:
    """Take it, or say why it is no such file."""
    sent, currency = request.files.get("file"), request.form.get("currency", "").strip().upper()
    if sent is None or not sent.filename:
        return _asking(("Choose a file.",)), 422
    if currency and currency not in EXPONENTS:
        return _asking((f"{currency[:10]!r} is no currency code, such as USD.",)), 422
    try:
        begun = uploads.begin(hub(), scope(), sent.filename, sent.save, currency)
    except FileRefused as refused:
        return _asking(refused.reasons), 422
    return redirect(url_for("dashboard.invoices.uploaded", upload_id=begun.id), 303)


@blueprint.get("/uploads/<upload_id>/")
def uploaded(upload_id: str) -> str:
    """How far it is and what was refused; htmx takes the part that moves."""
    found = uploads.find(hub(), scope(), upload_id)
    name = "_uploaded" if wants_part() else "uploaded"
    return render_template(f"dashboard/invoices/{name}.html", upload=found)


def _asking(reasons: tuple[str, ...]) -> str:
    most = hub().settings.max_body_bytes // 1_000_000
    return render_template(PAGE, fields=FIELDS, reasons=reasons, most=most)
