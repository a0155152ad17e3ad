from services.notifications.actions.billing import (
    mail_credit_note,
    mail_invoice,
    mail_low_funds,
    mail_purchase_order,
    mail_waiting_order,
)
from services.notifications.actions.orders import (
    mail_certificate_expiring,
    mail_certificate_issued,
    mail_certificate_revoked,
    mail_domain_expiry,
    mail_order_rejected,
    mail_organization_expiring,
    mail_request_decided,
    mail_request_submitted,
)
from services.notifications.actions.people import learn_account, learn_order, learn_person, set_preferences
from services.notifications.actions.sending import claim_due, give_back, record_failure, record_sent, resend

__all__ = [
    "claim_due",
    "give_back",
    "learn_account",
    "learn_order",
    "learn_person",
    "mail_certificate_expiring",
    "mail_certificate_issued",
    "mail_certificate_revoked",
    "mail_credit_note",
    "mail_domain_expiry",
    "mail_invoice",
    "mail_low_funds",
    "mail_order_rejected",
    "mail_organization_expiring",
    "mail_purchase_order",
    "mail_request_decided",
    "mail_request_submitted",
    "mail_waiting_order",
    "record_failure",
    "record_sent",
    "resend",
    "set_preferences",
]
