"""What every format keeps: a new format inherits `FormatContract` and gives it a specimen."""

from __future__ import annotations

import abc
import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from gateway.base.problems import Problem, Refused, TooLarge, Unprocessable
from gateway.formats.document import PARSE_TASK as DOCUMENT_TASK
from gateway.formats.document import DocumentFormat
from gateway.formats.document_docx import PARSE_TASK as WORD_TASK
from gateway.formats.document_docx import DocumentDocx
from gateway.formats.document_eml import PARSE_TASK as MAIL_TASK
from gateway.formats.document_eml import DocumentEml
from gateway.formats.drawing import PARSE_TASKS as DRAWING_TASKS
from gateway.formats.drawing import DrawingFormat
from gateway.formats.model import (
    Box,
    Case,
    Content,
    DocumentOutput,
    Element,
    Instruction,
    Mark,
    Op,
    Pages,
    Plan,
    Rebuilt,
    Transform,
)
from gateway.formats.picture import PARSE_TASK as PICTURE_TASK
from gateway.formats.picture import PictureFormat
from gateway.formats.ports import Format
from gateway.formats.structured import PARSE_TASKS as TEXT_TASKS
from gateway.formats.structured import StructuredFormat
from gateway.formats.table_csv import PARSE_TASK as TABLE_TASK
from gateway.formats.table_csv import TableCsv
from gateway.formats.table_workbook import PARSE_TASKS, TableWorkbook
from gateway.formats.typed_reader import DRAW_TASK
from gateway.formats.video import PARSE_TASKS as VIDEO_TASKS
from gateway.formats.video import VideoFormat
from gateway.sandbox.process import ProcessSandbox
from tests.support import documents, drawings, videos, word, workbooks

ROOT = Path(__file__).resolve().parents[2]
MARK = Mark("赣州千里磁材有限公司", "rel_01jabcdefghjkmnpqrstvwxyz0", "2026-01-31")
SECRET = bytes(range(32))
ALLOW = (Case((), Transform(Op.ALLOW, {}), 9, "REQ", "asked"),)
WITHHELD = "Kowalski-48211"
TASKS = (
    PICTURE_TASK,
    DOCUMENT_TASK,
    WORD_TASK,
    MAIL_TASK,
    DRAW_TASK,
    TABLE_TASK,
    *PARSE_TASKS.values(),
    *TEXT_TASKS.values(),
    *VIDEO_TASKS,
    *DRAWING_TASKS.values(),
)
CONTENTS: dict[type, Content] = {}
SHEETS: dict[tuple[type, Mark], Rebuilt] = {}


@pytest.fixture(scope="module")
def sandbox() -> ProcessSandbox:
    return ProcessSandbox(TASKS)


@cache
def elsewhere(nightly: bool) -> dict[str, str]:
    """The digests of all contracts' renditions, made in one process with another hash seed, folder and zone."""
    code = (
        "import sys, importlib.util as u;"
        "s = u.spec_from_file_location('contract', sys.argv[1]); m = u.module_from_spec(s);"
        "sys.modules['contract'] = m; s.loader.exec_module(m); print(m.digests(sys.argv[2] == 'True'))"
    )
    command = [sys.executable, "-c", code, __file__, str(nightly)]
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": str(ROOT), "TZ": "Asia/Shanghai"}
    there = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd="/")
    found: dict[str, str] = json.loads(there.stdout)
    return found


def digests(nightly: bool) -> str:
    """SHA-256 of what every contract of the night, or of the day, rebuilds here, as JSON."""
    contracts, open_ones = [], [FormatContract]
    while open_ones:
        below = open_ones.pop().__subclasses__()
        open_ones += below
        contracts += [one for one in below if one.__name__.startswith("Test") and one.nightly is nightly]
    sandbox = ProcessSandbox(TASKS)
    made = {one.__name__: hashlib.sha256(one().rebuild(sandbox).data).hexdigest() for one in contracts}
    sandbox.close()
    return json.dumps(made)


def shake(seed: bytes, size: int) -> bytes:
    """Bytes that look random and are the same in every run."""
    return hashlib.shake_256(seed).digest(size)


