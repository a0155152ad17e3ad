from collections import namedtuple
from datetime import date, timedelta
from typing import Any

from services.billing.models import Account, Division, PeriodTotal, Subscription
from services.billing.rules import month_of
from tests.pages.samples.base import ANN, CARA, NOW, Sample

NOVEMBER, DECEMBER = date(2026, 11, 1), date(2026, 12, 1)
TODAY = date(2026, 12, 2)
MAIN = Division(id=14, account_id=7, name="Main")
EUROPE = Division(id=15, account_id=7, name="Hosting Europe with a name that runs on and on")
Row = namedtuple("Row", ["Subscription", "division", "account"])
Parked = namedtuple("Parked", ["division_id", "division", "account_id", "account", "failure"])


def total(kind: str, invoices: int, minor: int, currency: str = "EUR") -> PeriodTotal:
    return PeriodTotal(first_day=NOVEMBER, kind=kind, currency=currency, invoices=invoices, total=minor)


def month(first: date, state: str, **more: Any) -> dict[str, Any]:
    return {
        "name": f"{first:%Y-%m}", "month": month_of(first), "state": state, "listed": 1204, "all_listed": True,
        "worked_off": 1204, "done": 1204, "parked": 0, "totals": TOTALS, "started_at": NOW,
        "started_by": "cara@ca.example", "finished_at": NOW + timedelta(minutes=2),
    } | more  # fmt: skip


TOTALS = [
    total("usage", 1140, 1234567890), total("usage", 12, 98000, "USD"), total("amount_owed", 52, 1234500),
    total("amount_owed", 1, 12345678, "JPY"),
]  # fmt: skip
RUNNING = month(NOVEMBER, "running", done=310, parked=2, worked_off=312, finished_at=None, totals=TOTALS[:1])
LISTING = month(NOVEMBER, "running", done=0, worked_off=0, listed=20000, all_listed=False, finished_at=None, totals=[])
PARKED = month(NOVEMBER, "parked", done=1202, parked=2)
OVER = {"month": month_of(NOVEMBER), "name": "2026-11", "is_over": True, "waits_for": None}
LIST = {"rows": [], "due": OVER, "next": "", "first": False, "error": ""}
FAILURES = [
    Parked(14, "Main", 7, "Acme Example Inc.", "There is no tax rule for a seller in FR and a buyer in FR without VAT "
           "number on 2026-12-01; staff have to add it to the tax table. Then close the month again."),
    Parked(15, EUROPE.name, 7, "Acme Example Inc.", "The account has no billing address, and an invoice needs one; add "
           "it to the account. Then close the month again."),
]  # fmt: skip


def subscription(n: int = 1, **more: Any) -> Subscription:
    given = {
        "id": n, "account_id": 7, "division_id": 14, "name": f"pki-{n}", "description": "Managed PKI", "quantity": 3,
        "monthly_price": 10000, "currency": "EUR", "starts_on": NOVEMBER, "ends_on": None,
        "charged_until": date(2026, 12, 31), "charged_month": 30000, "changed_at": NOW,
        "changed_by": "cara@ca.example",
    }  # fmt: skip
    return Subscription(**given | more)


LONG = subscription(
    2, name="enterprise-managed-pki-platform-with-a-name-of-sixty-four-charac", quantity=1, monthly_price=1234567890,
    description="Managed PKI, مرحبا, 🚀, with a description that says everything that there is to say", ends_on=TODAY,
)  # fmt: skip
PLANNED = subscription(3, starts_on=date(2027, 2, 1), charged_until=None, charged_month=None)
ENDED = subscription(4, ends_on=date(2026, 11, 30), charged_until=date(2026, 11, 30))
SUBSCRIBED = [
    Row(one, place.name, "Acme Example Inc.")
    for one, place in ((subscription(), MAIN), (LONG, EUROPE), (PLANNED, MAIN), (ENDED, MAIN))
]
ACME = Account(id=7, name="Acme Example Inc.", currency="EUR", monthly_billing=True)
SUBSCRIPTIONS = {
    "rows": SUBSCRIBED, "total": 4, "filters": {"status": "", "account_id": ""}, "today": TODAY, "before": None,
    "first": False, "form": {}, "error": "", "account": None, "divisions": [],
}  # fmt: skip
ADDING = {"account": ACME, "divisions": [MAIN, EUROPE], "filters": {"status": "", "account_id": "7"}}
FORM = {"description": "Managed PKI", "quantity": "3", "monthly_price": "100.00", "starts_on": "2026-11-01",
        "ends_on": ""}  # fmt: skip
