"""What is asked of names, addresses and passwords of people, the same by form, API and command."""

import re

from shared.errors import Rejected

LONGEST = 255
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 1000
EMAIL = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+\.[^@\s\x00-\x1f.]+")


def one_line(text: str, what: str, longest: int = LONGEST) -> str:
    line = " ".join(text.split())
    if len(line) > longest or not line.isprintable():
        raise Rejected(f"{what} is one line of at most {longest} characters.")
    return line


def needed(text: str, what: str, longest: int = LONGEST) -> str:
    line = one_line(text, what, longest)
    if not line:
        raise Rejected(f"{what} is missing; give it.")
    return line


def email(text: str) -> str:
    address = one_line(text, "The e-mail address")
    if not EMAIL.fullmatch(address):
        raise Rejected(f'"{address[:80]}" is no e-mail address; give one like ann@acme.example.')
    return address


def new_password(password: str, again: str, address: str) -> str:
    """NIST SP 800-63B 5.1.1.2: length counts, no rules of composition; and nothing that is known of the user."""
    if password != again:
        raise Rejected("The two passwords differ; type the same one twice.")
    if len(password) < SHORTEST_PASSWORD:
        raise Rejected(f"A password has at least {SHORTEST_PASSWORD} characters; a few words make a good one.")
    if len(password) > LONGEST_PASSWORD:
        raise Rejected(f"A password has at most {LONGEST_PASSWORD} characters.")
    if password.casefold() == address.casefold() or len(set(password)) < 4:
        raise Rejected("That password is too easy to guess; a few words that do not belong together make a good one.")
    return password
