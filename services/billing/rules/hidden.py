"""What is in a text and nobody sees. Joiners and marks of direction belong to the writing of Persian, Hindi or Hebrew;
what turns all that stands after it belongs to no name, and in a number nothing is hidden at all."""

import unicodedata

from services.billing.rules.direction import FORCING, unforced
from shared.errors import Rejected

BREAKING = ("Cc", "Zl", "Zp", "Cs")


def refuse_hidden(what: str, text: str) -> None:
    """In a text that is printed, on one line."""
    if any(unicodedata.category(char) in BREAKING for char in text):
        raise Rejected(f"{what} is one line; take out line breaks, tabs and other control characters.")
    if unforced(text) != text:
        found = next(char for char in text if char in FORCING)
        raise Rejected(
            f"{what} holds a hidden mark that turns the text around it, U+{ord(found):04X}; take it out, or write the "
            "text anew instead of copying it."
        )


def refuse_unseen(what: str, number: str) -> None:
    """In what is compared sign by sign: two that look the same have to be the same."""
    if not number.isprintable():
        raise Rejected(
            f"{what} is one line of characters that can be seen; take out line breaks, tabs and hidden marks, such as "
            "those of the direction of writing."
        )
