"""Compares what was planned with what was found. Pure: it reads nothing and can be shown to fail."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chaos.found import Found, Wire
from chaos.plan import Deed, Plan
from chaos.sink import Mail
from chaos.strikes import FREEZE, Strike

SHOWN = 5
EXPLAINED_BEFORE, EXPLAINED_AFTER = 10.0, 10.0


@dataclass(frozen=True)
class Fault:
    """`name` says which promise is broken: lost, twice, swapped, parked, book, numbers, mail, wire."""

    name: str
    what: str
    count: int
    examples: Sequence[str]


def fault(name: str, what: str, found: Iterable[Any]) -> list[Fault]:
    everything = [str(one) for one in found]
    return [Fault(name, what, len(everything), everything[:SHOWN])] if everything else []


def check(plan: Plan, found: Found, strikes: Sequence[Strike]) -> list[Fault]:
    parts: list[Callable[[Plan, Found], list[Fault]]] = [
        heard, deeds, waiting, book, numbers, parked, needs, documents, messages, mails, wire, told, listened,
    ]  # fmt: skip
    faults = [one for part in parts for one in part(plan, found)]
    return faults + repeats(found.mails, strikes) + frozen(strikes)


def heard(plan: Plan, found: Found) -> list[Fault]:
    """An id in no inbox is an event that nobody dealt with. Accounts are for billing alone."""
    faults = []
    for service, ids in found.heard.items():
        wanted = plan.labels | (plan.openings if service == "billing" else {})
        missing = (label for own, label in wanted.items() if own not in ids)
        faults += fault("lost", f"{service} never dealt with", missing)
    return faults


def deeds(plan: Plan, found: Found) -> list[Fault]:
    """What was charged and given back, by each account's own count of its money's changes: all, once, in order."""
    faults, accounts = [], {account.id for account in plan.accounts} | set(found.deeds)
    for account_id in sorted(accounts):
        faults += _compared(f"account {account_id}", plan.of(account_id, "charge", "credit"), found.deeds[account_id])
    return _together(faults)


def _compared(where: str, wanted: Sequence[Deed], there: Sequence[Deed]) -> list[Fault]:
    want, have = Counter(wanted), Counter(there)
    found = fault("lost", "took no effect", (_named(where, one) for one in want - have))
    found += fault("twice", "took effect more than once", (_named(where, one) for one in have if have[one] > 1))
    found += fault("extra", "nobody asked for", (_named(where, one) for one in have if one not in want))
    if want == have and list(wanted) != list(there):
        swapped = next(one for one, other in zip(there, wanted, strict=True) if one != other)
        found += fault("swapped", "took effect out of order", [_named(where, swapped)])
    return found


def _named(where: str, deed: Deed) -> str:
    return f"{deed.kind} of order {deed.order_id}, {where}"


def _together(faults: Iterable[Fault]) -> list[Fault]:
    """The same fault of many accounts is one."""
    kinds: dict[tuple[str, str], list[Fault]] = defaultdict(list)
    for one in faults:
        kinds[one.name, one.what].append(one)
    return [
        Fault(name, what, sum(f.count for f in all_), [e for f in all_ for e in f.examples][:SHOWN])
        for (name, what), all_ in kinds.items()
    ]


def waiting(plan: Plan, found: Found) -> list[Fault]:
    all_of_them = [deed for account in plan.accounts for deed in plan.deeds[account.id]]
    wanted = {deed.order_id for deed in all_of_them if deed.kind == "wait"}
    wanted -= {deed.order_id for deed in all_of_them if deed.kind == "release"}
    return fault("lost", "orders do not wait as they should", wanted ^ found.waiting)


def book(plan: Plan, found: Found) -> list[Fault]:
    faults = fault("book", "the postings do not sum to zero", [found.postings_sum] if found.postings_sum else [])
    faults += fault("book", "entries do not sum to zero", [found.unbalanced] if found.unbalanced else [])
    wanted = plan.count("charge", "credit")
    strange = [f"{found.entries} instead of {wanted}"] if found.entries != wanted else []
    faults += fault("book", "there are more or fewer entries than deeds", strange)
    return faults + fault("book", "an account's postings do not follow each other", found.broken_balances)


def numbers(plan: Plan, found: Found) -> list[Fault]:
    gaps = [
        f"{series} {year} of seller {entity}: {len(drawn)} numbers up to {drawn[-1]}"
        for (entity, series, year), drawn in found.numbers.items()
        if drawn != list(range(1, len(drawn) + 1)) or found.counters.get((entity, series, year)) != len(drawn)
    ]
    return fault("numbers", "a series has gaps or doubles, or its counter is elsewhere", gaps)


def parked(plan: Plan, found: Found) -> list[Fault]:
    """Exactly the poison with a reason, and what waits behind it without one."""
    faults = []
    for service, there in found.parked.items():
        want, have = Counter(plan.parked.get(service, {}).items()), Counter(there)
        faults += fault("parked", f"{service} did not park", map(_shown, want - have))
        faults += fault("parked", f"{service} parked what is no poison", map(_shown, have - want))
    return faults


def _shown(entry: tuple[bytes, bool]) -> str:
    payload, waits = entry
    return f"{'waiting: ' if waits else ''}{payload[:160].decode(errors='replace')}"


def needs(plan: Plan, found: Found) -> list[Fault]:
    """Validation counts the open orders of a name: one too many or too few is an event twice or lost."""
    if "validation" not in found.heard:
        return []
    wanted = {place: count for place, count in plan.needs.items() if count}
    differing = {place for place in wanted.keys() | found.needs.keys() if wanted.get(place, 0) != found.needs[place]}
    return fault("lost", "validation counts other open orders", sorted(differing))


def documents(plan: Plan, found: Found) -> list[Fault]:
    faults = fault("documents", "not printed", (one.number for one in found.documents if not one.printed))
    there = found.wire.get("billing.events.v1", Wire())
    often = (one.number for one in found.documents if one.id and len(there.ready.get(one.id, ())) != 1)
    return faults + fault("documents", "not told of exactly once", often if found.wire else ())


def messages(plan: Plan, found: Found) -> list[Fault]:
    """For each document one message per recipient, sent; or one that says that there is nobody to send it to."""
    if "notifications" not in found.parked:
        return []
    there: dict[UUID, list[str]] = defaultdict(list)
    for one in found.messages:
        there[one.document_id].append(one.recipient)
    wrong = [one.number for one in found.documents if not one.id or sorted(there[one.id]) != _recipients(plan, one)]
    unsent = [f"{one.message_id} to {one.recipient}" for one in found.messages if one.recipient and not one.sent]
    faults = fault("mail", "documents without the messages they should have", wrong)
    return faults + fault("mail", "not sent", unsent)


def _recipients(plan: Plan, document: Any) -> list[str]:
    return sorted(plan.emails.get(document.account_id, ()) or ("",))


def mails(plan: Plan, found: Found) -> list[Fault]:
    """The sink's own count: one Message-ID per message, always with the same bytes, to its recipient."""
    if "notifications" not in found.parked:
        return []
    wanted = {one.message_id: one.recipient for one in found.messages if one.recipient}
    arrived = {one.message_id: one.recipient for one in found.mails}
    faults = fault("mail", "documents whose mail never arrived", (i for i in wanted if i not in arrived))
    faults += fault("mail", "arrived though there is no such message", (i for i in arrived if i not in wanted))
    faults += fault("mail", "arrived at somebody else", (i for i in arrived if wanted.get(i) not in (None, arrived[i])))
    copies: dict[str, set[str]] = defaultdict(set)
    for one in found.mails:
        copies[one.message_id].add(one.digest)
    return faults + fault("mail", "arrived again with other bytes", (i for i, d in copies.items() if len(d) > 1))


