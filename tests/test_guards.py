"""Settings and habits that a promise hangs on, for every service as it is built."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from faststream.middlewares import AckPolicy
from sqlalchemy import event as hooks
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.billing.cli import load
from services.billing.models import Account
from services.orders.rules.issuance import Issued
from shared.db import utcnow
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
from tests.orders.makers import authorized, charged, csr, validated
from tests.orders.outside import made as issued_outside

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
        self.product = "ssl_dv_geotrust"
        self.issued: dict[int, Issued] = {}

    def host(self, n: int) -> str:
        return f"n{n}.acme.example"

    def command(self, kind: type[Event], n: int, **changed: Any) -> Event:
        return kind.model_validate({"source": "reseller", "account_id": self.account, "id": new_id(), **changed})

    def placing(self, n: int) -> Event:
        return self.command(
            orders.PlaceOrder, n, csr=CSR, names=[self.host(n)], product_name_id=self.product, term={"years": 1},
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

    def issuing(self, n: int) -> Event:
        """What an outside CA made of the nth order; the same each time it is asked for."""
        made = self.issued.setdefault(n, issued_outside(names=(self.host(n),)))
        certificate, chain = made.pem, (made.intermediate, made.root)
        return self.asked(orders.RecordIssuedCertificate, certificate=certificate, chain=chain)(n)

    def revoking(self, n: int) -> Event:
        serial = self.issued[n].serial_number
        return self.asked(orders.RecordRevokedCertificate, serial_number=serial, revoked_at=utcnow())(n)

    async def make_ready(self, count: int) -> None:
        """An outside CA was told of them."""
        ours, names = [ref.id for ref in self.ours], [self.host(n) for n in range(count)]
        await self.world.deliver("orders", *(charged(self.account, number) for number in ours))
        await self.world.deliver("orders", *(validated(self.account, name) for name in names))
        told = (authorized(self.account, number, (name,)) for number, name in zip(ours, names, strict=True))
        await self.world.deliver("orders", *told)

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
        b.OrderOnAccount: feed.about("billing.order_on_account", b.OrderOnAccount),
        b.OrderWaiting: feed.about("billing.order_waiting", b.OrderWaiting),
        b.OrderReleased: feed.about("billing.order_released", b.OrderReleased),
        b.TermsChanged: lambda n: from_golden("billing.terms_changed", b.TermsChanged, account_id=feed.account + n),
        b.InvoiceIssued: feed.about("billing.invoice_issued", b.InvoiceIssued),
        b.InvoiceDocumentReady: feed.about("billing.invoice_document_ready", b.InvoiceDocumentReady),
        b.CreditNoteIssued: feed.about("billing.credit_note_issued", b.CreditNoteIssued),
        b.CreditNoteDocumentReady: feed.about("billing.credit_note_document_ready", b.CreditNoteDocumentReady),
        v.DomainSubmitted: feed.about("validation.domain_submitted", v.DomainSubmitted),
        v.DcvMethodChanged: feed.about("validation.dcv_method_changed", v.DcvMethodChanged),
        v.DomainValidated: feed.about("validation.domain_validated", v.DomainValidated),
        v.DomainValidationFailed: feed.about("validation.domain_validation_failed", v.DomainValidationFailed),
        v.IssuanceAuthorized: feed.about("validation.issuance_authorized", v.IssuanceAuthorized),
        v.IssuanceDenied: feed.about("validation.issuance_denied", v.IssuanceDenied),
        orders.OpenAccount: lambda n: feed.command(
            orders.OpenAccount, n, account_id=0, name=f"Shop {n}", currency="EUR"
        ),
        orders.PlaceOrder: feed.placing,
        orders.ApproveOrder: feed.asked(orders.ApproveOrder),
        orders.RejectOrder: feed.asked(orders.RejectOrder, reason="Ordered twice"),
        orders.CancelOrder: feed.asked(orders.CancelOrder, note="No longer needed"),
        orders.RecordIssuedCertificate: feed.issuing,
        orders.RecordRevokedCertificate: feed.revoking,
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
        orders.DivisionChanged: lambda n: orders.DivisionChanged(
            occurred_at=NOW, account_id=9001, division=orders.Division(id=31_000 + n, name=f"E {n}", parent_id=14)
        ),
        orders.OrderPlaced: placed.__getitem__,
        orders.OrderCancelled: lambda n: a_cancellation(placed[n]),
        orders.OrderRejected: lambda n: from_golden(
            "orders.order_rejected", orders.OrderRejected, order_id=placed[n].order_id
        ),
        orders.OrderNamesAdded: lambda n: from_golden(
            "orders.order_names_added", orders.OrderNamesAdded, order_id=placed[n].order_id, request_id=n + 1
        ),
        orders.ReissueCancelled: lambda n: from_golden(
            "orders.reissue_cancelled", orders.ReissueCancelled, order_id=placed[n].order_id, request_id=n + 1
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
        billing.ImportInvoice: lambda n: from_golden(
            "billing.import_invoice", billing.ImportInvoice, legacy_number=f"R-{n}"
        ),
        billing.ImportBalance: lambda n: from_golden(
            "billing.import_balance", billing.ImportBalance, legacy_source=f"oldbill {n}"
        ),
        billing.SetTerms: lambda n: from_golden("billing.set_terms", billing.SetTerms, payment_days=n),
        billing.SetSubscription: lambda n: from_golden(
            "billing.set_subscription",
            billing.SetSubscription,
            name=f"pki {n}",
            starts_on=NOW.date().replace(year=2999),
            ends_on=None,
        ),
        billing.ClosePeriod: lambda n: from_golden("billing.close_period", billing.ClosePeriod, period="2026-10"),
        orders.CredentialChanged: a_credential,
    }


def an_account_of_its_own(n: int) -> Event:
    opened, number = an_opened_account(account=an_account(id=20_000 + n)), 20_000 + n
    return opened.model_copy(update={"division": orders.Division(id=number, name="Main")})


def of_validation(feed: Feed) -> dict[type[Event], Make]:
    placed = [an_order(order_id=6000 + n, names=(feed.host(n),)) for n in range(FEW + MANY)]
    ended = {"source": OURS + "orders", "account_id": 9001, "occurred_at": NOW}
    return {
        orders.AccountOpened: an_account_of_its_own,
        orders.AccountChanged: lambda n: orders.AccountChanged(
            occurred_at=NOW, account_id=9001 + n, account=an_account(id=9001 + n, name=f"Acme {n}")
        ),
        orders.DivisionAdded: lambda n: orders.DivisionAdded(
            occurred_at=NOW, account_id=9001, division=orders.Division(id=30_000 + n, name=f"D {n}", parent_id=14)
        ),
        orders.DivisionChanged: lambda n: orders.DivisionChanged(
            occurred_at=NOW, account_id=9001, division=orders.Division(id=31_000 + n, name=f"E {n}", parent_id=14)
        ),
        orders.OrganizationAdded: lambda n: from_golden(
            "orders.organization_added", orders.OrganizationAdded, organization=orders.Organization(id=n + 1, name="A")
        ),
        orders.OrganizationValidated: lambda n: from_golden(
            "orders.organization_validated",
            orders.OrganizationValidated,
            organization=orders.Organization(id=n + 1, name="A"),
        ),
        validation.SubmitDomain: lambda n: from_golden(
            "validation.submit_domain", validation.SubmitDomain, name=feed.host(n)
        ),
        validation.ChangeDcvMethod: lambda n: from_golden(
            "validation.change_dcv_method", validation.ChangeDcvMethod, name=feed.host(n)
        ),
        validation.CheckDomain: lambda n: from_golden(
            "validation.check_domain", validation.CheckDomain, name=feed.host(n)
        ),
        validation.ResendDcvEmails: lambda n: from_golden(
            "validation.resend_dcv_emails", validation.ResendDcvEmails, name=feed.host(n)
        ),
        validation.ReplaceRandomValue: lambda n: from_golden(
            "validation.replace_random_value", validation.ReplaceRandomValue, order=placed[n].order.model_dump()
        ),
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
        orders.RequestSubmitted: lambda n: from_golden(
            "orders.request_submitted", orders.RequestSubmitted, order_id=6000 + n, names=[feed.host(n)]
        ),
        orders.RequestDecided: lambda n: from_golden(
            "orders.request_decided", orders.RequestDecided, order_id=6000 + n, decision="rejected"
        ),
        orders.ReissueCancelled: lambda n: from_golden(
            "orders.reissue_cancelled", orders.ReissueCancelled, order_id=6000 + n
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
        b.FundsLow: lambda n: from_golden("billing.funds_low", b.FundsLow),
        b.OrderStillWaiting: lambda n: from_golden(
            "billing.order_still_waiting", b.OrderStillWaiting, order=OrderRef(id=n + 1)
        ),
        orders.CredentialChanged: a_credential,
        **of_people(feed),
    }


def of_people(feed: Feed) -> dict[type[Event], Make]:
    """What is mailed to managers of the account, of whom the golden user is one."""

    def of_order(sample: str, kind: type[Event]) -> Make:
        return lambda n: from_golden(f"orders.{sample}", kind, order_id=n + 1)

    return {
        orders.AccountOpened: an_account_of_its_own,
        orders.AccountChanged: lambda n: orders.AccountChanged(
            occurred_at=NOW, account_id=9001, account=an_account(name=f"Acme {n}")
        ),
        orders.UserChanged: lambda n: from_golden(
            "orders.user_changed", orders.UserChanged, user=GOLDEN["orders.user_changed"]["user"] | {"id": n + 1}
        ),
        orders.OrderPlaced: lambda n: an_order(order_id=n + 1, placed_by_user=n + 1),
        orders.CertificateIssued: of_order("certificate_issued", orders.CertificateIssued),
        orders.CertificateExpiring: of_order("certificate_expiring", orders.CertificateExpiring),
        orders.CertificateRevoked: of_order("certificate_revoked", orders.CertificateRevoked),
        orders.RequestSubmitted: of_order("request_submitted", orders.RequestSubmitted),
        orders.RequestDecided: of_order("request_decided", orders.RequestDecided),
        orders.OrderRejected: of_order("order_rejected", orders.OrderRejected),
        orders.OrganizationExpiring: lambda n: from_golden(
            "orders.organization_expiring", orders.OrganizationExpiring, days=n
        ),
        validation.DomainValidationExpiring: lambda n: from_golden(
            "validation.domain_validation_expiring", validation.DomainValidationExpiring, domain_id=n + 1
        ),
        validation.DomainValidationExpired: lambda n: from_golden(
            "validation.domain_validation_expired", validation.DomainValidationExpired, domain_id=n + 1
        ),
    }


def about_purchase_order(what: str, kind: type[Event]) -> Make:
    return lambda n: from_golden(f"billing.purchase_order_{what}", kind, purchase_order_id=n + 1)


def a_credential(n: int) -> Event:
    return from_golden(
        "orders.credential_changed", orders.CredentialChanged, credential_id=f"key-{n}", key_hash=f"{n:064x}"
    )


FEEDS = {"orders": of_orders, "billing": of_billing, "validation": of_validation, "notifications": of_notifications}


CLOSED = """
INSERT INTO period_close (first_day, started_at, started_by, listed_to, listed, done, listed_at, finished_at)
VALUES ('2026-10-01', now(), 'ops', 0, 0, 0, now(), now())
"""


LEARNED = (orders.AccountOpened, orders.AccountChanged, orders.UserChanged, orders.OrderPlaced)


async def before(feed: Feed, service: str, fact: type[Event], makes: dict[type[Event], Make], count: int) -> None:
    """What must be there for the events to find."""
    of_outside_ca = (orders.RecordIssuedCertificate, orders.RecordRevokedCertificate)
    feed.product = "ssl_dv_rapidssl" if fact in of_outside_ca else feed.product
    if service == "orders" and fact is not orders.PlaceOrder:
        await feed.place_ours(count)
    if fact in of_outside_ca:
        await feed.make_ready(count)
    if fact is orders.RecordRevokedCertificate:
        await feed.world.deliver("orders", *(feed.issuing(n) for n in range(count)))
    if service == "billing":
        await feed.world.deliver("billing", an_opened_account(), a_deposit(10**12))
        await feed.world.deliver("billing", from_golden("billing.set_terms", billing.SetTerms))
    if fact is billing.SetSubscription:
        await feed.world.deliver("billing", from_golden("billing.set_terms", billing.SetTerms, monthly_billing=True))
    if fact is billing.ClosePeriod:
        async with feed.world.billing.db.transaction() as tx:
            await tx.execute(text(CLOSED))
    if fact in (billing.DecidePurchaseOrder, billing.ImportInvoice):
        feed.world.billing.db._given["kept"].clear()
        await load(feed.world.billing.db, ROOT / "docs" / "catalogue.toml", "tests", NOW)
    if fact is billing.DecidePurchaseOrder:
        await feed.world.deliver("billing", *(makes[billing.SubmitPurchaseOrder](n) for n in range(count)))
        rows = await feed.world.rows("billing", "SELECT id FROM purchase_order ORDER BY id")
        feed.purchase_orders.extend(row.id for row in rows)
    if service == "notifications" and fact in of_people(feed) and fact not in LEARNED:
        await feed.world.deliver("notifications", *(makes[orders.OrderPlaced](n) for n in range(count)))
        await feed.world.deliver("notifications", *(makes[orders.UserChanged](n) for n in range(5)))
    ends = (orders.OrderCancelled, orders.OrderRejected, orders.CertificateIssued, validation.AuthorizeIssuance,
            orders.OrderNamesAdded, orders.ReissueCancelled, validation.ChangeDcvMethod,
            validation.CheckDomain, validation.ReplaceRandomValue)  # fmt: skip
    if service in ("billing", "validation") and fact in ends:
        await feed.world.deliver(service, *(makes[orders.OrderPlaced](n) for n in range(count)))
    if service == "validation" and fact is validation.ResendDcvEmails:
        placed = [makes[orders.OrderPlaced](n).model_copy(update={"dcv_method": "email"}) for n in range(count)]
        await feed.world.deliver(service, *placed)
    if service == "validation" and fact in (orders.RequestDecided, orders.ReissueCancelled):
        await feed.world.deliver(service, *(makes[orders.RequestSubmitted](n) for n in range(count)))
    if service == "billing" and fact is orders.ReissueCancelled:
        await feed.world.deliver(service, *(makes[orders.OrderNamesAdded](n) for n in range(count)))


# What people ask comes one by one, and a bank's reference is checked one by one: an INSERT … ON CONFLICT and what it
# flushes; of money without instruction also the invoices that are due.
PER_EVENT: dict[tuple[str, type[Event]], int] = {
    ("billing", billing.DepositFunds): 2,
    ("billing", billing.RecordPayment): 5,
    ("billing", billing.SubmitPurchaseOrder): 2,
    ("billing", billing.DecidePurchaseOrder): 4,
    ("billing", billing.SetTerms): 2,
    ("billing", billing.SetSubscription): 3,
    ("billing", billing.ClosePeriod): 1,
    ("orders", orders.RecordIssuedCertificate): 9,
    ("orders", orders.RecordRevokedCertificate): 9,
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
