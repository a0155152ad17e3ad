def is_number(text: str, most: int = 10) -> bool:
    """Of at most so many digits 0 to 9. `isdigit` alone is true of ² too, which `int` does not read."""
    return text.isascii() and text.isdigit() and len(text) <= most
