import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

WIDTH = 34


def say(sentence: str, end: str = "\n") -> None:
    with suppress(OSError):  # the terminal may be closed already: what is being stopped must not mind
        print(sentence, end=end, flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """A line that shows what is being done while it is done, and then how long it took."""
    began = time.monotonic()
    say(f"  {what + ' ':.<{WIDTH}} ", end="")
    try:
        yield
    except BaseException:
        say("did not work")
        raise
    say(f"{time.monotonic() - began:5.1f} s")
