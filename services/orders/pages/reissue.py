"""A further certificate of an order, in place of its own or beside it: told, looked at once more, sent."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.orders import actions
from services.orders.models import CertificateOrder, OrderRequest
from services.orders.pages import typed
from services.orders.pages.orders import OrderNumber, row_of
from services.orders.pages.typed import Faults
from services.orders.queries import Row
from services.orders.rules.csr_facts import CsrFacts, read_csr
from services.orders.rules.methods import METHODS, dcv_method
from services.orders.rules.names import certificate_names
from services.orders.rules.products import Product, product, product_name
from services.orders.rules.reissue import ReissueWish, added_names
from shared.access import Caller
from shared.db import attempt
from shared.errors import DomainError
from shared.ids import new_id
from shared.web import CsrfChecked, PageUser, Tx, now, page

router = APIRouter(prefix="/orders/{order_id:int}", include_in_schema=False)
FIELDS = ("names", "csr", "dcv_method", "comments", "once")


@dataclass
class Draft:
    row: Row
    kind: str
    form: dict[str, str]
    faults: Faults = field(default_factory=Faults)
    csr: CsrFacts | None = None
    names: tuple[str, ...] = ()

    @property
    def added(self) -> tuple[str, ...]:
        """Those that are charged."""
        order = self.row.order
        return added_names(self.names, self.row.request.dns_names, order.fqdns_paid, order.wildcards_paid)

    def wish(self) -> ReissueWish:
        return ReissueWish(
            common_name=self.names[0] if self.kind == "reissue" else None,
            dns_names=self.names if self.kind == "reissue" else (),
            csr=self.form["csr"] or None,
            dcv_method=self.form["dcv_method"] or None,
            comments=self.form["comments"] or None,
        )


@router.get("/reissue")
async def ask_reissue(request: Request, order_id: OrderNumber, who: PageUser, tx: Tx) -> Response:
    return _form(request, await _blank(tx, who, order_id, "reissue"))


@router.get("/duplicate")
async def ask_duplicate(request: Request, order_id: OrderNumber, who: PageUser, tx: Tx) -> Response:
    return _form(request, await _blank(tx, who, order_id, "duplicate"))


@router.post("/reissue", dependencies=[CsrfChecked])
async def reissue(request: Request, order_id: OrderNumber, who: PageUser, tx: Tx) -> Response:
    return await _send(request, tx, who, order_id, "reissue")


@router.post("/duplicate", dependencies=[CsrfChecked])
async def duplicate(request: Request, order_id: OrderNumber, who: PageUser, tx: Tx) -> Response:
    return await _send(request, tx, who, order_id, "duplicate")


async def _blank(tx: Tx, who: Caller, order_id: int, kind: str) -> Draft:
    row = await row_of(tx, who, order_id)
    who.require(*actions.PLACERS)
    row.order.refuse_unless_issued(f"{kind}d", now().date())
    names = "\n".join(row.request.dns_names)
    return Draft(row, kind, dict.fromkeys(FIELDS, "") | {"names": names, "dcv_method": row.request.dcv_method or ""})


async def _send(request: Request, tx: Tx, who: Caller, order_id: int, kind: str) -> Response:
    draft, at = await _blank(tx, who, order_id, kind), now()
    sent = await typed.typed(request)
    draft.form |= {name: sent[name] for name in FIELDS if name in sent}
    await _read(tx, draft)
    step = sent.get("step", "check")
    if step in ("read", "change"):
        draft.faults = Faults({"csr": draft.faults["csr"]} if step == "read" and "csr" in draft.faults else {})
        return _form(request, draft, 400 if draft.faults else 200)
    if draft.faults:
        return _form(request, draft, 400)
    if step == "place":
        return await _place(request, tx, who, draft, at)
    return page(request, "reissue_preview.html", **_shown(draft, at.date()))


async def _read(tx: Tx, draft: Draft) -> None:
    form, faults, ordered = draft.form, draft.faults, product(draft.row.order.product_name_id)
    if form["csr"]:
        draft.csr = faults.of("csr", lambda: read_csr(form["csr"]))
    if draft.csr:
        await faults.of_rows("csr", actions.refuse_blocked(tx, draft.csr.checked))
    draft.names = draft.row.request.dns_names
    if draft.kind == "reissue":
        draft.names = faults.of("names", lambda: _names(form["names"], ordered)) or ()
    faults.of("dcv_method", lambda: dcv_method(form["dcv_method"] or None))
    faults.of("comments", lambda: typed.comments_typed(form["comments"]))


def _names(text: str, ordered: Product) -> tuple[str, ...]:
    names = typed.names_typed(text)
    return certificate_names(names[0], names[1:], ordered)


async def _place(request: Request, tx: Tx, who: Caller, draft: Draft, at: datetime) -> Response:
    order_id = draft.row.order.id

    async def placed() -> str:
        order = await actions.order_to_change(tx, who, order_id, actions.PLACERS)
        await _ask(tx, who, order, draft, at)
        return f"/orders/{order_id}?done={draft.kind}"

    try:
        async with attempt(tx):
            where = await typed.once(tx, who, draft.form, placed)
    except DomainError as refused:
        again = await _blank(tx, who, order_id, draft.kind)
        again.form, again.csr = draft.form, draft.csr
        again.faults.tell(refused)
        return _form(request, again, refused.status)
    return RedirectResponse(where, 303)


async def _ask(tx: Tx, who: Caller, order: CertificateOrder, draft: Draft, at: datetime) -> OrderRequest:
    ask = actions.reissue_order if draft.kind == "reissue" else actions.duplicate_order
    return await ask(tx, order, draft.wish(), actions.placer(who), at)


def _form(request: Request, draft: Draft, status: int = 200) -> Response:
    return page(request, "reissue_form.html", status, **_shown(draft, now().date()), errors=dict(draft.faults))


def _shown(draft: Draft, today: date) -> dict[str, Any]:
    order, before = draft.row.order, draft.row.request.dns_names
    return {
        "order": order,
        "kind": draft.kind,
        "form": draft.form | {"once": draft.form["once"] or str(new_id())},
        "csr": draft.csr,
        "key": draft.row.request.key,
        "names": [(name, name in before, name in draft.added) for name in draft.names],
        "dropped": [name for name in before if draft.names and name not in draft.names],
        "added": draft.added,
        "product": product_name(order.product_name_id),
        "max_names": product(order.product_name_id).max_names,
        "wildcards": product(order.product_name_id).wildcards,
        "ends_on": order.ends_on(today),
        "methods": list(METHODS.items()),
        "method": METHODS.get(draft.form["dcv_method"], draft.form["dcv_method"]),
    }