class FormatContract(abc.ABC):
    """Inherited per format. The specimen holds `WITHHELD` where the plan does not let it out."""

    @abc.abstractmethod
    def format(self) -> Format: ...

    @abc.abstractmethod
    def specimen(self) -> bytes: ...

    @abc.abstractmethod
    def plan(self) -> Plan: ...

    sheet: str | None = None
    nightly = False
    strangers: tuple[bytes, ...] = (
        b"",
        b"\0" * 64,
        b"%PDF-1.7\n",
        b"PK\x03\x04" + bytes(60),
        b"\x1a\x45\xdf\xa3" + bytes(60),
    )

    def cut(self) -> int:
        """Where a truncated specimen ends."""
        return len(self.specimen()) // 2

    def content(self, sandbox: ProcessSandbox) -> Content:
        if type(self) not in CONTENTS:
            CONTENTS[type(self)] = self.format().read(self.specimen(), self.media_type(), sandbox)
        return CONTENTS[type(self)]

    def media_type(self) -> str:
        media_type = self.format().sniff(self.specimen()[:4096])
        assert media_type is not None
        return media_type

    def rebuild(self, sandbox: ProcessSandbox, mark: Mark = MARK, secret: bytes = SECRET) -> Rebuilt:
        return self.format().rebuild(self.content(sandbox), self.plan(), mark, secret)

    def test_the_specimen_is_known_by_its_bytes_and_other_bytes_are_not(self) -> None:
        assert self.media_type() in self.format().media_types
        for other in self.strangers:
            assert self.format().sniff(other) is None

    def test_the_survey_names_every_field_once_and_in_the_same_order(self, sandbox: ProcessSandbox) -> None:
        content = self.content(sandbox)
        fields = self.format().survey(content)
        assert fields == self.format().survey(content)
        assert len({field.id for field in fields}) == len(fields) > 0
        for field in fields:
            assert isinstance(self.format().values(content, field), tuple)

    def test_the_specimen_holds_what_must_not_leave(self, sandbox: ProcessSandbox) -> None:
        content = self.content(sandbox)
        values = [v for field in self.format().survey(content) for v in self.format().values(content, field)]
        assert any(WITHHELD in value for value in values)

    def test_an_empty_plan_lets_nothing_leave(self, sandbox: ProcessSandbox) -> None:
        with pytest.raises(Refused, match=r"lets no column|No work area|No page|No layer") as caught:
            self.format().rebuild(self.content(sandbox), Plan(()), MARK, SECRET)
        assert caught.value.slug == "nothing-named"

    def test_what_is_not_named_is_not_there(self, sandbox: ProcessSandbox) -> None:
        rebuilt = self.rebuild(sandbox)
        assert WITHHELD.encode() not in rebuilt.data
        assert sum(rebuilt.redactions.values()) > 0

    def test_the_rendition_is_of_a_kind_the_format_knows(self, sandbox: ProcessSandbox) -> None:
        rebuilt = self.rebuild(sandbox)
        assert rebuilt.media_type in self.format().extensions
        assert rebuilt.media_type == self.leaves_as() == self.leaving().sniff(rebuilt.data[:4096])
        self.leaving().read(rebuilt.data, rebuilt.media_type, sandbox, {"sheet": self.sheet} if self.sheet else {})

    def leaves_as(self) -> str:
        return self.media_type()

    def leaving(self) -> Format:
        """The format that knows a rendition by its bytes."""
        return self.format()

    def test_the_same_in_gives_the_same_out_in_another_process(self, sandbox: ProcessSandbox) -> None:
        here = hashlib.sha256(self.rebuild(sandbox).data).hexdigest()
        assert elsewhere(self.nightly)[type(self).__name__] == here

    def test_every_recipient_and_release_gets_other_bytes(self, sandbox: ProcessSandbox) -> None:
        marks = (
            MARK,
            replace(MARK, recipient="省商务厅"),
            replace(MARK, release_id="rel_x"),
            replace(MARK, rehearsal=True),
        )
        assert len({self.rebuild(sandbox, mark=mark).data for mark in marks}) == len(marks)

    def test_damaged_bytes_get_one_sentence_without_content(self, sandbox: ProcessSandbox) -> None:
        for damaged in self.damaged():
            with pytest.raises((Unprocessable, TooLarge)) as caught:
                self.format().read(damaged, self.media_type(), sandbox)
            self.check_sentence(caught.value)

    def damaged(self) -> Iterator[bytes]:
        specimen = self.specimen()
        yield b""
        yield specimen[: self.cut()]
        yield b"\0" * 512
        yield shake(b"damaged", 4096)
        yield specimen[:40] + shake(b"tail", 2048)

    def check_sentence(self, problem: Problem) -> None:
        assert problem.detail.endswith(".")
        assert problem.detail.count(". ") == 0
        assert WITHHELD not in repr(vars(problem))


