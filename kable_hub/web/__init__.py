"""The hub over HTTP: the admin API, the connect dialogue, webhooks, health. Thin over usecases."""
