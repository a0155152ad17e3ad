"""A bank's statement file: ISO 20022 camt.053 of any version. Elements are known by their names without namespace."""

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, NoReturn

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from services.billing.rules.money import from_text
from shared.errors import Rejected

LARGEST_FILE = 20 * 2**20
LONGEST_REFERENCE, LONGEST_PAYER, LONGEST_TEXT = 255, 255, 2000
SPACE = re.compile(r"\s+")
NAMESPACE = re.compile(r"camt\.(\d{3})\.001\.\d{2}$")
NO_REFERENCE = ("NONREF", "NOTPROVIDED")
AGAIN = "Get the file from the bank again; nothing of it was taken."
CREDIT, RETURN = "credit", "return"


@dataclass(frozen=True)
class BankEntry:
    """Money that came, or of kind `return` money that the bank took back."""

    kind: str
    reference: str  # the bank's own, or made of the statement's where it gives none
    amount: int
    currency: str
    booked_on: date
    valued_on: date | None
    text: str
    payer: str
    gives_back: bool  # a credit that undoes what was sent from this account


@dataclass(frozen=True)
class Statement:
    id: str
    iban: str
    currency: str
    entries: tuple[BankEntry, ...]
    pending: int  # not booked yet: they come again in a later statement
    debits: int


def read_camt(content: bytes) -> tuple[Statement, ...]:
    """Raises Rejected, with a sentence, for what is no such file as a whole: half a statement is never taken."""
    if len(content) > LARGEST_FILE:
        raise Rejected(f"The file is larger than {LARGEST_FILE >> 20} MiB; ask the bank for one file a day or account.")
    if not content.strip():
        raise Rejected(f"The file is empty. {AGAIN}")
    try:
        found = list(_Reader(content).statements())
    except DefusedXmlException:
        raise Rejected(
            "The file declares a document type or entities, which no statement of a bank has; it was not read. "
            "Get it from the bank itself."
        ) from None
    except (SyntaxError, LookupError, ValueError) as error:
        raise Rejected(f"The file is cut off or is no XML ({error}). {AGAIN}") from None
    if not found:
        raise Rejected(f"The file is a camt.053 without any statement. {AGAIN}")
    return tuple(_told_apart(found))


class _Reader:
    """Each entry is let go when it was read, so that a large file does not have to fit into memory as a tree."""

    def __init__(self, content: bytes) -> None:
        self._events = iterparse(io.BytesIO(content), events=("start", "end"), forbid_dtd=True)

    def statements(self) -> Iterator[Statement]:
        inside = False
        for event, element in self._events:
            inside = inside or _is_document(event, element)
            element.tag = element.tag.rpartition("}")[2]
            if event == "start" and element.tag == "Stmt":
                yield self._statement(element)
        if not inside:
            _refuse_other("of another kind")

    def _statement(self, statement: Any) -> Statement:
        seen = _Seen()
        for event, element in self._events:
            element.tag = element.tag.rpartition("}")[2]
            if event == "end" and element.tag == "Ntry":
                seen.take(statement, element)
                statement.remove(element)
            if event == "end" and element is statement:
                break
        return seen.statement(statement)


def _is_document(event: str, element: Any) -> bool:
    """Some banks put it into an envelope of their own."""
    namespace, _, name = element.tag.removeprefix("{").rpartition("}")
    if event != "start" or name != "Document":
        return False
    found = NAMESPACE.search(namespace)
    if found is None or found[1] != "053":
        _refuse_other(f"camt.{found[1]}" if found else f"of the namespace {namespace[:80]!r}")
    return True


def _refuse_other(kind: str) -> NoReturn:
    raise Rejected(f"The file is {kind}, not a camt.053; export the bank's statement as camt.053 (ISO 20022).")


@dataclass
class _Seen:
    """What was read of a statement so far."""

    entries: list[BankEntry] = field(default_factory=list)
    number: int = 0
    pending: int = 0
    debits: int = 0

    def take(self, statement: Any, entry: Any) -> None:
        self.number += 1
        place = f"Entry {self.number} of statement {_text(statement, 'Id') or '?'}"
        if (_text(entry, "Sts/Cd") or _text(entry, "Sts")) != "BOOK":
            self.pending += 1
            return
        try:
            found = list(_entries(entry, _account(statement), f"{_text(statement, 'Id')}/{self.number}"))
        except Rejected as error:
            raise Rejected(f"{place}: {error.message} {AGAIN}") from None
        self.debits += not found
        self.entries += [one for one in found if one.amount]

    def statement(self, element: Any) -> Statement:
        if not (name := _text(element, "Id")) or not (account := _account(element)):
            raise Rejected(f"A statement of the file does not say its number or its account. {AGAIN}")
        currency = _text(element, "Acct/Ccy") or (self.entries[0].currency if self.entries else "")
        return Statement(name, account, currency, tuple(self.entries), self.pending, self.debits)


def _account(statement: Any) -> str:
    return _text(statement, "Acct/Id/IBAN").replace(" ", "") or _text(statement, "Acct/Id/Othr/Id")


