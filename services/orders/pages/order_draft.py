"""An order as it stands in its form: what is made of it, and what is wrong with it at which field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import actions, queries
from services.orders.models import CustomField, Division, Organization
from services.orders.pages import typed
from services.orders.pages.typed import Faults
from services.orders.rules import validity
from services.orders.rules.csr_facts import CsrFacts, read_csr
from services.orders.rules.intake import Options, Wish
from services.orders.rules.methods import dcv_method
from services.orders.rules.names import certificate_names
from services.orders.rules.organizations import NEEDED, Details, OrganizationWish, checked, country_code
from services.orders.rules.products import Product, product
from services.orders.rules.validity import Span
from shared.access import Caller
from shared.errors import Rejected
from shared.listing import Listing

MOST_OFFERED = 200  # organizations in the list of the form
DETAILS = tuple(Details.__dataclass_fields__)
FIELDS = ("product", "division", "names", "csr", "years", "ends_on", "payment_method", "dcv_method", "comments",
          "organization", "auto_reissue", "renews", "once", *(f"organization_{name}" for name in DETAILS))  # fmt: skip
NEW_ONE = "new"
MOST_OF_OWN = 255
LABELS = {"name": "legal name", "address": "address", "city": "city"}


@dataclass
class Draft:
    form: dict[str, str]
    product: Product
    division: Division
    fields: Sequence[CustomField]
    faults: Faults = field(default_factory=Faults)
    csr: CsrFacts | None = None
    names: tuple[str, ...] = ()
    term: Span | None = None
    organization: OrganizationWish | None = None

    @property
    def csr_only(self) -> tuple[str, ...]:
        """What the CSR asks for and the order does not."""
        offered = self.csr.names if self.csr else ()
        return tuple(name for name in offered if name not in self.names)

    def take_names_of_csr(self) -> bool:
        if self.csr is None or not self.csr.names or self.form["names"]:
            return False
        self.form["names"] = "\n".join(self.csr.names)
        return True

    def wish(self) -> Wish:
        return Wish(
            product_name_id=self.product.name_id,
            common_name=self.names[0],
            dns_names=self.names,
            csr=self.form["csr"],
            term=self.term,
            payment_method=self.form["payment_method"] or None,
            dcv_method=self.form["dcv_method"] or None,
            comments=self.form["comments"] or None,
            options=Options(
                auto_reissue=bool(self.form["auto_reissue"]),
                renewal_of_order_id=self.renews,
                custom_fields=tuple((each.id, self.form[own(each)]) for each in self.fields if self.form[own(each)]),
            ),
            organization=self.organization,
        )

    @property
    def renews(self) -> int | None:
        return int(self.form["renews"]) if typed.is_number(self.form["renews"]) else None


async def draft_of(tx: AsyncSession, who: Caller, sent: Mapping[str, str], now: datetime) -> Draft:
    draft = await unread(tx, who, sent)
    form, faults = draft.form, draft.faults
    draft.csr = faults.of("csr", lambda: read_csr(typed.csr_typed(form["csr"])))
    if draft.csr:
        await faults.of_rows("csr", actions.refuse_blocked(tx, draft.csr.checked))
    draft.names = faults.of("names", lambda: _names(form["names"], draft.product)) or ()
    draft.term = faults.of("term", lambda: _term(form, now))
    faults.of("dcv_method", lambda: dcv_method(form["dcv_method"] or None))
    faults.of("comments", lambda: typed.comments_typed(form["comments"]))
    for each in draft.fields:
        faults.of(own(each), partial(_own, each, form[own(each)]))
    if draft.product.level:
        draft.organization = _organization(form, faults)
    return draft


async def unread(tx: AsyncSession, who: Caller, sent: Mapping[str, str]) -> Draft:
    """As it was typed; for a division that is refused there is the one that is taken when none is named."""
    form = {name: sent.get(name, "") for name in FIELDS}
    faults, wished = Faults(), int(form["division"]) if typed.is_number(form["division"]) else None
    division = await faults.of_rows("division", actions.division_to_order_for(tx, who, wished))
    if division is None:
        division = await actions.division_to_order_for(tx, who, None)
    fields = [each for each in await queries.custom_fields_of(tx, division.account_id) if each.is_active]
    form |= {own(each): sent.get(own(each), "") for each in fields}
    return Draft(form, product(form["product"]), division, fields, faults)


def own(field: CustomField) -> str:
    """The account's own field, by its name in the form."""
    return f"field_{field.id}"


def _own(field: CustomField, text: str) -> None:
    if field.is_required and not text:
        raise Rejected(f"Every order of your account says this; give the {field.label}.")
    if len(text) > MOST_OF_OWN:
        raise Rejected(f"This takes at most {MOST_OF_OWN} characters, not {len(text)}.")


def _names(text: str, ordered: Product) -> tuple[str, ...]:
    names = typed.names_typed(text)
    return certificate_names(names[0], names[1:], ordered)


def _term(form: Mapping[str, str], now: datetime) -> Span:
    return validity.term(typed.term_typed(form["years"], form["ends_on"]), now.date())


def _organization(form: Mapping[str, str], faults: Faults) -> OrganizationWish | None:
    details = Details(**{name: form[f"organization_{name}"] for name in DETAILS})
    is_new = any(vars(details).values()) or form["organization"] == NEW_ONE
    if typed.is_number(form["organization"]):
        if is_new:
            faults["organization"] = (
                "You chose one and typed another below; choose “A new one”, or clear what is typed."
            )
        return OrganizationWish(int(form["organization"]))
    if not is_new:
        faults["organization"] = "Choose the organization that the certificate is for, or tell a new one."
        return None
    _details(details, faults)
    return OrganizationWish(None, details)


def _details(details: Details, faults: Faults) -> None:
    missing = [name for name in NEEDED if not getattr(details, name).strip()]
    for name in missing:
        faults[f"organization_{name}"] = f"Give the {LABELS.get(name, name)} of the organization."
    if details.country:
        faults.of("organization_country", lambda: country_code(details.country))
    if not missing and "organization_country" not in faults:
        faults.of("organization", lambda: checked(details))


async def organizations_offered(tx: AsyncSession, who: Caller, chosen: str) -> Sequence[Organization]:
    """Of a long list the newest, and the one that is chosen already."""
    listing = Listing(limit=MOST_OFFERED, filters={"status": ("active",)})
    found, _ = await queries.organizations(tx, who, listing)
    if not typed.is_number(chosen) or int(chosen) in {each.id for each in found}:
        return found
    more = await queries.organization(tx, who, int(chosen))
    return [more, *found] if more else found


async def renewal_form(tx: AsyncSession, who: Caller, order_id: int) -> dict[str, str]:
    """What the order was, for a new one; its key is not asked for again, a renewal is the time for a new one."""
    row = await queries.order_row(tx, who, str(order_id))
    if row is None:
        raise actions.no_order(order_id)
    order, request = row.order, row.request
    if order.issued_at is None:
        raise Rejected(f"Order {order_id} is {order.status}; only an issued order can be renewed.", "invalid_state")
    return {
        "product": order.product_name_id,
        "division": str(order.division_id),
        "names": "\n".join(request.dns_names),
        "years": str(order.term_years or 1),
        "payment_method": order.payment_method,
        "dcv_method": request.dcv_method or "",
        "organization": str(order.organization_id or ""),
        "auto_reissue": "1" if order.auto_reissue else "",
        "renews": str(order_id),
    }
