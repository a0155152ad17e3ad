"""What an entry in the history of funds is called (CertCentral: transaction types of the balance history)."""

BY_CARD = "credit_card"
FROM_FUNDS = "balance"  # a usage invoice paid by money that is there
TYPES = ("Charge", "Credit", "Credit Card Deposit", "Sale from Account Balance", "Opening Balance", "Reversal",
         "Transfer", "Adjustment")  # fmt: skip
_OF_KIND = {"charge": "Charge", "opening": "Opening Balance"}
_TAKEN = {"transfer": "Transfer", "credit": "Credit"}


def entry_type(kind: str, amount: int, method: str | None = None) -> str:
    """`method`: of the payment behind it, if there is one."""
    if kind in _OF_KIND:
        return _OF_KIND[kind]
    if method and amount < 0:
        return "Sale from Account Balance" if method == FROM_FUNDS else "Reversal"
    if method == BY_CARD and kind == "deposit":
        return "Credit Card Deposit"
    return "Credit" if amount >= 0 else _TAKEN.get(kind, "Adjustment")


def type_named(text: str) -> str | None:
    """In any case of letters, with blanks or underscores."""
    return {one.lower(): one for one in TYPES}.get(text.strip().lower().replace("_", " "))
