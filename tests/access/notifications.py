"""Who may do what in notifications."""

from tests.access.rules import EVERYBODY, FINANCE, STAFF, Rule, alone, listed, own

RULES: dict[str, Rule] = {
    "GET /messages": listed(FINANCE),
    "GET /messages/preferences": own(EVERYBODY - STAFF),
    "POST /messages/preferences": own(EVERYBODY - STAFF),
    "POST /messages/{message_id}/resend": alone(STAFF, message_id="message"),
}
