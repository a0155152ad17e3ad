from datetime import timedelta
from typing import Any

from services.billing.models import Account, Division, Funds, Purse
from services.billing.pages.contacts import _form
from services.billing.pages.terms import METHOD_WORDS, WORDS
from services.billing.queries.contacts import Place
from services.billing.queries.papers import buyer_printed
from services.billing.rules.terms import SWITCHES
from tests.pages.samples.base import ANN, CARA, NOW, Sample

BERLIN = {
    "line1": "Hauptstraße 1",
    "line2": None,
    "postcode": "10115",
    "city": "Berlin",
    "region": None,
    "country": "DE",
}
WIEN = {
    "name": "Accounts payable", "phone": "+43 1 5550", "emails": ["ap@labs.example", "cfo@labs.example"],
    "address": {"line1": "Opernring 1", "line2": None, "postcode": "1010", "city": "Wien", "region": None,
                "country": "AT"},
}  # fmt: skip
LONG = {
    "name": None, "phone": None, "address": None,
    "emails": ["accounts.payable.of.the.whole.group@subsidiary.acme-example-holding.example"],
}  # fmt: skip


def account(**more: Any) -> Account:
    given = {
        "id": 9001, "name": "Acme Example Inc.", "legal_name": "Acme Example Incorporated", "currency": "EUR",
        "address": BERLIN, "vat_number": None, "buyer_reference": None, "billing_emails": ["ap@acme.example"],
        "top_division_id": 14, "payment_days": 30, "purchase_orders_allowed": True, "low_funds": 50_000,
        "default_payment_method": "balance", "billing_contact": None,
    }  # fmt: skip
    return Account(**given | more)


def purse(**more: Any) -> Purse:
    given = {
        "division_id": 14, "account_id": 9001, "currency": "EUR", "balance": -155_000, "accrued": 0, "invoiced": 0,
        "negative_limit": 200_000, "unlimited": False, "separate": False, "used_credit": 155_000,
    }  # fmt: skip
    row = Funds(**given | more)
    return Purse(row, row)


FORM = {
    "negative_limit": "2000.00", "unlimited": False, "payment_days": "30", "default_payment_method": "balance",
    "low_funds": "500.00", **dict.fromkeys(SWITCHES, True),
}  # fmt: skip
HISTORY = [
    {"id": 3, "at": NOW, "who": "cara@ca.example", "changes": [("Credit limit", "500.00", "2000.00"),
     ("Payment where an order names none", "From the balance", "Bank transfer, charged when it arrives")]},
    {"id": 2, "at": NOW - timedelta(days=40), "who": "a.very.long.name.of.staff@certificate-authority.example",
     "changes": [("Purchase orders", "no", "yes")]},
    {"id": 1, "at": NOW - timedelta(days=90), "who": "erp", "changes": [("Low-funds alert below", "none", "500.00")]},
]  # fmt: skip
TERMS = {
    "account": account(), "purse": purse(), "form": FORM, "methods": METHOD_WORDS, "switches": SWITCHES, "words": WORDS,
    "is_low": True, "history": HISTORY, "before": None, "first": False, "error": "",
}  # fmt: skip
FREE = {"account": account(low_funds=None), "purse": purse(balance=1_234_567_890, unlimited=True), "is_low": False}
ACCOUNTS = [
    (account(), purse()),
    (account(id=9002, name="Globex", low_funds=None, purchase_orders_allowed=False),
     purse(unlimited=True, balance=-99, negative_limit=0)),
    (account(id=1073741824, name="The Extraordinarily Long Name of a Customer of Another System GmbH & Co. KG",
             currency="JPY"), purse(currency="JPY", negative_limit=1_234_567_890)),
]  # fmt: skip

MAIN = Division(id=14, account_id=9001, name="Main", billing_contact=None)
LABS = Division(id=16, account_id=9001, name="Labs", billing_contact=WIEN)
HOSTING = Division(id=15, account_id=9001, name="Hosting Europe and the Middle East", billing_contact=LONG)


def contact(division: Division | None, of: Account | None = None, **more: Any) -> dict[str, Any]:
    place = Place(of or account(), division)
    given = {
        "place": place, "form": _form(place.words), "in_force": _form(place.in_force), "after": None, "first": False,
        "lines": buyer_printed(place.account.as_buyer(division))["address"], "divisions": [MAIN, LABS, HOSTING],
        "rows": [(one, _form(Place(place.account, one).words)) for one in (LABS, HOSTING)], "may_change": True,
        "here": "/finance/billing-contact?account_id=9001", "error": "",
    }  # fmt: skip
    return given | more


