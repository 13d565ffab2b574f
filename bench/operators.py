"""How long does the operators list take beside Django's admin over the same rows? Prints Markdown tables.

`DATABASE_URL` names the database; without it, SQLite in .bench/. It is filled once and kept: it has to be for
nothing else.
"""

import argparse
import logging
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".bench"
FOLDER.mkdir(exist_ok=True)
os.environ.setdefault("DATABASE_URL", f"sqlite:///{FOLDER / 'operators.sqlite3'}")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")

import django  # noqa: E402  the variables must be there first

django.setup()
logging.disable(logging.CRITICAL)

from bench import measure  # noqa: E402  it needs the settings

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=100_000, help="operators in the account")
    parser.add_argument("--rounds", type=int, default=9, help="how often each page is asked for")
    options = parser.parse_args()
    measure.run(options.size, options.rounds)
