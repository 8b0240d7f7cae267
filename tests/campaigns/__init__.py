"""Long tests with a command of their own: `python3 run.py campaign NAME`."""
