#!/usr/bin/env python3
"""Write the parts of the documentation that the code knows better than a person.

    .venv/bin/python docs/generate.py            write them
    .venv/bin/python docs/generate.py --check    change nothing; status 1 where a page is outdated

A generated part stands between `<!-- generated: NAME -->` and `<!-- end -->`; whatever stands
around it is written by hand. The parts are the functions of PARTS.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import parts_commands
import parts_contract
import parts_delivery
import parts_settings
import parts_webhooks

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "ARCHITECTURE.md", "docs/*.md")
REGION = re.compile(r"<!-- generated: ([a-z-]+) -->\n.*?<!-- end -->", re.DOTALL)

PARTS: Mapping[str, Callable[[], str]] = {
    "backoff": parts_delivery.backoff,
    "fates": parts_delivery.fates,
    "states": parts_delivery.states,
    "hooks": parts_contract.hooks,
    "rules": parts_contract.rules,
    "errors": parts_contract.errors,
    "error-answers": parts_contract.error_answers,
    "capabilities": parts_contract.capabilities,
    "facts": parts_contract.facts,
    "limits": parts_contract.limits,
    "hub-settings": parts_settings.hub,
    "provider-settings": parts_settings.providers,
    "connection-settings": parts_settings.connections,
    "event-types": parts_webhooks.event_types,
    "webhook-waits": parts_webhooks.waits,
    "commands": parts_commands.commands,
    "csv-columns": parts_commands.csv_columns,
    "endpoints": parts_commands.endpoints,
    "problems": parts_commands.problems,
}
"""Every generated part by its name."""


class UnknownPart(LookupError):
    """A page asks for a part that nothing generates."""


def pages() -> list[Path]:
    """Every page of the documentation, by path."""
    return sorted(path for pattern in PAGES for path in ROOT.glob(pattern))


def renewed(text: str) -> str:
    """A page's text with its generated parts made anew. Raises UnknownPart."""

    def region(found: re.Match[str]) -> str:
        name = found[1]
        if name not in PARTS:
            raise UnknownPart(f"nothing generates {name!r}")
        return f"<!-- generated: {name} -->\n\n{PARTS[name]().strip()}\n\n<!-- end -->"

    return REGION.sub(region, text)


def outdated() -> Iterator[tuple[Path, str]]:
    """Each page that is not as it would be written now, with its new text."""
    for path in pages():
        text = path.read_text("utf-8")
        fresh = renewed(text)
        if fresh != text:
            yield path, fresh


def main(arguments: list[str]) -> int:
    """Write or check; the exit status."""
    check = arguments == ["--check"]
    if arguments and not check:
        sys.stderr.write(__doc__ or "")
        return 2
    found = list(outdated())
    for path, fresh in found:
        name = path.relative_to(ROOT).as_posix()
        sys.stdout.write(f"{'outdated' if check else 'written'}: {name}\n")
        if not check:
            path.write_text(fresh, "utf-8")
    return int(check and bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
