"""Which name `POST /domain` keeps (LC11). Nowhere else is `www.` added or taken away."""

from services.validation.rules.methods import HTTP_FILE
from services.validation.rules.names import Name, Suffixes


def kept_name(name: Name, method: str | None, keep_www: bool, suffixes: Suffixes) -> Name:
    """Without one leading `www.`, unless a file is to prove exactly that name, or it is asked for."""
    bare = name.fqdn.removeprefix("www.")
    if keep_www or method == HTTP_FILE or suffixes.base_domain(bare) is None:
        return name
    return Name(bare, name.wildcard)
