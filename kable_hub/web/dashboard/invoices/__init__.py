"""Invoices: the list, each one's page, what a person does about it, and files of them."""

from kable_hub.web.dashboard.invoices import lists, one, steering, uploads
from kable_hub.web.dashboard.invoices.blueprint import blueprint

__all__ = ["blueprint", "lists", "one", "steering", "uploads"]