class TableContract(FormatContract):
    ROWS = (
        ("Menge", "Kunde", "Kontakt"),
        *((str(number), f"Customer {number}", f"{WITHHELD}@{number}.example") for number in range(100, 140)),
        ("7", "Customer 7", "end"),
    )

    def plan(self) -> Plan:
        pseudonym = Case((), Transform(Op.PSEUDONYMISE, {"scope": "release", "prefix": "P"}), 7, "TS", "identity")
        return Plan(
            (
                Instruction("column/1", "qty", Element.COLUMN, "Quantity", "integer", ALLOW),
                Instruction("column/2", "customer.name", Element.COLUMN, "Customer", "text", (pseudonym,)),
            )
        )

    def test_another_secret_gives_other_pseudonyms(self, sandbox: ProcessSandbox) -> None:
        assert self.rebuild(sandbox).data != self.rebuild(sandbox, secret=bytes(32)).data


class TestTableCsv(TableContract):
    def format(self) -> Format:
        return TableCsv(lambda _values: frozenset())

    def specimen(self) -> bytes:
        return "\r\n".join(",".join(f'"{cell}"' for cell in row) for row in self.ROWS).encode()

    def cut(self) -> int:
        return self.specimen().rindex(b'"')

    def test_no_run_of_the_original_survives(self, sandbox: ProcessSandbox) -> None:
        original, rebuilt = self.specimen(), self.rebuild(sandbox).data
        assert not [at for at in range(len(original) - 16) if original[at : at + 16] in rebuilt]


class StructuredContract(TableContract):
    def format(self) -> Format:
        return StructuredFormat(lambda _values: frozenset())

    def damaged(self) -> Iterator[bytes]:
        yield from super().damaged()
        yield self.specimen() + self.specimen()


class TestJson(StructuredContract):
    def specimen(self) -> bytes:
        parts = [dict(zip(self.ROWS[0], row, strict=True)) for row in self.ROWS[1:]]
        return json.dumps({"Auftrag": {"Teile": parts}}).encode()


class TestXml(StructuredContract):
    def specimen(self) -> bytes:
        rows = "".join(
            f"<Teil><Menge>{row[0]}</Menge><Kunde>{row[1]}</Kunde><Kontakt>{row[2]}</Kontakt></Teil>"
            for row in self.ROWS[1:]
        )
        return f"<?xml version='1.0'?><!-- {WITHHELD} --><Auftrag><Teile>{rows}</Teile></Auftrag>".encode()


class TestText(StructuredContract):
    def specimen(self) -> bytes:
        head = self.ROWS[0]
        lines = [f"{label}: {value}" for row in self.ROWS[1:] for label, value in zip(head, row, strict=True)]
        return "\n".join((*lines, f"Nur intern {WITHHELD}")).encode()

    def damaged(self) -> Iterator[bytes]:
        yield b""
        yield b"\0" * 512
        yield shake(b"damaged", 4096)
        yield self.specimen()[:40] + shake(b"tail", 2048)


class WorkbookContract(TableContract):
    sheet = "Table"

    def format(self) -> Format:
        return TableWorkbook(lambda _values: frozenset())

    def leaves_as(self) -> str:
        return workbooks.XLSX


class TestXlsx(WorkbookContract):
    def specimen(self) -> bytes:
        return workbooks.xlsx(self.ROWS)


class TestOds(WorkbookContract):
    def specimen(self) -> bytes:
        return workbooks.ods(self.ROWS)


class TestVideo(FormatContract):
    def format(self) -> Format:
        return VideoFormat()

    def specimen(self) -> bytes:
        return videos.video(frames=10, tags={"title": WITHHELD})

    def cut(self) -> int:
        return 2_000

    def plan(self) -> Plan:
        crop = (Case((), Transform(Op.CROP, {}), 9, "REQ", "asked"),)
        box = (Case((), Transform(Op.BOX, {}), 1, "TS", "hidden"),)
        return Plan(
            (
                Instruction("region/1", "work_area", Element.REGION, "", "text", crop, Box(0, 0, 640, 480)),
                Instruction("region/2", "other", Element.REGION, "", "text", box, Box(40, 240, 120, 40)),
            )
        )


class PictureContract(FormatContract):
    kind: str

    def format(self) -> Format:
        return PictureFormat()

    def specimen(self) -> bytes:
        ground = Image.linear_gradient("L").resize((640, 480))
        picture = Image.merge("RGB", (ground, ground.transpose(Image.Transpose.ROTATE_180), ground))
        exif = Image.Exif()
        exif[0x010E] = WITHHELD
        out = io.BytesIO()
        picture.save(out, self.kind, exif=exif, quality=95)
        return out.getvalue()

    def plan(self) -> Plan:
        crop = (Case((), Transform(Op.CROP, {}), 9, "REQ", "work-area"),)
        box = (Case((), Transform(Op.BOX, {}), 1, "PD-MIN", "faces"),)
        return Plan(
            (
                Instruction("region/1", "work_area", Element.REGION, "Area", "text", crop, Box(20, 10, 600, 400)),
                Instruction("region/2", "face", Element.REGION, "Face", "text", box, Box(30, 20, 50, 60)),
            )
        )


