"""JSON, XML and plain text: what is taken, what a policy can name of it, and what comes out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.base.problems import Unprocessable
from gateway.formats.model import Case, Element, Instruction, Items, Mark, Op, Plan, Structured, Transform
from gateway.formats.problems import CellUnreadable, NothingNamed, PlanUnfit, TextRefused, TextTooLarge
from gateway.formats.structured import ASIDE, PARSE_TASKS, StructuredFormat, structured_of
from gateway.formats.write_text import JSON, TEXT, XML
from gateway.sandbox.ports import Reply
from gateway.sandbox.process import ProcessSandbox

FORM = StructuredFormat(lambda _values: frozenset())
MARK = Mark("赣州千里磁材 <A&B>", "rel_1", "2026-01-31")


@pytest.fixture(scope="module")
def sandbox() -> ProcessSandbox:
    return ProcessSandbox(tuple(PARSE_TASKS.values()))


def read(sandbox: ProcessSandbox, data: bytes | str, **declared: str) -> Structured:
    raw = data.encode() if isinstance(data, str) else data
    media_type = FORM.sniff(raw[:4096])
    assert media_type is not None
    return FORM.read(raw, media_type, sandbox, declared)


def order(number: int, op: Op = Op.ALLOW, value_type: str = "text", title: str = "", **params: Any) -> Instruction:
    case = Case((), Transform(op, params), 5, "REQ", "rule")
    return Instruction(f"column/{number}", f"f{number}", Element.COLUMN, title or f"T{number}", value_type, (case,))


def rebuilt(content: Structured, *orders: Instruction) -> str:
    return FORM.rebuild(content, Plan(orders), MARK, bytes(32)).data.decode()


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b'\n {"a": 1}', JSON),
        (b"\xef\xbb\xbf[1]", JSON),
        ("\ufeff{}".encode("utf-16-le"), JSON),
        (b"<?xml version='1.0'?><a/>", XML),
        (b"<a/>", XML),
        (b"Product: x", TEXT),
        ("产品：x".encode("gb18030"), TEXT),
        (b"{\\rtf1", None),
        (b"\x7fELF", None),
        (b"", None),
    ],
)
def test_bytes_tell_which_it_is(head: bytes, media_type: str | None) -> None:
    assert FORM.sniff(head) == media_type


def test_paths_are_fields_and_lists_hold_their_items_together(sandbox: ProcessSandbox) -> None:
    content = read(sandbox, '{"a": {"partNo": "x"}, "b": [{"c": 1}, {"c": 2.50, "d": [true, null]}]}')
    assert content.labels == ("a › part No", "b › c", "b › d")
    assert [list(cells) for cells in content.columns] == [["x"], ["1", "2.50"], ["true", ""]]
    (_, items) = content.root
    assert isinstance(items, Items)
    assert len(items.items) == 2
    assert [field.count for field in FORM.survey(content)] == [1, 2, 1]


def test_the_same_said_in_xml_has_the_same_fields(sandbox: ProcessSandbox) -> None:
    content = read(sandbox, '<r xmlns="u:x"><b no="1"><c>x</c></b><b no="2"><c><![CDATA[y]]></c></b><e/></r>')
    assert content.labels == ("r › b › @no", "r › b › c", "r › e")
    assert [list(cells) for cells in content.columns] == [["1", "2"], ["x", "y"], [""]]


def test_equal_names_of_two_namespaces_are_two_fields(sandbox: ProcessSandbox) -> None:
    content = read(sandbox, '<r xmlns:p="u:p" xmlns:q="u:q"><p:c>x</p:c><q:c>y</q:c></r>')
    assert content.labels == ("r › c", "r › c")


def test_lines_go_by_their_labels(sandbox: ProcessSandbox) -> None:
    content = read(sandbox, "Product: a\r\n\r\nfree words http://x\nTorque = 5\n产品：b\nProduct: c\tx")
    assert content.labels == ("Product", "text", "Torque", "产品")
    assert list(content.columns[0]) == ["a", "c\tx"]
    assert content.source == {"encoding": "utf-8"}


def test_a_text_in_another_encoding_is_detected_or_declared(sandbox: ProcessSandbox) -> None:
    assert read(sandbox, "产品：伺服电机\n".encode("gb18030")).source == {"encoding": "gb18030"}
    assert read(sandbox, "產品：伺服\n".encode("big5"), encoding="big5").labels == ("產品",)
    with pytest.raises(TextRefused, match="declared"):
        read(sandbox, '{"a": 1}', encoding="big5")
    with pytest.raises(TextRefused, match="does not have"):
        read(sandbox, "a: b", sheet="x")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ('{"a": 1, "a": 2}', "a key twice"),
        ('{"a": {"b": 1, "\\u0062": 2}}', "a key twice"),
        ('{"a": NaN}', "strict JSON"),
        ('{"a": 1} x', "strict JSON"),
        ('{"a": 1}{"a": 2}', "strict JSON"),
        ("{'a': 1}", "strict JSON"),
        ('{"a": "\\ud800"}', "control character"),
        ('{"a": "\\u0000"}', "control character"),
        ('{"a\\u0007": 1}', "control character"),
        (b'{"a": "\xff"}', "encoding"),
        ('{"a": {}}', "no value"),
        ("<a><b>", "well-formed"),
        ("<a>x<b>y</b></a>", "text between elements"),
        ('<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', "document type"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "document type"),
        ("<a>&undeclared;</a>", "well-formed"),
        ("<a/><b/>", "well-formed"),
        ('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><t>x</t></svg>', "drawing"),
        ('<p:x xmlns:p="http://www.w3.org/1999/xhtml">y</p:x>', "drawing"),
        ("a: \u2028b", "control character"),
    ],
)
def test_what_has_no_one_meaning_is_refused(sandbox: ProcessSandbox, data: str | bytes, sentence: str) -> None:
    with pytest.raises(TextRefused, match=sentence):
        read(sandbox, data)


@pytest.mark.parametrize(
    "data",
    [
        "[" * 70 + "]" * 70,
        '{"a":' * 70 + "1" + "}" * 70,
        "[" * 200_000,
        "<a>" * 70 + "x" + "</a>" * 70,
        json.dumps({f"k{number}": number for number in range(1001)}),
        json.dumps(["x"] * 200_000),
        json.dumps({"a": "x" * 40_000}),
        json.dumps({"k" * 300: 1}),
    ],
)
def test_bounds_hold(sandbox: ProcessSandbox, data: str) -> None:
    with pytest.raises(TextTooLarge):
        read(sandbox, data)


def test_json_leaves_under_the_policys_titles_and_nothing_else_does(sandbox: ProcessSandbox) -> None:
    content = read(
        sandbox,
        '{"geheim": {"a": "x \\"y\\" \\n z"}, "l": [{"n": 1.50, "s": 1}, {"s": 2}, {"n": 2e3, "m": [1, 2]}], '
        '"t": true, "z": null}',
    )
    assert [cells.name for cells in content.columns] == [f"column/{number}" for number in range(1, 7)]
    out = rebuilt(content, order(1, title="Say"), order(2), order(4), order(5), order(6))
    assert json.loads(out) == {
        "_disclosure": MARK.text,
        "Say": 'x "y" \n z',
        "list 1": [{"T2": 1.5}, {"T2": 2000.0, "list 2": [{"T4": 1}, {"T4": 2}]}],
        "T5": True,
        "T6": None,
    }
    assert "1.50" in out
    assert "2e3" in out
    assert "geheim" not in out


def test_xml_leaves_in_a_vocabulary_of_its_own(sandbox: ProcessSandbox) -> None:
    content = read(sandbox, "<r><?pi secret?><b><n>1 &lt; 2</n></b><b><n>3</n><g>geheim</g></b><!-- c --></r>")
    out = FORM.rebuild(content, Plan((order(1, title="A & B"),)), MARK, bytes(32))
    assert out.redactions == {"default": 1, ASIDE: 2}
    assert out.data.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<document>\n'
        "  <disclosure>赣州千里磁材 &lt;A&amp;B&gt; · rel_1 · 2026-01-31</disclosure>\n"
        '  <list name="list 1">\n    <item>\n      <value name="A &amp; B">1 &lt; 2</value>\n    </item>\n'
        '    <item>\n      <value name="A &amp; B">3</value>\n    </item>\n  </list>\n</document>\n'
    )


def test_text_leaves_between_two_marks(sandbox: ProcessSandbox) -> None:
    content = read(sandbox, "Torque: 37,5\nSecret: x\nTorque: 2\n=1+1")
    out = rebuilt(content, order(1, Op.BUCKET, "decimal", "Torque", edges=["10", "50"], unit=""), order(3))
    assert out.split("\n") == [MARK.text, "Torque: 10 – <50", "Torque: <10", "T3: =1+1", MARK.text, ""]


def test_pseudonyms_are_the_same_for_the_same_value(sandbox: ProcessSandbox) -> None:
    content = read(sandbox, '[{"p": "RM-1"}, {"p": "RM-2"}, {"p": "rm-1 "}]')
    out = json.loads(rebuilt(content, order(1, Op.PSEUDONYMISE, scope="release", prefix="T")))
    first, second, third = (item["T1"] for item in out["list 1"])
    assert first == third != second
    assert "RM" not in str(out)


def test_an_unreadable_value_is_told_by_its_number(sandbox: ProcessSandbox) -> None:
    content = read(sandbox, '[{"p": "1"}, {"p": "many secret"}]')
    with pytest.raises(CellUnreadable, match="value 2 of “T1”") as caught:
        rebuilt(content, order(1, Op.ROUND, "decimal", to="5", unit=""))
    assert "secret" not in repr(vars(caught.value))


def test_plans_that_do_not_fit_are_refused(sandbox: ProcessSandbox) -> None:
    content = read(sandbox, '{"a": 1, "b": [2, 3]}')
    for orders in (
        (order(1), order(1)),
        (order(9),),
        (order(1, title="Same"), order(2, title="same")),
        (order(1, title="list 1"), order(2)),
        (order(1, title="_disclosure"),),
    ):
        with pytest.raises(PlanUnfit):
            rebuilt(content, *orders)
    with pytest.raises(NothingNamed):
        rebuilt(content, order(1, Op.DROP))


GOOD: tuple[Any, ...] = ([["a"]], [["v", 0, "s", "x"]], [])


@pytest.mark.parametrize(
    ("paths", "events", "asides"),
    [
        ([], [], []),
        ([["a"], ["b"]], [["v", 0, "s", "x"]], []),
        ([["a"], ["b"]], [["v", 1, "s", "x"], ["v", 0, "s", "x"]], []),
        ([["a"]], [["v", 1, "s", "x"]], []),
        ([["a"]], [["v", -1, "s", "x"]], []),
        ([["a"]], [["v", 0, "x", "x"]], []),
        ([["a"]], [["v", 0, "n", "0x10"]], []),
        ([["a"]], [["v", 0, "n", '1, "b": 2']], []),
        ([["a"]], [["v", 0, "l", "maybe"]], []),
        ([["a"]], [["v", 0, "s", "\x1f"]], []),
        ([["a"]], [["v", 0, "s", "\ud800"]], []),
        ([["a"]], [["v", 0, "s", "x" * 40_000]], []),
        ([["a"]], [["v", 0, "s", 5]], []),
        ([["a"]], [["v", 0, "s", "x"], ["e"]], []),
        ([["a"]], [["v", 0, "s", "x"], ["a", 0]], []),
        ([["a"]], [["v", 0, "s", "x"], ["i"]], []),
        ([["a"]], [["a", 0], ["v", 0, "s", "x"], ["e"]], []),
        ([["a"]], [["a", 0], ["a", 1], ["e"], ["e"], ["v", 0, "s", "x"]], []),
        ([["a"]], [["v", 0, "s", "x"], *([["a", 0], ["i"]] * 100), *([["e"], ["e"]] * 100)], []),
        ([["a"]], [["v", 0, "s", "x"], ["z"]], []),
        ([[5]], [["v", 0, "s", "x"]], []),
        (["a"], [["v", 0, "s", "x"]], [5]),
        ({}, [], []),
    ],
)
def test_nothing_that_the_child_says_is_believed(paths: Any, events: Any, asides: Any) -> None:
    def reply(*parts: Any) -> Reply:
        return Reply({"source": {}}, tuple(json.dumps(part).encode() for part in parts))

    assert structured_of(reply(*GOOD), JSON).labels == ("a",)
    with pytest.raises(Unprocessable, match="does not add up"):
        structured_of(reply(paths, events, asides), JSON)


def test_an_answer_of_another_form_is_not_believed() -> None:
    blobs = tuple(json.dumps(part).encode() for part in GOOD)
    for reply in (
        Reply({"source": {}}, blobs[:2]),
        Reply({"source": {"encoding": "utf-7"}}, blobs),
        Reply({"source": 5}, blobs),
        Reply({"source": {}}, (b"[" * 100_000, *blobs[1:])),
        Reply({"source": {}}, (b"\xff", *blobs[1:])),
    ):
        with pytest.raises(TextRefused, match="does not add up"):
            structured_of(reply, JSON)
