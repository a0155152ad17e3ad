"""What each worker of a run gets to do. Every worker has servers of its own, so no two tests in two of them meet."""

from xdist.scheduler import LoadFileScheduling

COMPOSED = "tests/containers/"


class ByFile(LoadFileScheduling):  # type: ignore[misc]
    """A file's tests share what its first one made; those of the containers share one composed stack, too."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return COMPOSED if file.startswith(COMPOSED) else file
