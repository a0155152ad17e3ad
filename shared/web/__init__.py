"""HTTP of every service: who calls, one transaction a request, one way to say no."""

from shared.web.app import make_app
from shared.web.bodies import Body, Once
from shared.web.caller import (
    CsrfChecked,
    PageUser,
    Who,
    csrf_token,
    end_session,
    operator,
    page_operator,
    session_caller,
    start_session,
)
from shared.web.pages import Look, page
from shared.web.transaction import Tx, database, now

__all__ = [
    "Body",
    "CsrfChecked",
    "Look",
    "Once",
    "PageUser",
    "Tx",
    "Who",
    "csrf_token",
    "database",
    "end_session",
    "make_app",
    "now",
    "operator",
    "page",
    "page_operator",
    "session_caller",
    "start_session",
]
