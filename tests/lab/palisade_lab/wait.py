"""Waiting for something to become true, with a deadline and a reason."""

import time

from .errors import DeadlineError, HopelessError


def wait_for(predicate, timeout, what, every=0.05):
    """Call predicate until it returns something true and return that.

    An exception of the predicate counts as "not yet"; the last one is told when time is up.
    """
    end = time.monotonic() + timeout
    last = None
    while True:
        try:
            answer = predicate()
            if answer:
                return answer
            last = None
        except HopelessError:
            raise
        except Exception as error:  # not yet
            last = error
        if time.monotonic() >= end:
            why = f" (last: {last})" if last else ""
            raise DeadlineError(f"{what}: not within {timeout:g} s{why}")
        time.sleep(every)
