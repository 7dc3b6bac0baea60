"""Tables: strictly read in the sandbox, checked again, rebuilt from the plan alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import pytest

from gateway.base.canon import Json
from gateway.base.problems import Problem
from gateway.formats import parse_csv
from gateway.formats.cells import PROBED_BYTES, packed
from gateway.formats.model import Case, Element, Instruction, Mark, Op, Plan, Table, Transform
from gateway.formats.problems import NothingNamed, PlanUnfit, TableRefused, TableTooLarge
from gateway.formats.table_csv import PARSE_TASK, TableCsv
from gateway.sandbox.ports import Layer, Limits, Reply
from gateway.sandbox.process import ProcessSandbox

MARK = Mark("赣州千里磁材有限公司", "rel_01jabcdefghjkmnpqrstvwxyz0", "2026-01-31")
SECRET = bytes(range(32))


def classify(values: Iterable[str]) -> frozenset[str]:
    return frozenset({"EMAIL"} if any("@" in value for value in values) else ())


@pytest.fixture(scope="module")
def sandbox() -> ProcessSandbox:
    return ProcessSandbox((PARSE_TASK,))


@pytest.fixture
def table_csv() -> TableCsv:
    return TableCsv(classify)


def allow(number: int, title: str) -> Instruction:
    case = Case((), Transform(Op.ALLOW, {}), 9, "REQ", "asked")
    return Instruction(f"column/{number}", title, Element.COLUMN, title, "text", (case,))


def columns_of(table: Table) -> list[list[str]]:
    return [cells.to_list() for cells in table.frame]


def rows_of(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


GOOD = 'Kunde;Menge;Kontakt\r\nMüller;1,5;a@b.de\r\n"Wei; ""Söhne""\r\nAG";2;\r\n'


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (GOOD.encode(), "utf-8"),
        (GOOD.encode("utf-8-sig"), "utf-8"),
        (GOOD.encode("utf-16"), "utf-16"),
        (b"\xfe\xff" + GOOD.encode("utf-16-be"), "utf-16"),
        (GOOD.encode("cp1252"), "cp1252"),
        (GOOD.replace("\r\n", "\n").encode() + b"\n\n\n", "utf-8"),
    ],
)
def test_a_german_table_in_every_encoding_it_comes_in(
    sandbox: ProcessSandbox, table_csv: TableCsv, data: bytes, encoding: str
) -> None:
    assert table_csv.sniff(data[:4096]) == "text/csv"
    table = table_csv.read(data, "text/csv", sandbox)
    assert (table.source, table.row_count) == ({"encoding": encoding, "delimiter": ";"}, 2)
    assert table.headers == ("Kunde", "Menge", "Kontakt")
    names, *others = columns_of(table)
    assert [name.replace("\r", "") for name in names] == ["Müller", 'Wei; "Söhne"\nAG']
    assert others == [["1,5", "2"], ["a@b.de", ""]]


def test_a_chinese_table_in_gb18030(sandbox: ProcessSandbox, table_csv: TableCsv) -> None:
    text = "客户,数量,国家\n赣州千里磁材有限公司,12,中国\n三环,5,德国\n"
    table = table_csv.read(text.encode("gb18030"), "text/csv", sandbox)
    assert table.source["encoding"] == "gb18030"
    assert columns_of(table)[0] == ["赣州千里磁材有限公司", "三环"]


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [("a,b\n1;2;3,x\n", ","), ("a;b\n1,5;2,5\n", ";"), ("a\tb\n1,5\t2;5\n", "\t"), ("a|b\n1,5|2\n", "|")],
)
def test_the_delimiter_is_the_one_that_divides_evenly(
    sandbox: ProcessSandbox, table_csv: TableCsv, text: str, delimiter: str
) -> None:
    assert table_csv.read(text.encode(), "text/csv", sandbox).source["delimiter"] == delimiter


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("utf-16-le", GOOD), ("utf-16-be", GOOD), ("big5", "客戶,數量\n臺灣,1\n"), ("shift_jis", "顧客,数量\n東京,1\n")],
)
def test_an_encoding_that_is_told_or_declared(
    sandbox: ProcessSandbox, table_csv: TableCsv, encoding: str, text: str
) -> None:
    declared = {} if encoding.startswith("utf-16") else {"encoding": encoding}
    table = table_csv.read(text.encode(encoding), "text/csv", sandbox, declared)
    assert table.source["encoding"] == encoding
    assert [*table.headers] == [cell.strip() for cell in text.splitlines()[0].replace(";", ",").split(",")]


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        ({"encoding": "big5"}, "not in the encoding that was declared"),
        ({"encoding": "utf-16"}, "not in the encoding that was declared"),
        ({"encoding": "utf-7"}, "not in the encoding that was declared"),
        ({"delimiter": "|"}, "delimiter that was declared"),
        ({"delimiter": "utf-8"}, "delimiter that was declared"),
        ({"sheet": "1"}, "does not have"),
    ],
)
def test_a_declaration_that_does_not_fit(
    sandbox: ProcessSandbox, table_csv: TableCsv, declared: dict[str, str], sentence: str
) -> None:
    with pytest.raises(TableRefused, match=sentence):
        table_csv.read(b"Kunde;Menge\nM\xc3\xbcller \xe2\x82\xac;1,5\n", "text/csv", sandbox, declared)


def test_a_declared_delimiter_decides(sandbox: ProcessSandbox, table_csv: TableCsv) -> None:
    data = b"a,b;c,d\n1,2;3,4\n"
    assert table_csv.read(data, "text/csv", sandbox).source["delimiter"] == ","
    assert table_csv.read(data, "text/csv", sandbox, {"delimiter": ";"}).headers == ("a,b", "c,d")


@pytest.mark.parametrize(
    ("data", "kind", "sentence"),
    [
        (b"", TableRefused, "The file is empty"),
        (b" \r\n \n", TableRefused, "The file is empty"),
        (b"a,b\n", TableRefused, "a header and no rows"),
        (b"a\nb\n", TableRefused, "No comma, semicolon, tab or vertical bar"),
        (b"a,b;c\n1,2;3\n", TableRefused, "No comma, semicolon, tab or vertical bar"),
        (b'a,b\n1,"2\n', TableRefused, "Row 2 has a quotation mark"),
        (b'"a,b\n1,2\n', TableRefused, "Row 1 has a quotation mark"),
        (b'a,b\n1,"2"3\n', TableRefused, "Row 2 has a quotation mark"),
        (b"a,b\n1,2\n1,2,3\n", TableRefused, "Row 3 has 3 cells where the header has 2"),
        (b"a,b\n1,2\n1\n", TableRefused, "Row 3 has 1 cells"),
        (b"a,b\n1,2\n\n3,4\n", TableRefused, "Row 3 is blank"),
        (b"a,b\n1,2\n3,\x004\n", TableRefused, "Row 3 has a control character"),
        (b"a,b\n1,\x1b[31m\n", TableRefused, "Row 2 has a control character"),
        (b"a,\x01b\n1,2\n", TableRefused, "Row 1 has a control character"),
        (b"a, \n1,2\n", TableRefused, "Column 2 has no header"),
        (b"Name,qty, NAME \n1,2,3\n", TableRefused, "The columns 1 and 3 have the same header"),
        (b"a,b\n" + b"x" * 32_769 + b",1\n", TableTooLarge, "Row 2 has a cell of more than 32768"),
        (b",".join(b"c%d" % n for n in range(1025)) + b"\n", TableTooLarge, "more than 1024 columns"),
        (b"," * 1_000_000 + b"\n", TableTooLarge, "more than 1024 columns"),
        ("a,b\nMüller,1\n".encode() + "Müller,2\n".encode("cp1252"), TableRefused, "encoding is mixed"),
        ("a,b\n客户,1\n".encode("gb18030") + "Müller,2\n".encode("cp1252"), TableRefused, "encoding is mixed"),
        (b"a,b\n\x81\x8d,1\n", TableRefused, "encoding is mixed"),
        (b"\xef\xbb\xbfa,b\n\xff,1\n", TableRefused, "says by its first bytes"),
        (b"\xff\xfea\x00,\x00b", TableRefused, "says by its first bytes"),
        ("a,b\nx,1\n".encode("utf-32"), TableRefused, "Row 1 has a control character"),
    ],
)  # fmt: skip
def test_what_is_refused_and_why(
    sandbox: ProcessSandbox, table_csv: TableCsv, data: bytes, kind: type[Problem], sentence: str
) -> None:
    with pytest.raises(kind) as caught:
        table_csv.read(data, "text/csv", sandbox)
    assert sentence in caught.value.detail
    assert caught.value.detail.endswith(".")


def test_more_rows_than_the_bound(sandbox: ProcessSandbox, table_csv: TableCsv) -> None:
    with pytest.raises(TableTooLarge, match="more than 2000000 rows"):
        table_csv.read(b"a,b\n" + b",\n" * 2_000_001, "text/csv", sandbox)


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"a,b\n1,2", "text/csv"), (b"PKW;Anzahl\n", "text/csv"), (b"PK\x03\x04,;", None), (b"%PDF-1.7, x", None),
        (b"<html>,", None), (b'{"a": 1, "b": 2}', None), (b"\xff\xd8\xff\xe0,", None),
        (b"words without end", None), (b"", None),
    ],
)  # fmt: skip
def test_sniffing_asks_the_bytes(table_csv: TableCsv, head: bytes, media_type: str | None) -> None:
    assert table_csv.sniff(head) == media_type


def reply(headers: list[str], *rows: list[str], **changes: Json) -> Reply:
    source = {"encoding": "utf-8", "delimiter": ",", **{k: v for k, v in changes.items() if k in SOURCE}}
    numbers = {"columns": len(headers), "rows": len(rows), **{k: v for k, v in changes.items() if k not in SOURCE}}
    return Reply({**numbers, "source": source}, (packed([headers]), packed(rows)))


class Telling:
    """A sandbox whose child says what the test wants."""

    def __init__(self, answer: Reply) -> None:
        self.answer = answer

    def layers(self) -> frozenset[object]:
        return frozenset()

    def run(self, task: str, request: object, untrusted: bytes, limits: Limits) -> Reply:
        return self.answer


SOURCE = ("encoding", "delimiter")
HONEST = reply(["a", "b"], ["1", "2"])


@pytest.mark.parametrize(
    "lie",
    [
        reply(["a", "b"], ["1", "2"], columns=3),
        reply(["a", "b"], ["1", "2"], columns=1),
        reply(["a", "b"], ["1", "2"], columns=True),
        reply(["a", "b"], ["1", "2"], rows=0),
        reply(["a", "b"], ["1", "2"], rows=2),
        reply(["a", "b"], ["1", "2"], rows=10**9),
        reply(["a", "b"], ["1", "2"], encoding="utf-7"),
        reply(["a", "b"], ["1", "2"], delimiter="\0"),
        reply(["a", "A"], ["1", "2"]),
        reply(["a", ""], ["1", "2"]),
        reply(["a", "b "], ["1", "2"]),
        reply(["a\x1f", "b"], ["1", "2"]),
        reply(["a", "b"], ["1", "2\0"]),
        reply(["a", "b"], ["1", "2\x1f"]),
        reply(["a", "b"], ["1"], ["1", "2", "3"]),
        reply(["a", "b"], ["1", "2", "3"], ["1"]),
        reply(["a", "b"], [], ["1", "2", "3"]),
        reply(["a", "b"], ["1", "2\x1e"]),
        reply(["a", "b"], ["1", "2\x1b"]),
        reply(["a", "b"], ["1\x1b2"]),
        reply(["a", "b"], ["1\t2"]),
        reply(["a", "b"], ["1", "2\x7f"]),
        reply(["a", "b"], ["1", "2\x85"]),
        reply(["a", "b"], ["1", "2\u2028"]),
        reply(["a", "b"], ["1", "x" * 32_769]),
        reply(["a", "b"], ["1", "ü" * 32_769]),
        replace(HONEST, header={**HONEST.header, "source": "utf-8"}),
        replace(HONEST, blobs=HONEST.blobs[:-1]),
        replace(HONEST, blobs=(HONEST.blobs[0], b"1\x1f\xff\x1e")),
        replace(HONEST, blobs=(HONEST.blobs[0], b"1\x1f\xed\xa0\x80\x1e")),
        replace(HONEST, blobs=(*HONEST.blobs, b"")),
        replace(HONEST, blobs=(*HONEST.blobs, b"3\x1f4\x1e")),
        replace(HONEST, blobs=(HONEST.blobs[0], b"1\x1f2")),
        Reply({}, ()),
    ],
)
def test_a_lying_child_is_not_believed(table_csv: TableCsv, lie: Reply) -> None:
    assert table_csv.read(b"", "text/csv", Telling(HONEST)).frame.rows() == [("1", "2")]  # type: ignore[arg-type]
    with pytest.raises(TableRefused, match="does not add up"):
        table_csv.read(b"", "text/csv", Telling(lie))  # type: ignore[arg-type]


TABLE = Table.of(("Kunde", "Menge", "Kontakt"), (("A", "B", "C"), ("1", "2", "3"), ("a@b.de", "", " ")))


def test_the_survey_names_every_column_from_one(table_csv: TableCsv) -> None:
    fields = table_csv.survey(TABLE)
    assert [(f.id, f.label, f.name, f.classes, f.count) for f in fields] == [
        ("column/1", "Kunde", None, frozenset(), 3),
        ("column/2", "Menge", None, frozenset(), 3),
        ("column/3", "Kontakt", None, frozenset({"EMAIL"}), 1),
    ]
    assert table_csv.values(TABLE, fields[2]) == ("a@b.de", "", " ")


def test_only_named_columns_leave_under_the_policys_titles_marked_in_every_row(table_csv: TableCsv) -> None:
    rebuilt = table_csv.rebuild(TABLE, Plan((allow(2, "Quantity"), allow(1, "Customer, name"))), MARK, SECRET)
    assert rebuilt.data.startswith(b"\xef\xbb\xbf")
    assert rebuilt.data.count(b"\r\n") == 4
    rows = rows_of(rebuilt.data)
    assert tuple(rows[0]) == rebuilt.headers == ("Quantity", "Customer, name", "Released copy")
    assert sorted(rows[1:]) == [["1", "A", MARK.text], ["2", "B", MARK.text], ["3", "C", MARK.text]]
    assert rebuilt.redactions == {"default": 3}
    for withheld in (b"a@b.de", b"Kunde", b"Menge", b"Kontakt"):
        assert withheld not in rebuilt.data


def test_rows_stay_rows(table_csv: TableCsv) -> None:
    cells = tuple(str(number) for number in range(300))
    table = Table.of(("a", "b"), (cells, cells))
    rows = rows_of(table_csv.rebuild(table, Plan((allow(1, "a"), allow(2, "b"))), MARK, SECRET).data)[1:]
    assert all(row[0] == row[1] for row in rows)
    assert [row[0] for row in rows] != list(cells)


def test_what_a_plan_cannot_ask(table_csv: TableCsv) -> None:
    with pytest.raises(NothingNamed, match="lets no column"):
        table_csv.rebuild(TABLE, Plan(()), MARK, SECRET)
    with pytest.raises(PlanUnfit, match="does not have"):
        table_csv.rebuild(TABLE, Plan((allow(4, "x"),)), MARK, SECRET)
    with pytest.raises(PlanUnfit, match="twice"):
        table_csv.rebuild(TABLE, Plan((allow(1, "x"), allow(1, "y"))), MARK, SECRET)
    with pytest.raises(PlanUnfit, match="same title"):
        table_csv.rebuild(TABLE, Plan((allow(1, "Released copy"),)), MARK, SECRET)
    with pytest.raises(PlanUnfit, match="spreadsheets calculate"):
        table_csv.rebuild(TABLE, Plan((allow(1, "x"),)), replace(MARK, recipient="=1+1"), SECRET)


def test_the_reader_stands_alone() -> None:
    header, blobs = parse_csv.parse({}, GOOD.encode())
    assert header == {"columns": 3, "rows": 2, "source": {"encoding": "utf-8", "delimiter": ";"}}
    assert len(blobs) == 2


class Watched:
    """The real sandbox, and how often a child was asked."""

    def __init__(self, sandbox: ProcessSandbox) -> None:
        self.sandbox, self.requests = sandbox, list[Mapping[str, Json]]()

    def layers(self) -> frozenset[Layer]:
        return self.sandbox.layers()

    def run(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Reply:
        self.requests.append(request)
        return self.sandbox.run(task, request, untrusted, limits)

    def stream(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Iterator[bytes]:
        return self.sandbox.stream(task, request, untrusted, limits)


ROW = 'Müller,"1,5 ""t""\nper month",Hamburg\n'
LARGE = "Kunde,Menge,Ort\n" + ROW * 80_000


@pytest.mark.parametrize("begin", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["", "a,b,c", "\n\n\n", "\ufeffa,b,c\n"])
def test_a_large_table_read_in_parts_is_the_same_table(sandbox: ProcessSandbox, begin: str, end: str) -> None:
    data = (begin + LARGE + end).encode()
    watched = Watched(sandbox)
    table = TableCsv(classify, part_bytes=300_000).read(data, "text/csv", watched)
    assert len(watched.requests) > 4
    assert all("last" in request for request in watched.requests[1:])
    whole = TableCsv(classify, part_bytes=len(data)).read(data, "text/csv", sandbox)
    assert (table.headers, table.digest, table.source) == (whole.headers, whole.digest, whole.source)
    assert table.frame.equals(whole.frame)


@pytest.mark.parametrize(
    "lie", [b"a\x1fb\x1e", b"a\x1fb\x1fc\x1e\x1e", b"a\x1fb\x1fc", b"a\x1fb\x1f\xff\x1e", b"a\x1fb\x1f\x01\x1e", b""]
)
def test_where_a_parts_child_lies_the_table_is_read_as_one(sandbox: ProcessSandbox, lie: bytes) -> None:
    watched = Watched(sandbox)

    class Lying(Watched):
        def run(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Reply:
            told = watched.run(task, request, untrusted, limits)
            return replace(told, blobs=(*told.blobs, lie)) if "last" in request and lie else told

    table = TableCsv(classify, part_bytes=500_000).read(LARGE.encode(), "text/csv", Lying(sandbox))
    assert len(watched.requests) > 3
    assert watched.requests.count({}) == (2 if lie else 1)
    assert table.row_count == 80_000


@pytest.mark.parametrize(
    ("break_at", "broken", "sentence"),
    [
        (70_000, "a,b\n", "Row 70002 has 2 cells where the header has 3"),
        (70_000, "a,b,c\x01\n", "Row 70002 has a control character"),
        (70_000, "\n", "Row 70002 is blank"),
        (70_000, 'a,b,"c\n', "quotation mark"),
        (70_000, f"a,b,{'c' * 40_000}\n", "Row 70002 has a cell of more than"),
    ],
)
def test_what_a_part_does_not_prove_is_refused_as_in_any_table(
    sandbox: ProcessSandbox, break_at: int, broken: str, sentence: str
) -> None:
    data = ("Kunde,Menge,Ort\n" + ROW * break_at + broken + ROW * 10_000).encode()
    with pytest.raises(Problem, match=sentence):
        TableCsv(classify, part_bytes=300_000).read(data, "text/csv", sandbox)


@pytest.mark.parametrize("blanks", ["\n", "\r\n", "\n\n", "\r\n\r\n"])
def test_a_blank_row_where_the_table_would_be_cut_is_still_refused(sandbox: ProcessSandbox, blanks: str) -> None:
    row = "Mueller,1.5,Hamburg\n"
    head = "Kunde,Menge,Ort\n" + row * (PROBED_BYTES // len(row) - 1)
    head += "x" * (PROBED_BYTES + 3 - len(head) - 5) + ",b,c\n"
    data = (head + blanks + row * 100_000).encode()
    assert data.index(blanks.encode(), PROBED_BYTES) <= PROBED_BYTES + 3
    with pytest.raises(TableRefused, match="is blank"):
        TableCsv(classify, part_bytes=300_000).read(data, "text/csv", sandbox)


def test_bytes_that_are_no_utf_8_behind_the_head_decide_the_encoding(sandbox: ProcessSandbox) -> None:
    data = b"Kunde,Menge,Ort\n" + b"Mueller,1.5,Hamburg\n" * 100_000 + "Müller,2,Köln\n".encode("cp1252")
    table = TableCsv(classify, part_bytes=300_000).read(data, "text/csv", sandbox)
    assert table.source["encoding"] == "cp1252"
    assert table.frame.row(-1) == ("Müller", "2", "Köln")
