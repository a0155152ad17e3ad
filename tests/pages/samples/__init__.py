"""Every page with what it may have to show: usual, much, little, nothing, wrong."""

from tests.pages.samples import (
    account,
    bank,
    billing,
    divisions,
    domains,
    evidence,
    months,
    notifications,
    operations,
    orders,
    organizations,
    paying,
    statement,
    terms,
)
from tests.pages.samples.base import Sample

SAMPLES: list[Sample] = [
    *orders.SAMPLES,
    *organizations.SAMPLES,
    *account.SAMPLES,
    *billing.SAMPLES,
    *divisions.SAMPLES,
    *domains.SAMPLES,
    *months.SAMPLES,
    *paying.SAMPLES,
    *bank.SAMPLES,
    *statement.SAMPLES,
    *terms.SAMPLES,
    *operations.SAMPLES,
    *notifications.SAMPLES,
    *evidence.SAMPLES,
]
