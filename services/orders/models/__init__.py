from services.orders.models.acme import AcmeOrder
from services.orders.models.authorities import Authority, RevocationList
from services.orders.models.base import APPEND_ONLY, Base
from services.orders.models.certificates import Certificate, TimelineEntry
from services.orders.models.counts import COUNTED, OrderCount
from services.orders.models.custom_fields import CustomField
from services.orders.models.customers import Account, Division
from services.orders.models.expiries import Expiry
from services.orders.models.keys import BlockedKey
from services.orders.models.money import MoneyFacts
from services.orders.models.names import RequestName
from services.orders.models.notes import CustomValue, OrderNote
from services.orders.models.orders import CertificateOrder
from services.orders.models.organizations import Organization, OrganizationContact, OrganizationEntry
from services.orders.models.requests import DUPLICATE, NEW, REISSUE, REVOKE, OrderRequest, ask_why
from services.orders.models.revocations import Revocation
from services.orders.models.users import ApiKey, AppUser
from services.orders.models.vetting import OrganizationCheck, OrganizationRecord, OrganizationValidation

TRIGGERS = (*APPEND_ONLY, *COUNTED)

__all__ = [
    "APPEND_ONLY",
    "COUNTED",
    "DUPLICATE",
    "NEW",
    "REISSUE",
    "REVOKE",
    "TRIGGERS",
    "Account",
    "AcmeOrder",
    "ApiKey",
    "AppUser",
    "Authority",
    "Base",
    "BlockedKey",
    "Certificate",
    "CertificateOrder",
    "CustomField",
    "CustomValue",
    "Division",
    "Expiry",
    "MoneyFacts",
    "OrderCount",
    "OrderNote",
    "OrderRequest",
    "Organization",
    "OrganizationCheck",
    "OrganizationContact",
    "OrganizationEntry",
    "OrganizationRecord",
    "OrganizationValidation",
    "RequestName",
    "Revocation",
    "RevocationList",
    "TimelineEntry",
    "ask_why",
]
