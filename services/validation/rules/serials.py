def as_stored(serial_number: str) -> str:
    """Hexadecimal, as tools print it in many ways: `0A:1B`, `0a1b`, `A1B`."""
    return serial_number.replace(":", "").replace(" ", "").lower().lstrip("0")
