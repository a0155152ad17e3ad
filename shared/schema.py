"""How far a service's database is migrated, compared with what its code needs."""

from dataclasses import dataclass
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

ROOT = Path(__file__).parent.parent


def alembic_config(service: str, url: str = "") -> Config:
    config = Config(ROOT / "alembic.ini", ini_section=service)
    config.attributes["url"] = url
    return config


@dataclass(frozen=True)
class Schema:
    service: str
    found: str | None
    needed: str
    is_older: bool

    @property
    def fits(self) -> bool:
        return self.found == self.needed

    @property
    def is_newer(self) -> bool:
        return not self.fits and not self.is_older

    @property
    def sentence(self) -> str:
        at = f"is at {self.found}" if self.found else "is empty"
        if self.is_older:
            mend = f"run: python -m services ctl migrate {self.service}"
            return f"the database of {self.service} {at}, this program needs {self.needed}: {mend}"
        return f"the database of {self.service} {at}, which is newer than this program's {self.needed}; it goes on"


def has_migrations(service: str) -> bool:
    return (ROOT / "services" / service / "migrations").is_dir()


def compare(service: str, found: str | None) -> Schema:
    """A revision that the code does not know was made by newer code; what is migrated fits the code before it."""
    scripts = ScriptDirectory.from_config(alembic_config(service))
    needed = scripts.get_current_head() or ""
    return Schema(service, found, needed, is_older=found != needed and (found is None or _knows(scripts, found)))


def _knows(scripts: ScriptDirectory, revision: str) -> bool:
    try:
        return scripts.get_revision(revision) is not None
    except CommandError:
        return False
