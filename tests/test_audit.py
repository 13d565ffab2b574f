"""The audit of released packages tells a vulnerability from a source that cannot be reached."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Stands in for pip-audit: writes what it is told to, says what it is told to, and ends as it is told to.
IMPOSTOR = """
import pathlib, sys
report, complaint, code, *arguments = sys.argv[1:]
output = next(a.partition("=")[2] for a in arguments if a.startswith("--output="))
if report:
    pathlib.Path(output).write_text(report)
print(complaint, file=sys.stderr)
sys.exit(int(code))
"""
SOUND: dict[str, Any] = {"name": "django", "version": "5.2.1", "vulns": []}
FLAWED: dict[str, Any] = {
    "name": "pillow",
    "version": "1.0",
    "vulns": [{"id": "CVE-1", "fix_versions": ["1.1"]}],
}
UNKNOWN: dict[str, Any] = {"name": "gunicorn", "skip_reason": "Dependency not found on PyPI: gunicorn"}


def audit(*packages: dict[str, Any], complaint: str = "", code: int = 0) -> tuple[int, str]:
    """Run the audit over what pip-audit would report; no packages means that it wrote no report."""
    report = json.dumps({"dependencies": packages}) if packages else ""
    ran = subprocess.run(
        [
            sys.executable,
            ".ci/audit.py",
            "list.txt",
            sys.executable,
            "-c",
            IMPOSTOR,
            report,
            complaint,
            str(code),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout


def test_nothing_known_passes():
    assert audit(SOUND) == (0, "No known vulnerability in 1 packages.\n")


@pytest.mark.parametrize("others", [[SOUND], [UNKNOWN]])
def test_a_vulnerability_fails_and_is_named(others):
    code, said = audit(FLAWED, *others, code=1)
    assert code == 1
    assert "pillow 1.0: CVE-1, mended in ['1.1']" in said


@pytest.mark.parametrize(
    "complaint",
    [
        "requests.exceptions.ConnectionError: Failed to resolve 'vulnerabilities.example.com'",
        "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed",
        "requests.exceptions.HTTPError: 503 Server Error: Service Unavailable",
    ],
)
def test_a_source_out_of_reach_is_skipped_with_a_message(complaint):
    code, said = audit(complaint=complaint, code=1)
    assert code == 0
    assert said.startswith("SKIPPED: the list of vulnerabilities cannot be reached")


def test_a_source_that_knows_no_package_at_all_is_no_verdict():
    code, said = audit(UNKNOWN, {**UNKNOWN, "name": "django"})
    assert code == 0
    assert said.startswith("SKIPPED")


def test_a_single_package_that_was_not_looked_up_fails():
    code, said = audit(SOUND, UNKNOWN)
    assert code == 1
    assert "gunicorn" in said


def test_a_failure_of_its_own_is_not_taken_for_an_unreachable_source():
    code, said = audit(complaint="invalid requirements input", code=1)
    assert code == 1
    assert "invalid requirements input" in said
