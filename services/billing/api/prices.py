from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, BeforeValidator, Field
from starlette.responses import JSONResponse

from services.billing import actions
from services.billing.api.exact import ExactRoute, OptionalId, finance_router
from services.billing.models import Account
from services.billing.queries import balance, documents, prices, pricing
from services.billing.rules import PriceRow, printed
from services.billing.rules.estimate import Estimate
from services.billing.rules.price_file import check_count
from services.billing.rules.price_plan import PricePlan
from shared.errors import Denied, Rejected
from shared.web import Body, Once, Tx, Who, now

router = finance_router()
products = APIRouter(prefix="/services/v2/product", route_class=ExactRoute)

Count = Annotated[int | None, Field(ge=1, lt=2**31), BeforeValidator(lambda v: None if v in (0, "0") else v)]
Name = Annotated[str, Field(min_length=1, max_length=255)]


class Validity(Body):
    years: Count = None
    days: Count = None
    custom_expiration_date: date | None = None


class PricedCertificate(Body):
    common_name: Name | None = None
    dns_names: Annotated[tuple[Name, ...], Field(min_length=1, max_length=250)]

    def names(self) -> tuple[str, ...]:
        """Each once, as they would be ordered."""
        given = (self.common_name, *self.dns_names) if self.common_name else self.dns_names
        return tuple(dict.fromkeys(name.strip().lower().removesuffix(".") for name in given))


class BillingAddress(Body):
    country: Annotated[str | None, Field(pattern=r"^[A-Za-z]{2}$")] = None


class PricingIn(Body):
    certificate: PricedCertificate
    product_name_id: Name
    order_validity: Validity = Validity()
    validity_years: Count = None
    validity_days: Count = None
    custom_expiration_date: date | None = None
    billing_address: BillingAddress = BillingAddress()
    account_id: Count = None

    def term(self, today: date) -> tuple[int | None, int | None]:
        """Years, or days; `order_validity` wins, and in each the exact wish: a last day over days over years."""
        legacy = Validity(
            years=self.validity_years, days=self.validity_days, custom_expiration_date=self.custom_expiration_date
        )
        return _term(self.order_validity, today) or _term(legacy, today) or _no_term()


def _term(given: Validity, today: date) -> tuple[int | None, int | None] | None:
    days = (given.custom_expiration_date - today).days if given.custom_expiration_date else given.days
    if days is not None and days < 1:
        raise Rejected(f"The last day {given.custom_expiration_date} is not after today; give a later one.")
    return (None, days) if days else (given.years, None) if given.years else None


def _no_term() -> tuple[int | None, int | None]:
    raise Rejected('The order has no validity: give "order_validity" with years (1 to 3), days or a last day.')


class Units(BaseModel):
    subtotal: int | float
    units: int


class PricingOut(BaseModel):
    base_price: int | float
    total_price: int | float
    addons_price: int
    san_package_price: int
    benefits_discount_total: int
    fqdns: Units
    wildcards: Units
    balance: int | float
    currency: str
    tax: str
    tax_error: bool


def number(amount: int, currency: str) -> int | float:
    """Prices on the wire are numbers, with decimals only when needed. A float of up to 15 digits prints as these."""
    text = printed(amount, currency)
    whole, _, fraction = text.partition(".")
    return float(text) if fraction.strip("0") else int(whole)


@router.post("/order-pricing")
async def order_pricing(tx: Tx, caller: Who, body: PricingIn) -> PricingOut:
    today, names = now().date(), body.certificate.names()
    account = await pricing.account_of(tx, caller, body.account_id)
    country = (body.billing_address.country or "").upper() or None
    found = await pricing.estimate(
        tx, account, body.product_name_id, *body.term(today), names=names, country=country, today=today
    )
    funds = await balance.account_funds(tx, account.id)
    return _pricing(found, names, account.currency, funds.balance if funds else 0)


def _pricing(found: Estimate, names: tuple[str, ...], currency: str, kept: int) -> PricingOut:
    wild = sum(name.startswith("*.") for name in names)
    return PricingOut(
        base_price=number(found.net, currency),
        total_price=number(found.total, currency),
        addons_price=0,
        san_package_price=0,
        benefits_discount_total=0,
        fqdns=Units(subtotal=number(found.fqdns, currency), units=len(names) - wild),
        wildcards=Units(subtotal=number(found.wildcards, currency), units=wild),
        balance=number(kept, currency),
        currency=currency,
        tax=printed(found.tax or 0, currency),
        tax_error=found.tax is None,
    )


@products.get("/pricing")
async def product_pricing(tx: Tx, caller: Who, account_id: OptionalId = None) -> dict[str, Any]:
    account = await pricing.account_of(tx, caller, account_id)
    found = await pricing.offers(tx, account, now().date())
    return {"products": [_product(offer.now, account) for offer in found if offer.now]}


def _product(row: PriceRow, account: Account) -> dict[str, Any]:
    return {
        "name_id": row.product_name_id,
        "name": row.description,
        "validity_years": row.years,
        "price": number(row.base, row.currency),
        "included_names": row.included_names,
        "additional_san_price": number(row.extra_name, row.currency),
        "additional_wildcard_price": number(row.extra_wildcard, row.currency),
        "currency": account.currency,
        "valid_from": row.valid_from.isoformat(),
    }


class PriceListIn(Body):
    prices: list[dict[str, Any]]
    preview: bool = False


@router.post("/price-list", status_code=201)
async def add_price_list(tx: Tx, caller: Who, once: Once, body: PriceListIn) -> JSONResponse:
    """As many prices as wanted, all or none; with `preview`, only what would happen."""
    if not caller.is_operator or caller.key_role in documents.ORDER_KEYS:
        raise Denied("Prices are kept by the CA's staff; what your account pays is at product/pricing.")
    check_count(len(body.prices), "The list has no price; send at least one.")
    given = list(enumerate(body.prices, 1))
    if body.preview:
        return JSONResponse(_previewed(await prices.planned(tx, given, now().date())), 200)

    async def add() -> dict[str, Any]:
        plan = await actions.add_prices(tx, given, caller.email, now())
        return {"added": len(plan.new), "unchanged": plan.unchanged}

    return await once(tx, 201, add)


def _previewed(plan: PricePlan) -> dict[str, Any]:
    return {
        "new": [
            {"row": one.number} | ({"outdated_by": str(one.outdated_by)} if one.outdated_by else {}) for one in plan.new
        ],
        "unchanged": plan.unchanged,
        "refused": [{"row": one.number, "message": one.message} for one in plan.refused],
    }
