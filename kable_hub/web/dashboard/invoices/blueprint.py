"""The section's routes, filled by the modules beside this one."""

from flask import Blueprint

blueprint = Blueprint("invoices", __name__, url_prefix="/invoices")