ONE = {"found": SUBSCRIBED[0], "one": SUBSCRIBED[0].Subscription, "form": FORM, "today": TODAY, "error": ""}


def used(n: int, **more: Any) -> dict[str, Any]:
    return {
        "at": NOW, "text": "Standard DV certificate, 1 year", "names": "www.acme.example", "order_id": 1200 + n,
        "order_source": None, "days": None, "net": 14900, "tax": 2831, "total": 17731,
    } | more  # fmt: skip


USED = [
    used(1), used(2, order_source="shop.example", names="a-very-long-label." * 6 + "acme.example"),
    used(3, order_id=None, text="Managed PKI", names="", days=(DECEMBER, date(2026, 12, 31)), total=1234567890),
]  # fmt: skip
ON_ACCOUNT = {
    "divisions": [MAIN, EUROPE], "asked": "14", "division": MAIN, "error": "", "currency": "EUR", "rows": USED,
    "count": 240, "total": 1234603352, "before": 17, "first": True, "subscriptions": SUBSCRIBED, "subscribed": 60,
    "today": TODAY,
}  # fmt: skip
NOTHING = ON_ACCOUNT | {"rows": [], "count": 0, "total": 0, "before": None, "first": False, "subscriptions": []}
UNCHOSEN: dict[str, Any] = {"divisions": [], "asked": "", "division": None, "error": ""}

SAMPLES = [
    Sample("periods", "billing", "periods.html", "/finance/periods", CARA,
           LIST | {"rows": [RUNNING, month(date(2026, 10, 1), "parked", parked=3), month(date(2026, 9, 1), "closed"),
                            month(date(2026, 8, 1), "closed", totals=[])],
                   "due": OVER | {"month": month_of(DECEMBER), "waits_for": month_of(NOVEMBER)}, "next": "2026-08"}),
    Sample("periods-first", "billing", "periods.html", "/finance/periods", CARA, LIST),
    Sample("periods-nothing", "billing", "periods.html", "/finance/periods", CARA,
           LIST | {"due": None, "error": "November 2026 is not over; close it from 2026-12-01 on (UTC)."}),
    Sample("period-running", "billing", "period.html", "/finance/periods/2026-11", CARA,
           {"one": RUNNING, "parked": FAILURES, "after": None, "first": False}),
    Sample("period-listing", "billing", "period.html", "/finance/periods/2026-11", CARA,
           {"one": LISTING, "parked": [], "after": None, "first": False}),
    Sample("period-parked", "billing", "period.html", "/finance/periods/2026-11", CARA,
           {"one": PARKED, "parked": FAILURES, "after": 15, "first": True}),
    Sample("period-closed", "billing", "period.html", "/finance/periods/2026-11", CARA,
           {"one": month(NOVEMBER, "closed"), "parked": [], "after": None, "first": False}),
    Sample("subscriptions", "billing", "subscriptions.html", "/finance/subscriptions", ANN, SUBSCRIPTIONS),
    Sample("subscriptions-staff", "billing", "subscriptions.html", "/finance/subscriptions", CARA,
           SUBSCRIPTIONS | ADDING | {"before": 1, "form": FORM | {"name": "pki"},
                                     "error": "A subscription starts in this month or later; 2026-10-01 is over."}),
    Sample("subscriptions-none", "billing", "subscriptions.html", "/finance/subscriptions", CARA,
           SUBSCRIPTIONS | {"rows": [], "total": 0, "error": "There is no account 99; check its number."}),
    Sample("subscription", "billing", "subscription.html", "/finance/subscriptions/1", CARA, ONE),
    Sample("subscription-refused", "billing", "subscription.html", "/finance/subscriptions/2", CARA,
           {"found": SUBSCRIBED[2], "one": PLANNED, "form": FORM | {"quantity": "0"}, "today": TODAY,
            "error": "A subscription is for 1 to 1,000,000 of something; 0 is not."}),
    Sample("on-account", "billing", "on_account.html", "/finance/on-account", ANN, ON_ACCOUNT),
    Sample("on-account-nothing", "billing", "on_account.html", "/finance/on-account", ANN, NOTHING),
    Sample("on-account-staff", "billing", "on_account.html", "/finance/on-account", CARA, UNCHOSEN),
    Sample("on-account-refused", "billing", "on_account.html", "/finance/on-account", CARA,
           UNCHOSEN | {"asked": "99", "error": "There is no container 99 that you may see; check its id."}),
]  # fmt: skip