class TestJpeg(PictureContract):
    kind = "JPEG"


class TestPng(PictureContract):
    kind = "PNG"


class LossyContract(PictureContract):
    def leaves_as(self) -> str:
        return "image/jpeg"


class TestWebp(LossyContract):
    kind = "WEBP"


class TestAvif(LossyContract):
    kind = "AVIF"


class TestHeic(LossyContract):
    def specimen(self) -> bytes:
        return (ROOT / "tests/vectors/picture/plain.heic").read_bytes()


class LosslessContract(PictureContract):
    def leaves_as(self) -> str:
        return "image/png"


class TestTiff(LosslessContract):
    kind = "TIFF"


class TestGif(LosslessContract):
    kind = "GIF"

    def specimen(self) -> bytes:
        return super().specimen() + WITHHELD.encode()


class TestBmp(LosslessContract):
    kind = "BMP"

    def specimen(self) -> bytes:
        return super().specimen() + WITHHELD.encode()


class TestPdf(FormatContract):
    strangers = (b"", b"\0" * 64, b"GIF89a\n%PDF-1.7\n", b"\n%PDF-1.7\n", b"PK\x03\x04" + bytes(60))
    LINES = ("Supply agreement", f"Contact: {WITHHELD}", "End use: motors")

    def format(self) -> Format:
        return DocumentFormat(lambda _values: frozenset())

    def specimen(self) -> bytes:
        return documents.document(self.LINES, ["Annex", WITHHELD], info={"Author": WITHHELD})

    def cut(self) -> int:
        """Before anything that a reader could mend the document from."""
        return 200

    def plan(self) -> Plan:
        box = (Case((), Transform(Op.BOX, {}), 1, "PD-MIN", "people"),)
        place = Box(190, 250, 900, 60)
        return Plan(
            (
                Instruction("page/1", "", Element.PAGE, "Page 1", "text", ALLOW, page=1),
                Instruction("text/1/1", "", Element.TEXT, "Text", "text", ALLOW, Box(190, 190, 400, 60), page=1),
                Instruction("text/1/2", "", Element.TEXT, "Text", "text", box, place, page=1),
                Instruction("text/1/3", "", Element.TEXT, "Text", "text", ALLOW, Box(190, 320, 400, 60), page=1),
            )
        )

    def test_only_what_the_plan_allows_can_be_read_in_the_rendition(self, sandbox: ProcessSandbox) -> None:
        rebuilt = self.rebuild(sandbox)
        again = self.format().read(rebuilt.data, "application/pdf", sandbox)
        assert isinstance(again, Pages)
        assert len(again.pages) == 1
        said = " ".join(again.parts.values())
        assert "Supply agreement" in said
        assert "End use: motors" in said
        assert "Kowalski" not in said
        assert "Annex" not in said
        assert not again.pages[0].words, "the text lies over the pixels and is itself not seen"


class DrawingContract(FormatContract):
    strangers = (
        b"",
        b"\0" * 64,
        b"%PDF-1.7\n",
        b"AC1032\0\0\0",
        b"<html><svg></svg></html>",
        b"PK\x03\x04" + bytes(60),
    )

    def format(self) -> Format:
        return DrawingFormat(lambda _values: frozenset())

    def leaving(self) -> Format:
        return DocumentFormat(lambda _values: frozenset())

    def leaves_as(self) -> str:
        return "application/pdf"

    def plan(self) -> Plan:
        box = (Case((), Transform(Op.BOX, {}), 1, "TS", "know-how"),)
        layers = [Instruction(f"layer/{one}", "", Element.LAYER, "Layer", "text", ALLOW) for one in self.allowed]
        region = Instruction("region/1", "know_how", Element.REGION, "Area", "text", box, Box(700, 600, 300, 300))
        return Plan((*layers, Instruction("text/1", "", Element.TEXT, "Text", "text", ALLOW), region))

    allowed: tuple[int, ...] = ()

    def rebuild(self, sandbox: ProcessSandbox, mark: Mark = MARK, secret: bytes = SECRET) -> Rebuilt:
        if (type(self), mark) not in SHEETS:
            SHEETS[type(self), mark] = super().rebuild(sandbox, mark, secret)
        return SHEETS[type(self), mark]

    def test_only_what_the_plan_allows_can_be_read_in_the_rendition(self, sandbox: ProcessSandbox) -> None:
        again = self.leaving().read(self.rebuild(sandbox).data, "application/pdf", sandbox)
        assert isinstance(again, Pages)
        said = " ".join(again.parts.values())
        assert drawings.SHOWN in said
        assert "Kowalski" not in said


