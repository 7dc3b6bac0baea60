"""Tables are never written to disk by the library that holds them: it would write them in clear."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LARGE_SORT = """
import os, threading, time
import numpy as np
import polars as pl
seen = set()
def watch():
    while True:
        seen.update(file for _, _, files in os.walk(FOLDER) for file in files if file.endswith(".ipc"))
        time.sleep(0.001)
threading.Thread(target=watch, daemon=True).start()
numbers = np.random.default_rng(1).integers(0, 1 << 60, 3_000_000)
frame = pl.DataFrame({"a": numbers}).with_columns(b=pl.col("a").cast(pl.String))
frame.lazy().sort("b").group_by("b").agg(pl.col("a").sum()).sort("a").collect(engine="streaming")
print("written" if seen else "nothing")
"""


@pytest.mark.parametrize(
    ("first", "outcome"),
    [("import gateway", "nothing"), pytest.param("pass", "written", marks=pytest.mark.nightly)],
)
def test_a_table_larger_than_memory_is_not_spilled(tmp_path: Path, first: str, outcome: str) -> None:
    code = f"{first}\nFOLDER = {str(tmp_path)!r}\n{LARGE_SORT}"
    short = {"POLARS_OVERRIDE_TOTAL_MEMORY_MB": "64", "POLARS_OOC_SPILL_DIR": str(tmp_path)}
    bare = {name: value for name, value in os.environ.items() if not name.startswith("POLARS_")}
    run = subprocess.run(
        [sys.executable, "-c", code], env=bare | short, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == outcome
