"""What the product does, one module per noun; the API, the dashboard and the CLI only call."""