def _entries(entry: Any, iban: str, place: str) -> Iterator[BankEntry]:
    """Of a debit that takes nothing back: none."""
    amount, currency = _money(entry.find("Amt"))
    transfers = entry.findall("NtryDtls/TxDtls")
    way = _text(entry, "CdtDbtInd")
    if way not in ("CRDT", "DBIT"):
        raise Rejected(f"CdtDbtInd is {way!r}, and has to be CRDT or DBIT.")
    undoes = _text(entry, "RvslInd") in ("true", "1") or entry.find("NtryDtls/TxDtls/RtrInf") is not None
    if way == "DBIT" and not undoes:
        return
    whole = BankEntry(
        kind=CREDIT if way == "CRDT" else RETURN, reference="", amount=amount, currency=currency,
        booked_on=_day(entry, "BookgDt") or _day(entry, "ValDt") or _no_day(), valued_on=_day(entry, "ValDt"),
        text="", payer="", gives_back=way == "CRDT" and undoes,
    )  # fmt: skip
    parts = _parts(transfers, amount, currency, way) or [(transfers, amount)]
    references = _references(entry, [part for part, _ in parts], f"{iban}/{place}")
    for (part, own), reference in zip(parts, references, strict=True):
        yield replace(
            whole, reference=reference, amount=own, text=_said(entry, part, whole.kind), payer=_payer(part, whole.kind)
        )


def _no_day() -> NoReturn:
    raise Rejected("It says neither when it was booked nor its value date.")


def _parts(transfers: Sequence[Any], whole: int, currency: str, way: str) -> list[tuple[list[Any], int]]:
    """Each transfer of a batch by itself, where they add up to what was booked; else nobody knows whose the difference
    is, and the batch stays one sum."""
    if len(transfers) < 2:
        return []
    given = [one.find("Amt") if one.find("Amt") is not None else one.find("AmtDtls/TxAmt/Amt") for one in transfers]
    if any(_text(one, "CdtDbtInd") not in ("", way) for one in transfers) or any(one is None for one in given):
        return []
    amounts = [_money(one) for one in given]
    if sum(amount for amount, _ in amounts) != whole or any(other != currency for _, other in amounts):
        return []
    return [([one], amount) for one, (amount, _) in zip(transfers, amounts, strict=True)]


def _references(entry: Any, parts: Sequence[Sequence[Any]], place: str) -> list[str]:
    own = [_reference(part[0], "Refs/AcctSvcrRef") if len(part) == 1 else "" for part in parts]
    of_entry = _reference(entry, "AcctSvcrRef")
    number = _reference(entry, "NtryRef")
    made = f"{place.rpartition('/')[0]}/{number}" if number else place
    if len(parts) == 1:
        return [(of_entry or own[0] or made)[:LONGEST_REFERENCE]]
    if all(own) and len(set(own)) == len(own):
        return [one[:LONGEST_REFERENCE] for one in own]
    return [f"{(of_entry or made)[:240]}/{n}" for n in range(1, len(parts) + 1)]


def _reference(element: Any, path: str) -> str:
    found = _text(element, path)
    return "" if found.upper().replace(" ", "") in NO_REFERENCE else found


def _said(entry: Any, part: Sequence[Any], kind: str) -> str:
    """What the payer wrote; where a bank takes money back, also every reference that may name the transfer."""
    said = [text for one in part for text in _remittance(one)]
    said = said or [text for one in part if (text := _text(one, "AddtlTxInf"))] or [_text(entry, "AddtlNtryInf")]
    if kind == RETURN:
        said += [text for one in part for text in _all_texts(one.find("Refs"))]
        said += [text for one in part for text in _all_texts(one.find("RtrInf"))]
        said += [_reference(entry, "AcctSvcrRef")]
    return " ".join(dict.fromkeys(filter(None, said)))[:LONGEST_TEXT]


def _remittance(transfer: Any) -> Iterator[str]:
    for path in ("RmtInf/Ustrd", "RmtInf/Strd/CdtrRefInf/Ref", "RmtInf/Strd/RfrdDocInf/Nb"):
        yield from filter(None, (_clean(one.text) for one in transfer.iterfind(path)))


def _all_texts(element: Any) -> list[str]:
    return [] if element is None else [text for one in element.iter() if (text := _clean(one.text))]


def _payer(part: Sequence[Any], kind: str) -> str:
    who = ("Dbtr", "UltmtDbtr") if kind == CREDIT else ("Cdtr", "Dbtr")
    paths = [f"RltdPties/{one}/{name}" for one in who for name in ("Nm", "Pty/Nm")]
    names = dict.fromkeys(next(filter(None, (_text(one, path) for path in paths)), "") for one in part)
    return ", ".join(filter(None, names))[:LONGEST_PAYER]


def _money(element: Any) -> tuple[int, str]:
    if element is None:
        raise Rejected("It has no amount.")
    amount, currency = _clean(element.text), element.get("Ccy", "")
    if amount.startswith("-"):
        raise Rejected(f"{amount[:40]} is negative; which way money went is said by CdtDbtInd.")
    return from_text(amount, currency), currency


def _day(entry: Any, name: str) -> date | None:
    said = _text(entry, f"{name}/Dt") or _text(entry, f"{name}/DtTm")
    try:
        return date.fromisoformat(said[:10]) if said else None
    except ValueError:
        raise Rejected(f"{said[:40]!r} in {name} is no day.") from None


def _text(element: Any, path: str) -> str:
    return _clean(element.findtext(path))


def _clean(text: str | None) -> str:
    return SPACE.sub(" ", text or "").strip()


def _told_apart(statements: Iterable[Statement]) -> Iterator[Statement]:
    """A bank that gives one reference to several transfers does not make one of them vanish."""
    seen = Counter[tuple[str, str, str]]()

    def apart(iban: str, entry: BankEntry) -> BankEntry:
        key = (iban, entry.kind, entry.reference)
        seen[key] += 1
        return entry if seen[key] == 1 else replace(entry, reference=f"{entry.reference[:240]}/{seen[key]}")

    for one in statements:
        yield replace(one, entries=tuple(apart(one.iban, entry) for entry in one.entries))