def again(mails: Sequence[Mail]) -> list[tuple[Mail, Mail]]:
    """Each mail that arrived once more, with its arrival before."""
    last: dict[str, Mail] = {}
    pairs = []
    for one in sorted(mails, key=lambda mail: mail.at):
        if one.message_id in last:
            pairs.append((last[one.message_id], one))
        last[one.message_id] = one
    return pairs


def repeats(mails: Sequence[Mail], strikes: Sequence[Strike]) -> list[Fault]:
    """A second copy is right only where a kill came between the server's answer and the commit."""
    unexplained = [first for first, _ in again(mails) if not any(_explains(one, first) for one in strikes)]
    return fault(
        "mail", "arrived again though nothing was killed at that moment", (one.message_id for one in unexplained)
    )


def _explains(strike: Strike, mail: Mail) -> bool:
    """The process that sent it, or the database that should have noted it, was killed."""
    hit = strike.kind == "database" or strike.target.startswith("notifications")
    return hit and strike.at - EXPLAINED_BEFORE <= mail.at <= strike.until + EXPLAINED_AFTER


def frozen(strikes: Sequence[Strike]) -> list[Fault]:
    """A member that its group never gave up shows nothing."""
    stayed = (one.target for one in strikes if one.kind == FREEZE and not one.expelled)
    return fault("frozen", "frozen, but not given up by its group", stayed)


def wire(plan: Plan, found: Found) -> list[Fault]:
    """First occurrences in each lane are what was said, in its order; whatever comes again is known by its id."""
    return [one for topic, there in found.wire.items() for one in _on_the_wire(topic, found.published[topic], there)]


def _on_the_wire(topic: str, published: dict[str, list[UUID]], there: Wire) -> list[Fault]:
    faults = []
    for lane in published.keys() | there.ids.keys():
        said, first = published.get(lane, []), list(dict.fromkeys(there.ids.get(lane, ())))
        if said == first:
            continue
        missing, strange = set(said) - set(first), set(first) - set(said)
        faults += fault("wire", f"said on {topic} and not there", missing)
        faults += fault("wire", f"on {topic} and never said", strange)
        if not missing and not strange:
            faults += fault("swapped", f"out of order on {topic}", [lane])
    return _together(faults)


def told(plan: Plan, found: Found) -> list[Fault]:
    """What billing told of each order: all of it, each once under one id, the charge before what gives it back."""
    there = found.wire.get("billing.events.v1")
    if there is None:
        return []
    faults = []
    for account in plan.accounts:
        wanted, facts = _by_order(plan.deeds[account.id]), _by_order(there.told[account.id].values())
        for order_id in wanted.keys() | facts.keys():
            faults += _compared("as billing told it", wanted[order_id], facts[order_id])
    return _together(faults)


def _by_order(all_of_them: Iterable[Deed]) -> dict[int, list[Deed]]:
    orders: dict[int, list[Deed]] = defaultdict(list)
    for deed in all_of_them:
        orders[deed.order_id].append(deed)
    return orders


def listened(plan: Plan, found: Found) -> list[Fault]:
    return [
        one
        for service, ids in found.unheard.items()
        for one in fault("lost", f"facts of billing that {service} never dealt with", ids)
    ]
