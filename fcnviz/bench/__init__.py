"""Timings side by side in one process: medians after a warm-up, the tasks of a group taking turns.

Every ratio compares with the first row of its group. `python -m fcnviz bench` prints the rows, `--record`
keeps them for the app's Evaluate page.
"""

from fcnviz.bench.cases import bench
from fcnviz.bench.report import as_text, linearity, medians, record, recorded
from fcnviz.bench.timing import Row

__all__ = ["Row", "as_text", "bench", "linearity", "medians", "record", "recorded"]
