"""`python -m services ctl billing load FILE`: staff's dated data, from a TOML file as docs/catalogue.md describes."""

import sys
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from services.billing import actions
from services.billing.actions.catalogue import CatalogueFile
from shared.db import Database, utcnow
from shared.errors import Rejected
from shared.service import Service


async def load_file(service: Service, told: Any, who: str) -> int:
    added = await load(service.db, Path(told.file), who, utcnow())
    sys.stdout.write(f"{added} rows are new.\n")
    return 0


async def load(db: Database, path: Path, who: str, now: datetime) -> int:
    """How many rows were new. Raises Rejected, with nothing added, for a file that is not as described."""
    file = read(path)
    async with db.transaction() as tx:
        return await actions.load_catalogue(tx, file, who, now)


def read(path: Path) -> CatalogueFile:
    try:
        return CatalogueFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise Rejected(f"{path} cannot be read: {error.strerror}. Give the path of a file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Rejected(f"{path} is not TOML: {error}. Mend it and load it again.") from None
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg'].removeprefix('Value error, ').rstrip('.')}"
            for e in error.errors()[:5]
        )
        raise Rejected(f"{path} is not as docs/catalogue.md describes: {faults}.") from None
