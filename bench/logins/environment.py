"""What the measurements run in: an environment with the peers, and a fresh database for each candidate."""

import os
import subprocess
import sys
import venv
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".bench" / "logins"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def peers_python() -> str:
    """Return the Python that has the peers; they are installed where that has not been done yet."""
    folder = FOLDER / "venv"
    python, stamp = folder / "bin" / "python", folder / "made-of.txt"
    made_of = f"{sys.version}\n{REQUIREMENTS.read_text()}"
    if not stamp.exists() or stamp.read_text() != made_of:
        print("Installing the peers ...", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "--no-deps", "--require-hashes", "-r", REQUIREMENTS], check=True)
        subprocess.run([*pip, "check"], check=True)
        stamp.write_text(made_of)
    return str(python)


def fresh_database(candidate: str) -> str:
    """Return the address of an empty database: on SQLite in .bench/, or beside the one of DATABASE_URL."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        file = FOLDER / f"{candidate}.sqlite3"
        for each in FOLDER.glob(f"{file.name}*"):
            each.unlink()
        return f"sqlite:///{file}"
    parts = urlsplit(url)
    name = f"{parts.path.removeprefix('/')}_{candidate}"
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in ("DROP DATABASE IF EXISTS {}", "CREATE DATABASE {}"):
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
    return parts._replace(path=f"/{name}").geturl()
