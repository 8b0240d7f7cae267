"""The sync loop: who drains which connection when, and what a drain does."""
