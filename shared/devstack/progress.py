import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

WIDTH = 34


def say(sentence: str) -> None:
    print(sentence, flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """A line that shows what is being done while it is done, and then how long it took."""
    began = time.monotonic()
    sys.stdout.write(f"  {what + ' ':.<{WIDTH}} ")
    sys.stdout.flush()
    try:
        yield
    except BaseException:
        say("did not work")
        raise
    say(f"{time.monotonic() - began:5.1f} s")
