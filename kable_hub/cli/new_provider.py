"""`kable-hub new-provider`: a working provider package to begin with, rendered from the template.

The template is a package that is itself tested; rendering copies it and replaces its names. It
connects by a key. What another way in has otherwise stands in whole files beside those of the key:
for `--connect oauth2` the file `oauth2.connect.py` takes the place of `connect.py`; else it is left
out.
"""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import click

import kable_hub
from kable_hub.domain import Kind
from kable_hub.plugins import installed
from kable_hub.provider import SLUG

# A link in the checkout, a folder in the wheel.
TEMPLATE = Path(kable_hub.__file__).with_name("provider_template")
SUFFIXES = {Kind.PAYMENTS: "payments", Kind.ACCOUNTING: "ledger"}
"""How a package is called behind its slug, by what the provider is for."""
WAYS_IN = ("key", "oauth2")
"""How the package can connect; the first is the template's own."""


@click.command("new-provider")
@click.argument("name")
@click.option(
    "--kind", type=click.Choice([one.value for one in Kind]), default="payments", show_default=True
)
@click.option(
    "--connect",
    "way_in",
    type=click.Choice(WAYS_IN),
    default=WAYS_IN[0],
    show_default=True,
    help="By a pasted key, or by OAuth 2.0 with tokens that rotate.",
)
@click.option(
    "--into",
    type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path),
    default=Path(),
    help="The folder in which the package gets a folder of its own. [the current one]",
)
def new_provider(name: str, kind: str, way_in: str, into: Path) -> None:
    """Make a package for the provider NAME: lower-case letters and digits, also its slug.

    It works as it is, against a simulated provider, and its tests are green. Its README says
    what to change, in order.
    """
    if fault := _fault(name):
        raise click.UsageError(fault)
    suffix = SUFFIXES[Kind(kind)]
    target = into / f"kable-{name}-{suffix}"
    if target.exists() or target.is_symlink():
        raise click.ClickException(f"{target} exists already.")
    render(target, _words(name, Kind(kind), suffix), way_in)
    click.echo(f"Made {target}. Its README.md says what to change, in order. Try it:")
    click.echo(f"  cd {target}\n  pip install --editable .\n  python -m pytest")


def _fault(name: str) -> str:
    """What is wrong with a name, or empty."""
    if not SLUG.fullmatch(name):
        return f"{name!r} has to be lower-case letters and digits, a letter first."
    owners = [one.distribution for one in installed() if one.name == name]
    return f"{name!r} is taken by the installed {owners[0]}." if owners else ""


def _words(name: str, kind: Kind, suffix: str) -> dict[str, str]:
    return {
        "acme_payments": f"{name}_{suffix}",
        "acme-payments": f"{name}-{suffix}",
        "Acme": name.capitalize(),
        "ACME": name.upper(),
        "acme": name,
        "Kind.PAYMENTS": f"Kind.{kind.name}",
    }


def render(target: Path, words: Mapping[str, str], way_in: str = WAYS_IN[0]) -> None:
    """Copy the template to `target` with its words replaced, in names and texts, and with the
    files of its way in; whole or not at all. Raises OSError."""
    # The longest first: of two words that begin alike the longer one is meant.
    either = re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True))))

    def replaced(text: str) -> str:
        return either.sub(lambda found: words[found[0]], text)

    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as beside:
        whole = Path(beside) / target.name
        whole.mkdir()
        for inner, file in sources(way_in).items():
            copy = whole / replaced(inner.as_posix())
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(replaced(file.read_text("utf-8")), "utf-8")
        whole.rename(target)


def sources(way_in: str) -> dict[Path, Path]:
    """The template's files for a way in: where each belongs in the package, and where it stands."""
    root = TEMPLATE.resolve()
    found: dict[Path, Path] = {}
    for file in sorted(path for path in root.rglob("*") if _belongs(path, root)):
        inner = file.relative_to(root)
        variant, _, name = file.name.partition(".")
        if variant not in WAYS_IN:
            found.setdefault(inner, file)
        elif variant == way_in:
            found[inner.with_name(name)] = file
    return found


def _belongs(path: Path, root: Path) -> bool:
    """Whether it is a file of the template rather than what a run of its tests left there."""
    inner = path.relative_to(root).parts
    left = [part for part in inner if part[0] == "." and part != ".github"]
    return path.is_file() and not left and "__pycache__" not in inner
