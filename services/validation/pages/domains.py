from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from sqlalchemy import select, true
from starlette.responses import RedirectResponse, Response

from services.validation.actions.keeping import Wish, add_domain, name_of
from services.validation.actions.submitting import Asking, submit_domain
from services.validation.models import Division, Domain
from services.validation.pages.words import chip_of, method_name, record_of
from services.validation.queries import lock_domains
from services.validation.queries.access import account_of, division_for, require_domains, require_own, visible_domains
from services.validation.queries.listed import domains
from services.validation.queries.standings import Standing
from services.validation.rules.choosing import NAMES, offered
from shared.access import Caller
from shared.db import attempt
from shared.errors import DomainError, Rejected
from shared.listing import Listing
from shared.web import CsrfChecked, PageUser, Tx, now, page

router = APIRouter(prefix="/domains", include_in_schema=False)
PAGE, COUNTED, MOST, SHOWN_DIVISIONS = 50, 1_000, 25, 200
Text = Annotated[str, Form(max_length=300)]
Asked = Annotated[str, Query(max_length=255)]


@router.get("")
async def listed(
    request: Request, tx: Tx, caller: PageUser, search: Asked = "", status: Asked = "", dcv_method: Asked = "",
    container_id: int | None = None, account_id: int | None = None, before: int | None = None,
) -> Response:  # fmt: skip
    asked = {"search": search.strip(), "status": status, "dcv_method": dcv_method}
    wanted = asked | {"container_id": str(container_id or ""), "account_id": str(account_id or "")}
    kept = {name: value for name, value in wanted.items() if value}
    listing = Listing(PAGE, filters={name: (value,) for name, value in kept.items()})
    most = COUNTED if search else None
    total, found = await domains(tx, caller, request.app.state.policy, listing, now(), before, most)
    here = request.scope["path"]
    following = {**kept, "before": found[-1].domain.id} if len(found) == PAGE else None
    return page(
        request, "domains.html", rows=[row_of(one) for one in found], total=total, most=most, filters=asked,
        methods=_methods(request), next=f"{here}?{urlencode(following)}" if following else "",
        first=f"{here}?{urlencode(kept)}" if before else "", csv=_csv(kept), all_methods=list(NAMES.items()),
        division=await _division(tx, caller, container_id), most_at_once=MOST,
    )  # fmt: skip


async def _division(tx: Tx, caller: Caller, container_id: int | None) -> Division | None:
    """To say whose domains these are: never of one that the caller may not see."""
    found = await tx.get(Division, container_id) if container_id else None
    return found if found and caller.may_see(found.account_id, found.id) else None


def row_of(one: Standing) -> dict[str, Any]:
    domain, proof = one.domain, one.known_proof
    return {
        "id": domain.id,
        "name": domain.name,
        "chip": chip_of(one),
        "revalidation_pending": one.revalidation_pending,
        "division": one.division_name,
        "account": one.account,
        "method": method_name(domain.method),
        "until": proof.usable_until if proof else None,
        "over": one.proof is None,
    }


def _csv(kept: dict[str, str]) -> str:
    plain = {"container_id", "account_id"}
    named = {name if name in plain else f"filters[{name}]": value for name, value in kept.items()}
    return f"/services/v2/domain?{urlencode({**named, 'format': 'csv'})}"


def _methods(request: Request) -> list[tuple[str, str]]:
    return [(method, NAMES[method]) for method in offered(request.app.state.policy, now())]


@router.get("/add")
async def ask_name(request: Request, tx: Tx, caller: PageUser) -> Response:
    return await _ask(request, tx, caller, {})


async def _ask(
    request: Request, tx: Tx, caller: PageUser, form: dict[str, str], refused: DomainError | None = None
) -> Response:
    require_domains(caller)
    query = select(Division).where(
        Division.account_id == caller.account_id, Division.id.in_(caller.divisions) if caller.divisions else true()
    )
    divisions = (await tx.scalars(query.order_by(Division.name, Division.id).limit(SHOWN_DIVISIONS))).all()
    return page(
        request, "domain_add.html", refused.status if refused else 200, form=form, methods=_methods(request),
        divisions=[(one.id, one.name) for one in divisions], error=refused.message if refused else "",
    )  # fmt: skip


@router.post("/add", dependencies=[CsrfChecked])
async def add(
    request: Request, tx: Tx, caller: PageUser, name: Text = "", method: Text = "", division: Text = "",
    account: Text = "", keep_www: Text = "",
) -> Response:  # fmt: skip
    form = {"name": name, "method": method, "division": division, "account": account, "keep_www": keep_www}
    try:
        async with attempt(tx):
            domain = await _add(request, tx, caller, form)
    except DomainError as refused:
        return await _ask(request, tx, caller, form, refused)
    return RedirectResponse(f"/domains/{domain.id}", 303)


async def _add(request: Request, tx: Tx, caller: PageUser, form: dict[str, str]) -> Domain:
    account_id = account_of(caller, _number(form["account"]))
    division_id = await division_for(tx, caller, account_id, _number(form["division"]))
    wish = Wish(form["name"].strip(), division_id, method=form["method"] or None, keep_www=bool(form["keep_www"]))
    asking = asking_of(request, caller)
    await require_own(tx, caller, account_id, name_of(asking, wish).fqdn)
    return (await add_domain(tx, asking, account_id, wish))[0]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def asking_of(request: Request, caller: PageUser) -> Asking:
    return Asking(request.app.state.policy, caller.email or caller.name, now())


@router.post("/submit", dependencies=[CsrfChecked])
async def submit_many(
    request: Request, tx: Tx, caller: PageUser, domain: Annotated[list[int] | None, Form()] = None, method: Text = "",
) -> Response:  # fmt: skip
    """Each by itself: one that is refused stops no other (LC9)."""
    chosen = list(dict.fromkeys(domain or []))
    if not 1 <= len(chosen) <= MOST:
        raise Rejected(f"Tick 1 to {MOST} domains to submit them together; {len(chosen)} were ticked.")
    found = await visible_domains(tx, caller, chosen)
    await lock_domains(tx, {one.key for one in found})
    asking = asking_of(request, caller)
    rows = [await _submit(tx, asking, one, method or None) for one in found]
    return page(request, "domains_submitted.html", rows=rows)


async def _submit(tx: Tx, asking: Asking, domain: Domain, method: str | None) -> dict[str, Any]:
    told: dict[str, Any] = {"id": domain.id, "name": domain.name, "error": "", "record": [], "expires_at": None}
    try:
        async with attempt(tx):
            made = (await submit_domain(tx, asking, domain.key, method)).attempt
    except DomainError as refused:
        return told | {"error": refused.message}
    return told | {"record": record_of(made.instructions(asking.policy)), "expires_at": made.expires_at}
