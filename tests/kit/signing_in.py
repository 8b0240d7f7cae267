"""Broken copies of the template's plugin that connects by OAuth 2.0."""

from tests.kit.mutants import Mutant


def _signing_in(rule: str, file: str, old: str, new: str, *also: str) -> Mutant:
    """A mutant of the package that connects by OAuth 2.0."""
    others = frozenset(f"test_{one}" for one in also)
    return Mutant(f"test_{rule}", f"{file}.py", old, new, others, way_in="oauth2")


REFRESH = "    return ways_in.SERVER.refresh(connection).credentials\n"


SIGNING_IN = (
    _signing_in(
        "secret_settings_are_marked",
        "declaration",
        '"label": "Client secret", "secret": True',
        '"label": "Client secret"',
    ),
    _signing_in(
        "the_state_goes_to_the_provider_unchanged",
        "connect",
        "        return SERVER.ask(request)\n",
        '        return Redirect(SERVER.ask(request).url.replace("state=", "state=x"))\n',
    ),
    _signing_in(
        "a_person_who_refuses_is_heard",
        "connect",
        "    if not request.query:\n",
        '    if "code" not in request.query:\n',
    ),
    _signing_in(
        "stale_access_is_told_and_renewed",
        "client",
        'STALE = frozenset({"token_expired"})',
        "STALE: frozenset[str] = frozenset()",
    ),
    _signing_in(
        "new_credentials_say_how_long_they_last",
        "__init__",
        REFRESH,
        "    found = ways_in.SERVER.refresh(connection).credentials\n"
        "    return Credentials(found.secrets)\n",
    ),
    _signing_in(
        "a_grant_that_is_gone_needs_a_person",
        "__init__",
        REFRESH,
        "    try:\n    "
        + REFRESH
        + "    except __import__('kable_hub').ReconnectRequired as gone:\n"
        "        raise __import__('kable_hub').Transient(gone.message) from None\n",
    ),
    _signing_in(
        "a_lost_answer_to_a_refresh_is_not_the_end",
        "__init__",
        REFRESH,
        "    try:\n    " + REFRESH + "    except __import__('kable_hub').OutcomeUnknown as lost:\n"
        "        raise __import__('kable_hub').ReconnectRequired(lost.message) from None\n",
    ),
    _signing_in(
        "two_workers_that_refresh_at_once_do_no_harm",
        "__init__",
        REFRESH,
        "    ways_in.SERVER.refresh(connection)\n" + REFRESH,
        "stale_access_is_told_and_renewed",
        "new_credentials_say_how_long_they_last",
        "a_lost_answer_to_a_refresh_is_not_the_end",
    ),
)