class TestDxf(DrawingContract):
    allowed = (3, 4)

    def specimen(self) -> bytes:
        document = drawings.outlined()
        drawings.text(document.modelspace(), f"Drawn by {WITHHELD}", (5, 50), "OUTLINE")
        document.header["$PROJECTNAME"] = WITHHELD
        return drawings.dxf(document)


class TestSvg(DrawingContract):
    nightly = True

    allowed = (1, 2)

    def specimen(self) -> bytes:
        return drawings.svg(
            f'<g id="MAGNET"><circle cx="90" cy="80" r="40"/><text x="150" y="80">{drawings.SHOWN}</text></g>'
            f'<g id="TITLE"><text x="150" y="120">{WITHHELD}</text></g><!-- {WITHHELD} -->'
        )

    @pytest.mark.nightly
    def test_the_same_in_gives_the_same_out_in_another_process(self, sandbox: ProcessSandbox) -> None:
        super().test_the_same_in_gives_the_same_out_in_another_process(sandbox)

    @pytest.mark.nightly
    def test_every_recipient_and_release_gets_other_bytes(self, sandbox: ProcessSandbox) -> None:
        super().test_every_recipient_and_release_gets_other_bytes(sandbox)


class TestWord(FormatContract):
    def format(self) -> Format:
        return DocumentDocx(lambda _values: frozenset())

    def specimen(self) -> bytes:
        return word.docx(
            word.p("Supply agreement", style="T"),
            word.p(f"Contact: {WITHHELD}"),
            word.table(("Item", "Price"), ("Magnet", WITHHELD)),
            word.p("Annex", properties="<w:pageBreakBefore/>"),
            word.p(WITHHELD),
        )

    def leaves_as(self) -> str:
        return "application/pdf"

    def plan(self) -> Plan:
        box = (Case((), Transform(Op.BOX, {}), 1, "PD-MIN", "people"),)
        fields = self.format().survey(self.content(ProcessSandbox(TASKS)))
        return Plan(
            tuple(
                Instruction(
                    one.id, "", one.element, "t", "text", box if WITHHELD in one.label else ALLOW, one.box, one.page
                )
                for one in fields
                if one.page == 1
            )
        )

    def test_the_rendition_is_of_a_kind_the_format_knows(self, sandbox: ProcessSandbox) -> None:
        rebuilt = self.rebuild(sandbox)
        assert rebuilt.media_type == self.leaves_as()
        assert rebuilt.media_type in self.format().extensions
        again = DocumentFormat(lambda _values: frozenset()).read(rebuilt.data, rebuilt.media_type, sandbox)
        said = " ".join(again.parts.values())
        assert "Supply agreement" in said
        assert "Magnet" in said
        assert "Kowalski" not in said
        assert "Annex" not in said


class TestMail(TestWord):
    def format(self) -> Format:
        return DocumentEml(lambda _values: frozenset())

    def specimen(self) -> bytes:
        text = "\n\n".join(("Supply agreement", f"Contact: {WITHHELD}", "Magnet"))
        return f"From: {WITHHELD}@example.com\nSubject: End use\nX-Mailer: {WITHHELD}\n\n{text}\n".encode()

    def cut(self) -> int:
        """Within the first field: what follows the fields is text, however short."""
        return 3


class TestWordAsWord(TestWord):
    def leaves_as(self) -> str:
        return word.DOCX

    def plan(self) -> Plan:
        return replace(super().plan(), document=DocumentOutput.AS_ORIGINAL)

    def test_the_rendition_is_of_a_kind_the_format_knows(self, sandbox: ProcessSandbox) -> None:
        rebuilt = self.rebuild(sandbox)
        assert rebuilt.media_type == self.leaves_as() == self.format().sniff(rebuilt.data[:4096])
        again = self.format().read(rebuilt.data, rebuilt.media_type, sandbox)
        said = " ".join(field.label for field in self.format().survey(again))
        assert "Supply agreement" in said
        assert "[withheld: PD-MIN]" in said
        assert "Kowalski" not in said
        assert "Annex" not in said
