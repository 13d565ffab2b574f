"""The benchmark of logins finds its way through the product's pages."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_every_journey_of_the_benchmark_ends_logged_in():
    few = ["--only", "product", "yardstick", "--rounds", "1", "--times", "1"]
    printed = subprocess.check_output(
        [sys.executable, "-m", "bench.logins", *few, "--json"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},  # the settings of the tests are not the benchmark's
        text=True,
    )
    found = json.loads(printed)
    assert list(found) == ["login", "login_again", "enrollment", "bare"]
    assert all(journey["product"]["queries"] for journey in found.values())
