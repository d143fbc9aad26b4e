"""What people get of a benchmark: one page, one table as CSV, one as LaTeX per data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from timbrespace.evaluation.benchmark.report import write_report
from timbrespace.evaluation.benchmark.results import Results
from timbrespace.evaluation.benchmark.tables import write_tables

REPORT = "report.html"


def publish(out: str | Path) -> dict[str, Any]:
    """Write report and tables of a benchmark's folder, finished or not, and say where they are."""
    folder = Path(out)
    results = Results.read(folder)
    tables = [str(path) for path in write_tables(results)]
    write_report(folder, folder / REPORT)
    return {
        "report": str(folder / REPORT),
        "tables": tables,
        "finished": len(results.finished),
        "failed": dict(results.failed),
    }
