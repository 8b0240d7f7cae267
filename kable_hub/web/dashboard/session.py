"""Who sits in front of the browser: the session cookie, and the token in every form.

Sessions never open the API and API keys never open the dashboard: each looks for its own alone.
"""

from datetime import timedelta
from typing import cast

from flask import Flask, current_app, request, session
from flask_login import LoginManager, current_user, login_user, logout_user
from flask_wtf.csrf import CSRFProtect

from kable_hub.store.users import UserRow
from kable_hub.usecases import users
from kable_hub.web.context import current_hub

COOKIE = "kable_session"
IDLE = timedelta(hours=12)
"""Without a page being opened; what a page asks for by itself does not count."""

LONGEST = timedelta(days=7)
"""However busy; then one signs in anew."""

_SINCE, _SEEN = "since", "seen"
_NOTED_EVERY_MS = 60_000
_manager = LoginManager()
_csrf = CSRFProtect()


class SignedIn:
    """A person as Flask-Login wants one."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, row: UserRow) -> None:
        self.row = row

    def get_id(self) -> str:
        """What the cookie carries: it is worth nothing once the generation moved on."""
        return users.session_id(self.row)


def install(app: Flask) -> None:
    """Read sessions in this app, and give every form a token."""
    app.config.update(
        PERMANENT_SESSION_LIFETIME=LONGEST,
        SESSION_COOKIE_NAME=COOKIE,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
        # Pages send no referrer; the token is what proves a form.
        WTF_CSRF_SSL_STRICT=False,
        REMEMBER_COOKIE_REFRESH_EACH_REQUEST=False,
    )
    # A phone changes its address on the way, and must not be signed out by it.
    _manager.session_protection = None
    _manager.init_app(app)
    _csrf.init_app(app)


@_manager.user_loader  # type: ignore[untyped-decorator]
def _load(carried: str) -> SignedIn | None:
    row = users.session_user(current_hub(), carried)
    return SignedIn(row) if row else None


def check_token() -> None:
    """Refuse a POST without this browser's token (`CSRFError`)."""
    if current_app.config.get("WTF_CSRF_ENABLED", True):
        _csrf.protect()


def signed_in() -> UserRow | None:
    """Who is signed in, or None."""
    found = current_user._get_current_object()
    if not found.is_authenticated or _over():
        return None
    return cast(UserRow, found.row)


def _over() -> bool:
    """Whether this session is too old or was left alone for too long; else it is noted as used."""
    now, since, seen = current_hub().now(), session.get(_SINCE, 0), session.get(_SEEN, 0)
    over: bool = now - since >= _ms(LONGEST) or now - seen >= _ms(IDLE)
    by_itself = request.headers.get("HX-Request") == "true" and request.method == "GET"
    if not over and not by_itself and now - seen >= _NOTED_EVERY_MS:
        session[_SEEN] = now
    return over


def _ms(time: timedelta) -> int:
    return time // timedelta(milliseconds=1)


def begin(user: UserRow) -> None:
    """Sign somebody in; what the browser had before is forgotten."""
    session.clear()
    session.permanent = True
    session[_SINCE] = session[_SEEN] = current_hub().now()
    login_user(SignedIn(user))


def end() -> None:
    """Sign out."""
    logout_user()
    session.clear()
