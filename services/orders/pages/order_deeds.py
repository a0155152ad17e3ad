"""Small things done on the page of an order, at once: a look at its names, another method, a note, a switch."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from pydantic import AfterValidator
from starlette.responses import RedirectResponse, Response

from services.orders import actions
from services.orders.pages.forms import tried
from services.orders.pages.orders import OrderNumber, show
from services.orders.rules.texts import without_nul
from shared.errors import Rejected
from shared.web import CsrfChecked, PageUser, Tx, now

router = APIRouter(prefix="/orders/{order_id:int}", include_in_schema=False)
Text = Annotated[str, AfterValidator(without_nul), Form(max_length=2000)]
NoteNumber = Annotated[int, Path(ge=1, lt=2**31)]


@router.post("/check", dependencies=[CsrfChecked])
async def check(request: Request, order_id: OrderNumber, who: PageUser, tx: Tx) -> Response:
    order = await actions.order_to_change(tx, who, order_id, actions.CANCELLERS)

    async def deed() -> Response:
        actions.ask_for_check(tx, order, (), who.name, now())
        return _back(order_id, "checked")

    return await tried(tx, deed, lambda refused: show(request, tx, who, order_id, refused=refused))


@router.post("/method", dependencies=[CsrfChecked])
async def change_method(
    request: Request, order_id: OrderNumber, who: PageUser, tx: Tx, dcv_method: Text = ""
) -> Response:
    order = await actions.order_to_change(tx, who, order_id, actions.CANCELLERS)

    async def deed() -> Response:
        actions.change_dcv_method(tx, order, dcv_method, who.name, now())
        return _back(order_id, "method")

    return await tried(tx, deed, lambda refused: show(request, tx, who, order_id, refused=refused))


@router.post("/emails", dependencies=[CsrfChecked])
async def resend_emails(order_id: OrderNumber, who: PageUser, tx: Tx) -> Response:
    order = await actions.order_to_change(tx, who, order_id, actions.CANCELLERS)
    actions.resend_emails(tx, order, (), who.name, now())
    return _back(order_id, "mailed")


@router.post("/auto-reissue", dependencies=[CsrfChecked])
async def auto_reissue(request: Request, order_id: OrderNumber, who: PageUser, tx: Tx, on: Text = "") -> Response:
    order = await actions.order_to_change(tx, who, order_id, actions.PLACERS)

    async def deed() -> Response:
        await actions.set_auto_reissue(tx, order, bool(on), now())
        return _back(order_id, "auto_on" if on else "auto_off")

    return await tried(tx, deed, lambda refused: show(request, tx, who, order_id, refused=refused))


@router.post("/notes", dependencies=[CsrfChecked])
async def add_note(request: Request, order_id: OrderNumber, who: PageUser, tx: Tx, text: Text = "") -> Response:
    order = await actions.order_to_change(tx, who, order_id, actions.CANCELLERS)

    async def deed() -> Response:
        if not text.strip():
            raise Rejected("The note is empty; write something, or leave it.")
        await actions.add_note(tx, order, text.strip(), who.name, now())
        return _back(order_id, "noted")

    return await tried(tx, deed, lambda refused: show(request, tx, who, order_id, refused=refused, text=text))


@router.post("/notes/{note_id:int}/delete", dependencies=[CsrfChecked])
async def delete_note(order_id: OrderNumber, note_id: NoteNumber, who: PageUser, tx: Tx) -> Response:
    order = await actions.order_to_change(tx, who, order_id, actions.CANCELLERS)
    await actions.delete_note(tx, order, note_id)
    return _back(order_id, "")


def _back(order_id: int, done: str) -> Response:
    return RedirectResponse(f"/orders/{order_id}?done={done}" if done else f"/orders/{order_id}", 303)
