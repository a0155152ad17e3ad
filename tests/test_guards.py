"""Settings and habits that a promise hangs on, for every service as it is built."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from faststream.middlewares import AckPolicy
from sqlalchemy import event as hooks
from sqlalchemy.ext.asyncio import AsyncEngine

from services.billing.cli import load
from services.billing.models import Account
from shared.door import CHUNK, _decode, _parse
from shared.events import billing, orders, validation
from shared.events.base import OURS, Event, OrderRef
from shared.ids import new_id
from shared.migrate import ROOT
from shared.service import Service
from tests.conftest import SERVICES, World
from tests.events.contracts import golden
from tests.makers import NOW, a_cancellation, a_deposit, an_account, an_opened_account, an_order
from tests.orders.conftest import Company, open_company
from tests.orders.makers import csr

GOLDEN = golden()
FEW, MANY = 20, CHUNK


# ── subscribers ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", SERVICES)
def test_the_one_subscriber_of_a_service_is_made_as_the_promises_need_it(built: dict[str, Service], name: str) -> None:
    service = built[name]
    [subscriber] = service.broker.subscribers
    given: Any = subscriber

    assert given.ack_policy is AckPolicy.NACK_ON_ERROR
    assert given.group_id == name
    assert given._connection_args["auto_offset_reset"] == "earliest"
    assert given._connection_args["enable_auto_commit"] is False
    assert (given._call_options.parser, given._call_options.decoder) == (_parse, _decode)
    assert given._listener is service.door
    assert given.max_records == CHUNK
    assert sorted(topic.name for topic in given.topics) == service.door.door.topics
    assert list(service.sender.subscribers) == []


@pytest.mark.parametrize("name", SERVICES)
def test_a_chunk_ends_before_the_group_gives_its_member_up(built: dict[str, Service], name: str) -> None:
    service = built[name]
    settings = service.settings

    assert service.door.stay * 1000 < settings.kafka_max_poll_interval_ms
    assert service.door.drain * 1000 < settings.kafka_rebalance_timeout_ms
    assert service.door.drain > 15  # the time-outs of the database: a frozen chunk is over by then
    assert settings.inbox_days > settings.published_days


# ── statements ───────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def counting(engine: AsyncEngine) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    hooks.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        hooks.remove(engine.sync_engine, "before_cursor_execute", note)


def from_golden(sample: str, kind: type[Event], /, **changed: Any) -> Event:
    return kind.model_validate(GOLDEN[sample] | {"id": new_id()} | changed)


Make = Callable[[int], Event]


class Feed:
    """For each fact a service hears, n different events that find what they are about."""

    def __init__(self, world: World, company: Company) -> None:
        self.world, self.account = world, company.id
        self.division = company.divisions["Main"]
        self.ours: list[OrderRef] = []
        self.purchase_orders: list[int] = []

    def host(self, n: int) -> str:
        return f"n{n}.acme.example"

    def command(self, kind: type[Event], n: int, **changed: Any) -> Event:
        return kind.model_validate({"source": "reseller", "account_id": self.account, "id": new_id(), **changed})

    def placing(self, n: int) -> Event:
        return self.command(
            orders.PlaceOrder, n, csr=CSR, names=[self.host(n)], product_name_id="ssl_dv_geotrust", term={"years": 1},
            division={"id": self.division, "name": "Main"},
        )  # fmt: skip

    def about(self, sample: str, kind: type[Event]) -> Make:
        """A fact of billing or validation about the nth of our orders."""

        def make(n: int) -> Event:
            host = {"name": self.host(n)} if "name" in kind.model_fields else {}
            names = {"names": [self.host(n)]} if "names" in kind.model_fields else {}
            order = {"order": self.ours[n]} if "order" in kind.model_fields else {}
            return from_golden(sample, kind, account_id=self.account, **order, **host, **names)

        return make

    def asked(self, kind: type[Event], **changed: Any) -> Make:
        return lambda n: self.command(kind, n, order_id=self.ours[n].id, **changed)

    async def place_ours(self, count: int) -> None:
        await self.world.deliver("orders", *(self.placing(n) for n in range(count)))
        rows = await self.world.rows("orders", "SELECT id FROM certificate_order ORDER BY id")
        self.ours = [OrderRef(id=row.id) for row in rows]
        assert len(self.ours) == count


CSR = csr()


def of_orders(feed: Feed) -> dict[type[Event], Make]:
    b, v = billing, validation
    return {
        b.OrderCharged: feed.about("billing.order_charged", b.OrderCharged),
        b.OrderWaiting: feed.about("billing.order_waiting", b.OrderWaiting),
        b.OrderReleased: feed.about("billing.order_released", b.OrderReleased),
        b.InvoiceIssued: feed.about("billing.invoice_issued", b.InvoiceIssued),
        b.InvoiceDocumentReady: feed.about("billing.invoice_document_ready", b.InvoiceDocumentReady),
        b.CreditNoteIssued: feed.about("billing.credit_note_issued", b.CreditNoteIssued),
        b.CreditNoteDocumentReady: feed.about("billing.credit_note_document_ready", b.CreditNoteDocumentReady),
        v.DomainSubmitted: feed.about("validation.domain_submitted", v.DomainSubmitted),
        v.DomainValidated: feed.about("validation.domain_validated", v.DomainValidated),
        v.DomainValidationFailed: feed.about("validation.domain_validation_failed", v.DomainValidationFailed),
        v.IssuanceAuthorized: feed.about("validation.issuance_authorized", v.IssuanceAuthorized),
        v.IssuanceDenied: feed.about("validation.issuance_denied", v.IssuanceDenied),
        orders.PlaceOrder: feed.placing,
        orders.ApproveOrder: feed.asked(orders.ApproveOrder),
        orders.RejectOrder: feed.asked(orders.RejectOrder, reason="Ordered twice"),
        orders.CancelOrder: feed.asked(orders.CancelOrder, note="No longer needed"),
    }


def of_billing(feed: Feed) -> dict[type[Event], Make]:
    placed = [an_order(order_id=5000 + n) for n in range(FEW + MANY)]
    return {
        orders.AccountOpened: an_account_of_its_own,
        orders.AccountChanged: lambda n: orders.AccountChanged(
            occurred_at=NOW, account_id=9001, account=an_account(name=f"Acme {n}")
        ),
        orders.DivisionAdded: lambda n: orders.DivisionAdded(
            occurred_at=NOW, account_id=9001, division=orders.Division(id=30_000 + n, name=f"D {n}", parent_id=14)
        ),
        orders.OrderPlaced: placed.__getitem__,
        orders.OrderCancelled: lambda n: a_cancellation(placed[n]),
        orders.OrderRejected: lambda n: from_golden(
            "orders.order_rejected", orders.OrderRejected, order_id=placed[n].order_id
        ),
        billing.DepositFunds: lambda n: a_deposit(10_000_000),
        billing.RecordPayment: lambda n: from_golden(
            "billing.record_payment", billing.RecordPayment, bank_reference=f"B-{n}"
        ),
        billing.SubmitPurchaseOrder: lambda n: from_golden(
            "billing.submit_purchase_order", billing.SubmitPurchaseOrder, number=f"PO-{n}"
        ),
        billing.DecidePurchaseOrder: lambda n: from_golden(
            "billing.decide_purchase_order", billing.DecidePurchaseOrder, purchase_order_id=feed.purchase_orders[n]
        ),
        billing.SetTerms: lambda n: from_golden("billing.set_terms", billing.SetTerms, payment_days=n),
        orders.CredentialChanged: a_credential,
    }


def an_account_of_its_own(n: int) -> Event:
    opened, number = an_opened_account(account=an_account(id=20_000 + n)), 20_000 + n
    return opened.model_copy(update={"division": orders.Division(id=number, name="Main")})


def of_validation(feed: Feed) -> dict[type[Event], Make]:
    placed = [an_order(order_id=6000 + n, names=(feed.host(n),)) for n in range(FEW + MANY)]
    ended = {"source": OURS + "orders", "account_id": 9001, "occurred_at": NOW}
    return {
        orders.OrderPlaced: placed.__getitem__,
        validation.AuthorizeIssuance: lambda n: validation.AuthorizeIssuance(
            source=OURS + "orders", account_id=9001, order=placed[n].order, names=placed[n].names
        ),
        orders.OrderCancelled: lambda n: a_cancellation(placed[n]),
        orders.OrderRejected: lambda n: from_golden(
            "orders.order_rejected", orders.OrderRejected, **ended, order_id=placed[n].order_id
        ),
        orders.CertificateIssued: lambda n: from_golden(
            "orders.certificate_issued", orders.CertificateIssued, **ended, order_id=placed[n].order_id
        ),
        orders.CredentialChanged: a_credential,
    }


def of_notifications(feed: Feed) -> dict[type[Event], Make]:
    b = billing
    return {
        b.InvoiceDocumentReady: lambda n: from_golden(
            "billing.invoice_document_ready", b.InvoiceDocumentReady, document_id=new_id(), number=f"INV-{n}"
        ),
        b.PurchaseOrderSubmitted: about_purchase_order("submitted", b.PurchaseOrderSubmitted),
        b.PurchaseOrderApproved: about_purchase_order("approved", b.PurchaseOrderApproved),
        b.PurchaseOrderRejected: about_purchase_order("rejected", b.PurchaseOrderRejected),
        b.CreditNoteDocumentReady: lambda n: from_golden(
            "billing.credit_note_document_ready", b.CreditNoteDocumentReady, document_id=new_id(), number=f"CN-{n}"
        ),
        orders.CredentialChanged: a_credential,
    }


def about_purchase_order(what: str, kind: type[Event]) -> Make:
    return lambda n: from_golden(f"billing.purchase_order_{what}", kind, purchase_order_id=n + 1)


def a_credential(n: int) -> Event:
    return from_golden(
        "orders.credential_changed", orders.CredentialChanged, credential_id=f"key-{n}", key_hash=f"{n:064x}"
    )


FEEDS = {"orders": of_orders, "billing": of_billing, "validation": of_validation, "notifications": of_notifications}


async def before(feed: Feed, service: str, fact: type[Event], makes: dict[type[Event], Make], count: int) -> None:
    """What must be there for the events to find."""
    if service == "orders" and fact is not orders.PlaceOrder:
        await feed.place_ours(count)
    if service == "billing":
        await feed.world.deliver("billing", an_opened_account(), a_deposit(10**12))
        await feed.world.deliver("billing", from_golden("billing.set_terms", billing.SetTerms))
    if fact is billing.DecidePurchaseOrder:
        feed.world.billing.db._given["kept"].clear()
        await load(feed.world.billing.db, ROOT / "docs" / "catalogue.toml", "tests", NOW)
        await feed.world.deliver("billing", *(makes[billing.SubmitPurchaseOrder](n) for n in range(count)))
        rows = await feed.world.rows("billing", "SELECT id FROM purchase_order ORDER BY id")
        feed.purchase_orders.extend(row.id for row in rows)
    ends = (orders.OrderCancelled, orders.OrderRejected, orders.CertificateIssued, validation.AuthorizeIssuance)
    if service in ("billing", "validation") and fact in ends:
        await feed.world.deliver(service, *(makes[orders.OrderPlaced](n) for n in range(count)))


# What people ask comes one by one, and a bank's reference is checked one by one: an INSERT … ON CONFLICT and what it
# flushes; of money without instruction also the invoices that are due.
PER_EVENT: dict[tuple[str, type[Event]], int] = {
    ("billing", billing.DepositFunds): 2,
    ("billing", billing.RecordPayment): 5,
    ("billing", billing.SubmitPurchaseOrder): 2,
    ("billing", billing.DecidePurchaseOrder): 4,
    ("billing", billing.SetTerms): 2,
}
HEARD = [(name, fact) for name in SERVICES for fact in FEEDS[name](Feed.__new__(Feed))]


def test_every_consumer_function_is_counted(built: dict[str, Service]) -> None:
    heard = {(name, fact) for name in SERVICES for fact in built[name].door.door.facts.values()}
    assert heard == set(HEARD)


@pytest.mark.parametrize(("service", "fact"), HEARD, ids=lambda value: getattr(value, "__name__", value))
async def test_a_chunk_of_200_takes_as_many_statements_as_one_of_20(
    world: World, engines: dict[str, AsyncEngine], service: str, fact: type[Event]
) -> None:
    feed = Feed(world, await open_company(world, "Acme", {}))
    makes = FEEDS[service](feed)
    await before(feed, service, fact, makes, FEW + MANY)
    events = [makes[fact](n) for n in range(FEW + MANY)]
    halved = world.services[service].door.stats.bisected

    with counting(engines[service]) as few:
        await world.deliver(service, *events[:FEW])
    with counting(engines[service]) as many:
        await world.deliver(service, *events[FEW:])

    assert await world.parked(service) == []
    assert world.services[service].door.stats.bisected == halved, "the chunk was taken apart"
    each = PER_EVENT.get((service, fact), 0)
    assert len(many) <= len(few) + each * (MANY - FEW) + 4, "\n".join(sorted(set(many), key=many.count))
    assert len(few) <= 60 + each * FEW


async def test_a_consumer_that_asks_for_each_event_would_be_seen(world: World, engines: dict[str, AsyncEngine]) -> None:
    with counting(engines["billing"]) as statements:
        async with world.billing.db.transaction() as tx:
            for n in range(FEW):
                await tx.get(Account, n, with_for_update=True)
    assert len(statements) > FEW
