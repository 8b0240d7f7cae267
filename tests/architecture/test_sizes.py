"""The numbers of the house: files and functions stay small enough to be read at a glance."""

import statistics
from functools import cache

from tests.architecture.tree import beyond, hub, plugins

SOURCES = (*hub(), *plugins())


@cache
def functions():
    """How many lines each function has."""
    return {
        f"{source.name}:{one.lineno} {one.name}": (one.end_lineno or 0) - one.lineno + 1
        for source in SOURCES
        for one in source.functions()
    }


def test_no_file_is_longer_than_400_lines():
    long = [one.name for one in SOURCES if len(one.text.splitlines()) > 400]
    assert not long, beyond(long, "split these files:")


def test_half_of_the_files_have_at_most_90_lines_that_are_not_blank():
    sizes = [sum(bool(line.strip()) for line in one.text.splitlines()) for one in SOURCES]
    assert statistics.median(sizes) <= 90


def test_no_function_is_longer_than_50_lines():
    long = [name for name, size in functions().items() if size > 50]
    assert not long, beyond(long, "split these functions:")


def test_half_of_the_functions_have_at_most_8_lines():
    assert statistics.median(functions().values()) <= 8


def test_nine_of_ten_functions_have_less_than_25_lines():
    short = sum(size < 25 for size in functions().values())
    assert short >= 0.9 * len(functions())
