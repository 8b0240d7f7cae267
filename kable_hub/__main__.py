"""`python -m kable_hub` is `kable-hub`."""

from kable_hub.cli import main

main(prog_name="kable-hub")
