"""Every page with what it may have to show: usual, much, little, nothing, wrong."""

from tests.pages.samples import billing, notifications, operations, orders, paying, statement
from tests.pages.samples.base import Sample

SAMPLES: list[Sample] = [
    *orders.SAMPLES,
    *billing.SAMPLES,
    *paying.SAMPLES,
    *statement.SAMPLES,
    *operations.SAMPLES,
    *notifications.SAMPLES,
]
