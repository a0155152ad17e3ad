"""An EV order waits for the staff: one finds everything out, a second one looks at all of it (EVG 11.13)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import httpx

from demo import orders, pages
from demo.acts.by_http import certificate, deposit
from demo.certificates import new_key_pair
from demo.failure import must
from demo.stage import Outcome, Stage, client

PRODUCT, PRICE = "ssl_ev_basic", Decimal("399.00")  # docs/catalogue.toml
KIND = re.compile(r'name="kind" value="(\w+)"')
SOURCE = re.compile(r'<option value="(\w+)"')
ADDRESS = {"address": "1 Main Street", "city": "Lehi", "state": "Utah", "zip": "84043", "telephone": "+1 801 555 0100"}
REGISTERED = {"business_category": "Private Organization", "jurisdiction_country": "US", "jurisdiction_state": "Utah",
              "registration_number": "5157550"}  # fmt: skip


@dataclass(frozen=True)
class Check:
    kind: str
    source: str


async def play(stage: Stage) -> None:
    names, pair = (stage.name("secure"),), new_key_pair()
    await deposit(stage, PRICE)
    async with stage.show.step("An EV order names a new organization") as line:
        wish = orders.body(stage, names, pair) | {"organization": {"name": _name(stage), "country": "us", **ADDRESS}}
        placed = await orders.place(stage.customer, wish, product=PRODUCT)
        line.text = f"An EV order names a new organization: order {placed['id']}"
    charge = await orders.charged(stage, placed["id"])
    await stage.purse.changed_by(-orders.money(charge["total"]))
    async with stage.show.step("Its name is proven, and still nothing is issued"):
        await orders.publish(stage, placed["id"], names)
        await orders.proven(stage, stage.run.account_id, names)
        told = await orders.info(stage, placed["id"])
        must(told["status"] == "pending", f"Order {placed['id']} is {told['status']} without a validated organization.")
    await vet(stage, f"/organizations/{told['organization']['id']}")
    serial = await certificate(stage, placed["id"], pair, names)
    total = f"{orders.money(charge['total'])} EUR"
    stage.outcomes.append(Outcome("EV", str(placed["id"]), total, charge["invoice_number"], serial))


def _name(stage: Stage) -> str:
    """Nobody's yet: one that is validated already would not wait."""
    return f"Acme {stage.mark} Inc."


async def vet(stage: Stage, organization: str) -> None:
    page = f"{organization}/vetting"
    async with (
        stage.show.step("One of the staff enters the record and what was found") as line,
        client(stage.run) as one,
    ):
        await pages.sign_in(one, stage.run, "operator")
        record = {"legal_name": _name(stage), "country": "US", **ADDRESS, **REGISTERED}
        _done(await pages.send(one, page, f"{organization}/record", record), 303)
        *checks, last = await wanted(one, page)
        for check in checks:
            _done(await record_check(one, page, organization, check), 303)
        _done(await record_check(one, page, organization, last), 403)
        line.text = f"One of the staff enters the record and {len(checks)} checks, and may not make the last one"
    async with stage.show.step("A second one looks at all of it"), client(stage.run) as other:
        await pages.sign_in(other, stage.run, "second_operator")
        _done(await record_check(other, page, organization, last), 303)


async def wanted(browser: httpx.AsyncClient, page: str) -> Sequence[Check]:
    """What the page asks for, each with the first source that it offers."""
    text = (await browser.get(page)).text
    found = [Check(kind[1], source[1]) for kind in KIND.finditer(text) if (source := SOURCE.search(text, kind.end()))]
    must(len(found) > 1, f"{page} asks for {len(found)} checks.")
    return found


async def record_check(browser: httpx.AsyncClient, page: str, organization: str, check: Check) -> httpx.Response:
    form = {"kind": check.kind, "source": check.source, "evidence": "Register entry 5157550, kept as file 12",
            "checked_on": datetime.now(UTC).date().isoformat(), "passed": "yes"}  # fmt: skip
    return await pages.send(browser, page, f"{organization}/checks", form)


def _done(answer: httpx.Response, status: int) -> None:
    said = f"{answer.request.url} was answered with {answer.status_code}, not {status}: {answer.text[:300]}"
    must(answer.status_code == status, said)
