"""Many links at once: looked up first, which writes nothing, then made row by row.

A row stands for itself: one that is refused keeps no other back. Confirming twice does no more
than once, as a link that stands already is left alone, and one that became another since the
preview is not touched.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kable_hub.provider import Provider
from kable_hub.store import connections, customers, links
from kable_hub.store.scope import Scope
from kable_hub.usecases.errors import Problem
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.link_files import LinkWish
from kable_hub.usecases.linking import put_link
from kable_hub.usecases.suggesting import look_up

READY, SHARES, UNCHANGED, LINKED, REFUSED = "ready", "shares", "unchanged", "linked", "refused"


@dataclass(frozen=True)
class LinkOutcome:
    """What becomes of a row.

    `state` is ready or shares (others have the counterpart: to be confirmed) in a preview, linked
    after it; unchanged (it is linked so already) or refused with `code` and `message` in both.
    `reference`, `title`, `email`, `currency` and `warnings` are the counterpart's; `replaces` is
    the reference that the link would leave.
    """

    wish: LinkWish
    state: str
    reference: str = ""
    title: str = ""
    email: str = ""
    currency: str = ""
    warnings: tuple[str, ...] = ()
    linked_to: tuple[str, ...] = ()
    replaces: str = ""
    code: str = ""
    message: str = ""


def preview_links(hub: Hub, scope: Scope, wishes: Sequence[LinkWish]) -> tuple[LinkOutcome, ...]:
    """Look every row up at its provider; nothing is written anywhere."""
    named = [_with_slug(hub, one) for one in wishes]
    standing = _standing(hub, scope, named)
    seen: dict[tuple[str, str], int] = {}
    holders: dict[tuple[str, str], list[str]] = {}
    outcomes = []
    for wish in named:
        known = seen.setdefault((wish.provider, wish.client_id), wish.line)
        if known != wish.line:
            outcomes.append(_repeated(wish, known))
            continue
        found = _look(
            hub, scope, replace(wish, was=standing.get((wish.provider, wish.client_id), ""))
        )
        before = holders.setdefault((wish.provider, found.reference), [])
        outcomes.append(_shared(found, before))
        before.append(wish.client_id)
    return tuple(outcomes)


def make_links(
    hub: Hub, scope: Scope, wishes: Sequence[LinkWish], *, share: bool = False, by: str = ""
) -> tuple[LinkOutcome, ...]:
    """Make the links of previewed rows (`wish` of what the preview answered), each by itself.

    `share` confirms counterparts that others have already; `by` is who confirmed.
    """
    outcomes = []
    standing = _standing(hub, scope, wishes)
    for wish in wishes:
        now = standing.get((wish.provider, wish.client_id), "")
        if now and now == wish.reference:
            outcomes.append(LinkOutcome(wish, UNCHANGED, reference=now))
        elif now != wish.was:
            outcomes.append(_overtaken(wish, now))
        else:
            outcomes.append(_make(hub, scope, wish, share, by))
    return tuple(outcomes)


def link_all(
    hub: Hub,
    scope: Scope,
    wishes: Sequence[LinkWish],
    *,
    share: bool = False,
    by: str = "",
    dry_run: bool = False,
) -> tuple[LinkOutcome, ...]:
    """Look every row up and make its link at once, for programs; a dry run only looks."""
    shown = preview_links(hub, scope, wishes)
    if dry_run:
        return shown
    open_ = [one.wish for one in shown if one.state in (READY, SHARES)]
    made = iter(make_links(hub, scope, open_, share=share, by=by))
    return tuple(next(made) if one.state in (READY, SHARES) else one for one in shown)


def _with_slug(hub: Hub, wish: LinkWish) -> LinkWish:
    """The provider's title will do, too, in any case."""
    asked = wish.provider.casefold()
    slugs = {name.casefold(): one.slug for one in hub.registry.providers() for name in _names(one)}
    return replace(wish, provider=slugs.get(asked, wish.provider))


def _names(provider: Provider) -> tuple[str, str]:
    return provider.title, provider.slug


def _standing(hub: Hub, scope: Scope, wishes: Sequence[LinkWish]) -> Mapping[tuple[str, str], str]:
    """The present references, by provider and the name of the customer in the file."""
    with hub.database.read():
        slugs = {one.id: one.provider for one in connections.listed(scope)}
        known = customers.find_many(scope, {one.client_id for one in wishes})
        by_id: dict[str, list[str]] = {}
        for name, row in known.items():
            by_id.setdefault(row.id, []).append(name)
        return {
            (slugs[one.connection_id], name): one.reference
            for one in links.of_customers(scope, list(by_id))
            for name in by_id[one.customer_id]
        }


def _look(hub: Hub, scope: Scope, wish: LinkWish) -> LinkOutcome:
    try:
        found = look_up(hub, scope, wish.client_id, wish.provider, wish.reference)
    except Problem as problem:
        return _refusal(wish, problem)
    same = wish.was == found.reference
    state = UNCHANGED if same else SHARES if found.linked_to else READY
    return LinkOutcome(
        wish=replace(wish, reference=found.reference),
        state=state,
        replaces="" if same else wish.was,
        **vars(found),
    )


def _shared(found: LinkOutcome, before: Sequence[str]) -> LinkOutcome:
    """With the rows above that want the same counterpart."""
    if not before or found.state not in (READY, SHARES):
        return found
    return replace(found, state=SHARES, linked_to=tuple(dict.fromkeys((*found.linked_to, *before))))


def _make(hub: Hub, scope: Scope, wish: LinkWish, share: bool, by: str) -> LinkOutcome:
    try:
        made = put_link(
            hub, scope, wish.client_id, wish.provider, wish.reference, confirm=share, by=by
        )
    except Problem as problem:
        return _refusal(wish, problem)
    return LinkOutcome(
        wish=wish,
        state=LINKED,
        reference=made.reference,
        title=made.title,
        email=made.email,
        currency=made.currency,
        warnings=made.warnings,
        linked_to=made.shared_with,
        replaces=wish.was,
    )


def _refusal(wish: LinkWish, problem: Problem) -> LinkOutcome:
    told = problem.errors[0].message if problem.errors else problem.detail or problem.title
    code = problem.errors[0].code if problem.errors else problem.code
    return LinkOutcome(wish, REFUSED, code=code, message=told)


def _repeated(wish: LinkWish, line: int) -> LinkOutcome:
    said = f"Line {line} links this customer there already."
    return LinkOutcome(wish, REFUSED, code="repeated", message=said)


def _overtaken(wish: LinkWish, now: str) -> LinkOutcome:
    said = f"Since the preview it was {f'linked to {now}' if now else 'unlinked'}; look again."
    return LinkOutcome(wish, REFUSED, code="overtaken", message=said)
