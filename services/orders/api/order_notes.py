"""What the account's people write down about an order (contract 4.3)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from services.orders import actions, queries
from services.orders.api.bodies import NoteBody, OrderNumber
from services.orders.api.facts import Moment
from services.orders.api.fields import number
from services.orders.models import OrderNote
from shared.web import Once, Tx, Who, now

router = APIRouter(prefix="/services/v2/order/certificate/{order_id}/note")


def note_number(note_id: Annotated[str, Path()]) -> int:
    return number(note_id, "not_found|note", "note")


NoteNumber = Annotated[int, Depends(note_number)]


class NoteShape(BaseModel):
    id: int
    text: str
    date: Moment
    written_by: str


class Notes(BaseModel):
    notes: list[NoteShape]


@router.get("")
async def notes(order_id: OrderNumber, tx: Tx, who: Who) -> Notes:
    who.require(*actions.READERS)
    if await queries.order_row(tx, who, str(order_id)) is None:
        raise actions.no_order(order_id)
    return Notes(notes=[_shape(note) for note in await queries.notes_of(tx, order_id)])


@router.post("", status_code=201)
async def add_note(order_id: OrderNumber, body: NoteBody, tx: Tx, who: Who, once: Once) -> JSONResponse:
    async def added() -> dict[str, int]:
        order = await actions.order_to_change(tx, who, order_id, actions.CANCELLERS)
        return {"id": (await actions.add_note(tx, order, body.text, who.name, now())).id}

    return await once(tx, 201, added)


@router.put("/{note_id}", status_code=204)
async def change_note(order_id: OrderNumber, note_id: NoteNumber, body: NoteBody, tx: Tx, who: Who) -> Response:
    order = await actions.order_to_change(tx, who, order_id, actions.CANCELLERS)
    await actions.change_note(tx, order, note_id, body.text, now())
    return Response(status_code=204)


@router.delete("/{note_id}", status_code=204)
async def delete_note(order_id: OrderNumber, note_id: NoteNumber, tx: Tx, who: Who) -> Response:
    order = await actions.order_to_change(tx, who, order_id, actions.CANCELLERS)
    await actions.delete_note(tx, order, note_id)
    return Response(status_code=204)


def _shape(note: OrderNote) -> NoteShape:
    return NoteShape(id=note.id, text=note.text, date=note.written_at, written_by=note.written_by)
