"""Every page with what it may have to show: usual, much, little, nothing, wrong."""

from tests.pages.samples import billing, notifications, operations, orders
from tests.pages.samples.base import Sample

SAMPLES: list[Sample] = [*orders.SAMPLES, *billing.SAMPLES, *operations.SAMPLES, *notifications.SAMPLES]
