"""kill -9 of the workers in the middle of each step: nothing is half done, and a retry works."""

from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import pytest

from tests.support import journeys
from tests.support.faults import kill_workers

CASES = [
    pytest.param(kind, trap, id=f"{kind.__name__}, {trap[1]} {trap[0].__name__}")
    for kind in journeys.ALL
    for trap in kind.traps
]


@pytest.mark.parametrize(("kind", "trap"), CASES)
def test_a_killed_worker_leaves_nothing_half_done_and_a_retry_works(begin, server, database, kind, trap):
    step = begin(kind)
    with ThreadPoolExecutor(1) as pool, database.trap(*trap) as wait_for_it:
        answer = pool.submit(step.send)
        wait_for_it()
        kill_workers(server)
        with pytest.raises((ConnectionError, HTTPException)):
            answer.result()
    step.is_done()  # fails on a half
    if not kind.starts_signed_in:
        assert not step.visitor.is_in()
    step.try_again()
