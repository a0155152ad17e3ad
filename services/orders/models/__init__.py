from services.orders.models.base import TRIGGERS, Base
from services.orders.models.certificates import Certificate, OrderRequest, TimelineEntry
from services.orders.models.customers import Account, ApiKey, AppUser, Division
from services.orders.models.names import OrderName
from services.orders.models.orders import CertificateOrder

__all__ = [
    "TRIGGERS",
    "Account",
    "ApiKey",
    "AppUser",
    "Base",
    "Certificate",
    "CertificateOrder",
    "Division",
    "OrderName",
    "OrderRequest",
    "TimelineEntry",
]