def waits(n: int, days: int, reason: str, message: str, **more: Any) -> dict[str, Any]:
    given = {
        "id": 100_000 + n, "source": None, "request_id": None, "account_id": 9001,
        "account_name": "Acme Example Inc.", "division": "Main", "since": NOW - timedelta(days=days),
        "seconds": days * 86_400, "reminded": 0, "reason": reason,
        "message": message, "acts": "customer", "total": None, "shortfall": None, "currency": "EUR",
    }  # fmt: skip
    return given | more


WAITING = [
    waits(1, 23, "price", "There is no price for ssl_brand_new, 1 year, in EUR; add it to the price list.",
          acts="staff", reminded=21),
    waits(2, 8, "funds", "The order costs 12,345,678.90 EUR and 0.00 EUR are available; deposit at least 12,345,678.90 "
          "EUR, and the order is charged by itself.", reminded=7, total=1_234_567_890, shortfall=1_234_567_890),
    waits(3, 2, "billing_details", "The account has no complete billing address (name, street, city, country), and an "
          "invoice needs one; give it as the billing contact, and the order is charged by itself.", source="shop",
          division="Hosting Europe and the Middle East", reminded=1),
    waits(5, 1, "funds", "The added names cost 58.31 EUR and 0.00 EUR are available; deposit at least 58.31 EUR, and "
          "they are charged by themselves.", total=5831, shortfall=5831, request_id=900014),
    waits(4, 0, "tax", "There is no tax rule for sales from DE to AT; add it to the tax table.", acts="staff"),
]  # fmt: skip
ANY = {"reason": "", "account_id": ""}
QUEUE = {"rows": WAITING, "total": 204, "filters": ANY, "next": "/finance/waiting?after=x", "first": ""}

SAMPLES = [
    Sample("terms-accounts", "billing", "terms_accounts.html", "/finance/terms", CARA,
           {"rows": ACCOUNTS, "search": "", "after": 9003, "first": True}),
    Sample("terms-accounts-none", "billing", "terms_accounts.html", "/finance/terms", CARA,
           {"rows": [], "search": "Umbrella", "after": None, "first": False}),
    Sample("terms", "billing", "terms.html", "/finance/terms/9001", CARA, TERMS | {"notice": "The terms are changed."}),
    Sample("terms-refused", "billing", "terms.html", "/finance/terms/9001", CARA,
           TERMS | FREE | {"history": [], "form": FORM | {"negative_limit": "two", "unlimited": True},
                           "error": "'two' is no amount; send digits with a decimal point, like 250.00."}),
    Sample("terms-own", "billing", "terms.html", "/finance/terms", ANN, TERMS | {"history": []}),
    Sample("terms-own-free", "billing", "terms.html", "/finance/terms", ANN, TERMS | FREE | {"history": []}),
    Sample("billing-contact", "billing", "billing_contact.html", "/finance/billing-contact", ANN, contact(None)),
    Sample("billing-contact-division", "billing", "billing_contact.html", "/finance/billing-contact", ANN,
           contact(LABS, notice="The billing contact is changed; new documents carry it.")),
    Sample("billing-contact-refused", "billing", "billing_contact.html", "/finance/billing-contact", CARA,
           contact(HOSTING, account(address=None), divisions=[],
                   error="Country takes a country's two letters by ISO 3166, like DE, not 'XX'.")),
    Sample("billing-contact-read", "billing", "billing_contact.html", "/finance/billing-contact", ANN,
           contact(None, may_change=False, rows=[])),
    Sample("waiting", "billing", "waiting.html", "/finance/waiting", ANN, QUEUE),
    Sample("waiting-all", "billing", "waiting.html", "/finance/waiting", CARA, QUEUE),
    Sample("waiting-none", "billing", "waiting.html", "/finance/waiting", ANN, QUEUE | {"rows": [], "total": 0}),
    Sample("waiting-unfit", "billing", "waiting.html", "/finance/waiting", CARA,
           QUEUE | {"rows": [], "total": 0, "filters": ANY | {"reason": "tax"}}),
]  # fmt: skip
