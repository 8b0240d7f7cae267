"""The rules that hold every provider plugin, a module for each part of the contract."""
