"""Lines for whoever reads `kubectl logs`."""

import datetime
import logging
import sys
import time

SAID_AGAIN_IN_S = 60
said = {}


def log_line(text):
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
    sys.stderr.write(f"{now} {' '.join(text.split())}\n")
    sys.stderr.flush()


def log_problem(text):
    """The same for what goes wrong again with each attempt: a line that was said less than a minute ago is left out."""
    now = time.monotonic()
    for old in [line for line, at in said.items() if now - at >= SAID_AGAIN_IN_S]:
        del said[old]
    if text not in said:
        said[text] = now
        log_line(text)


def pass_on_the_library():
    """The library's warnings, as lines like ours."""
    handler = logging.Handler()
    handler.emit = lambda record: log_problem(record.getMessage())
    logger = logging.getLogger("k8sleader")
    logger.addHandler(handler)
    logger.propagate = False
