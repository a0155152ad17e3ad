def without_nul(text: str) -> str:
    """PostgreSQL keeps every character but this one."""
    if "\0" in text:
        raise ValueError("a NUL character cannot be kept; leave it out")
    return text
