"""
Combine the coverage of both databases' runs and hold it against the house's limits.

Pure packages must be covered completely, branches included; everything else to LIMIT percent.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from pathlib import Path

from coverage import Coverage

PURE = ("kernel", "sts", "tariff", "cards")
LIMIT = 90.0


def main() -> int:
    combined = Coverage(data_file=".coverage")
    combined.combine([path for path in (".coverage.sqlite", ".coverage.postgresql") if Path(path).exists()], keep=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        combined.json_report(outfile=str(report))
        files = json.loads(report.read_text(encoding="utf-8"))["files"]
    problems, covered, total = [], 0, 0
    for name, file in sorted(files.items()):
        summary = file["summary"]
        if Path(name).parts[2:3] and Path(name).parts[2] in PURE:
            if summary["percent_covered"] < 100:
                missing = file["missing_lines"] or file["missing_branches"]
                problems.append(f"{name}: {summary['percent_covered']:.1f} %, missing {missing}")
            continue
        covered += summary["covered_lines"] + summary.get("covered_branches", 0)
        total += summary["num_statements"] + summary.get("num_branches", 0)
    rest = 100 * covered / total if total else 100.0
    print(f"Coverage: pure packages {'complete' if not problems else 'NOT complete'}, the rest {rest:.1f} %.")
    if rest < LIMIT:
        problems.append(f"the rest is covered to {rest:.1f} %, less than {LIMIT:.0f} %")
        combined.report(file=(listing := io.StringIO()), skip_covered=True, sort="miss")
        print("\n".join(listing.getvalue().splitlines()[:25]))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
