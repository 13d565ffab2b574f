"""Does a package that the product runs on have a known vulnerability? Asks pip-audit, and tells apart:

none known (0), one found (1), not every package looked up (1), pip-audit failed by itself (1), and its
source could not be reached, which is no verdict at all (0, with a message).

    python .ci/audit.py requirements/base.txt
    python .ci/audit.py requirements/base.txt some-other-command     (in place of pip-audit, for the tests)
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PIP_AUDIT = [sys.executable, "-m", "pip_audit"]
# The list is complete and pinned by hashes: nothing is resolved, and no pip is asked.
OPTIONS = ["--disable-pip", "--no-deps", "--progress-spinner=off", "--format=json"]
UNREACHABLE = re.compile(
    r"ConnectionError|ConnectTimeout|ReadTimeout|Could not connect|not redirecting properly"
    r"|network may be blocking|HTTPError: 5\d\d"
)


def main(requirements: str, command: list[str]) -> int:
    """Run the audit, print what came out in one or a few lines, and return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        ran = subprocess.run(
            [*command, *OPTIONS, f"--output={report}", f"--requirement={requirements}"],
            capture_output=True,
            text=True,
            check=False,
        )
        lines, code = verdict(report.read_text() if report.exists() else "", ran.returncode, ran.stderr)
    print(*lines, sep="\n")
    return code


def verdict(report: str, returncode: int, complaints: str) -> tuple[list[str], int]:
    """Return what to say, and the exit code."""
    if not report:
        if returncode and UNREACHABLE.search(complaints):
            return skipped(complaints.strip().rpartition("\n")[2]), 0
        return ["pip-audit failed:", complaints], 1
    packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    found = [
        f"{package['name']} {package['version']}: {flaw['id']}, mended in {flaw['fix_versions']}"
        for package in packages
        for flaw in package.get("vulns", [])
    ]
    if found:
        return ["Known vulnerabilities:", *found], 1
    # pip-audit calls it a success when its source knows none of the packages, as a mirror without the
    # vulnerability feed does.
    unknown = [package["skip_reason"] for package in packages if "skip_reason" in package]
    if packages and len(unknown) == len(packages):
        return skipped("it knows none of the packages"), 0
    if unknown or returncode or not packages:
        return ["Not every package could be looked up:", *unknown, complaints], 1
    return [f"No known vulnerability in {len(packages)} packages."], 0


def skipped(why: str) -> list[str]:
    """Return the sentence for a source that gave no verdict."""
    return [f"SKIPPED: the list of vulnerabilities cannot be reached, so nothing was audited ({why})."]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:] or PIP_AUDIT))
