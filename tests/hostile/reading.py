"""How a file is answered: typed as on its arrival, then read with no more time and memory than the bounds allow."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from gateway.app import COLD_TASKS, SANDBOX_TASKS, kinds_of
from gateway.base.problems import Problem
from gateway.base.units import GIB
from gateway.detect.text import classes_of
from gateway.formats.document import DocumentFormat
from gateway.formats.document_docx import DocumentDocx
from gateway.formats.model import Pages
from gateway.formats.picture import PictureFormat
from gateway.formats.ports import Format
from gateway.formats.structured import StructuredFormat
from gateway.formats.table_csv import TableCsv
from gateway.formats.table_workbook import TableWorkbook
from gateway.intake import rules
from gateway.intake.service import KindIntake
from gateway.policy.load import load_library
from gateway.sandbox.budget import Budgeted
from gateway.sandbox.ports import Limits
from gateway.sandbox.process import ProcessSandbox
from gateway.settings import Settings
from tests.hostile.files import FILES

CPU_S: Final = 10
BOUNDS: Final = Limits(memory_bytes=GIB, cpu_s=CPU_S, wall_s=200)


@cache
def kinds(cpu_s: int) -> Mapping[str, KindIntake]:
    """What may arrive, with no more for a parse than the bounds."""
    limits = replace(BOUNDS, cpu_s=cpu_s)
    formats: tuple[Format, ...] = (
        PictureFormat(limits),
        DocumentFormat(classes_of, limits),
        DocumentDocx(classes_of, limits),
        TableWorkbook(classes_of, limits),
        TableCsv(classes_of, limits),
        StructuredFormat(classes_of, limits),
    )
    return kinds_of(load_library(), formats, Settings(Path()))


def answer_to(untrusted: bytes, kind: str, sandbox: ProcessSandbox, cpu_s: int = CPU_S) -> str:
    """What is said to the file: the sentence that refuses it, or nothing."""
    intake, budgeted = kinds(cpu_s)[kind], Budgeted(sandbox, cpu_s=CPU_S, wall_s=BOUNDS.wall_s)
    try:
        media_type = intake.type_of(untrusted[: rules.HEAD_BYTES], kind)
        form = next(one for one in intake.formats if media_type in one.media_types)
        content = form.read(untrusted, media_type, budgeted)
        form.survey(content)
        if isinstance(content, Pages):
            for number in range(1, len(content.pages) + 1):
                content.raster(number)
    except Problem as problem:
        return problem.detail
    return ""


def main(names: list[str]) -> None:
    """Whether each of the files of these names is answered as it should be, line by line."""
    with closing(ProcessSandbox(SANDBOX_TASKS, cold=COLD_TASKS)) as walls:
        for name in names:
            told = answer_to(FILES[name].make(), FILES[name].kind, walls)
            sys.stdout.write(f"{FILES[name].answer in told}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
