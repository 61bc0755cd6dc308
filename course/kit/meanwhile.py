"""Do something every few seconds while a block of code runs."""

import threading
from contextlib import contextmanager


@contextmanager
def meanwhile(look, seconds):
    """Call `look()` in a thread, every so many seconds until the block inside has ended."""
    over = threading.Event()

    def watch():
        while not over.wait(seconds):
            look()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
