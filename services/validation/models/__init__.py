from services.validation.models import evidence, issuance
from services.validation.models.accounts import Account, Division, Organization
from services.validation.models.attempts import MANUAL_PAUSE, Attempt, PastToken, RandomValue, TooSoon
from services.validation.models.base import Base
from services.validation.models.domains import Domain, Validation
from services.validation.models.evidence import Evidence, EvidencePerspective
from services.validation.models.issuance import (
    CaaCheck,
    CaaPerspective,
    IssuanceQuestion,
    IssuanceReliance,
    IssuedCertificate,
)
from services.validation.models.mails import DcvMail, Mailing
from services.validation.models.orders import OrderNeed

TRIGGERS = (*evidence.TRIGGERS, *issuance.TRIGGERS)

__all__ = [
    "MANUAL_PAUSE",
    "TRIGGERS",
    "Account",
    "Attempt",
    "Base",
    "CaaCheck",
    "CaaPerspective",
    "DcvMail",
    "Division",
    "Domain",
    "Evidence",
    "EvidencePerspective",
    "IssuanceQuestion",
    "IssuanceReliance",
    "IssuedCertificate",
    "Mailing",
    "OrderNeed",
    "Organization",
    "PastToken",
    "RandomValue",
    "TooSoon",
    "Validation",
]
