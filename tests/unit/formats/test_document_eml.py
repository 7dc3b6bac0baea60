"""E-mail messages as they are read: the fields and the plain text that a reader sees, and nothing of the rest."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from gateway.base.problems import Problem
from gateway.detect.text import classes_of
from gateway.formats.document_eml import EML, PARSE_TASK, DocumentEml
from gateway.formats.model import Element, Op, Pages, Plan
from gateway.formats.problems import DocumentRefused, DocumentTooLarge
from gateway.formats.typed_reader import DRAW_TASK
from gateway.residue.gate import check
from gateway.sandbox.process import ProcessSandbox
from tests.support import pages
from tests.support.renditions import withheld

FORM = DocumentEml(classes_of)
FROZEN = Path(__file__).parents[2] / "vectors" / "message"
SEED = random.SystemRandom().randrange(1 << 32)
SECRET = "Qz" + "".join(random.Random(SEED).choices("abcdefghijklmnopqrstuvwxyz", k=10))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    walls = ProcessSandbox((PARSE_TASK, DRAW_TASK))
    yield walls
    walls.close()


def message(
    text: str = "The magnets are for civil traction motors.\n\n最终用户为赣州千里。", **fields: str
) -> EmailMessage:
    one = EmailMessage()
    one["From"] = "Anna Kowalski <anna.kowalski@example.com>"
    one["To"] = "export@example.cn, licence@example.cn"
    one["Date"] = "Mon, 02 Mar 2026 10:00:00 +0100"
    one["Subject"] = "Endverwendung / 最终用途"
    for name, value in fields.items():
        one[name.replace("_", "-")] = value
    one.set_content(text)
    return one


def read(data: bytes, sandbox: ProcessSandbox) -> Pages:
    return FORM.read(data, EML, sandbox)


def lines(content: Pages) -> list[str]:
    return [one.label for one in FORM.survey(content) if one.element is Element.TEXT]


def test_a_message_is_typed_as_it_reads(sandbox: ProcessSandbox) -> None:
    data = message().as_bytes()
    assert FORM.sniff(data[:4096]) == EML
    assert lines(read(data, sandbox)) == [
        "From", "Anna Kowalski <anna.kowalski@example.com>",
        "To", "export@example.cn, licence@example.cn",
        "Date", "Mon, 02 Mar 2026 10:00:00 +0100",
        "Subject", "Endverwendung / 最终用途",
        "The magnets are for civil traction motors.",
        "最终用户为赣州千里。",
    ]  # fmt: skip


def test_the_frozen_message_is_read_as_ever(sandbox: ProcessSandbox) -> None:
    told = json.loads((FROZEN / "read.json").read_text("utf-8"))
    content = read((FROZEN / "original.eml").read_bytes(), sandbox)
    assert (lines(content), dict(content.parts), dict(content.counts)) == (told["lines"], told["parts"], told["counts"])


def test_lines_that_were_broken_to_be_sent_are_one_again(sandbox: ProcessSandbox) -> None:
    one = message("unit \nprice\nnext\n")
    one.set_param("format", "flowed")
    assert lines(read(one.as_bytes(), sandbox))[8:] == ["unit price", "next"]


def with_html() -> EmailMessage:
    one = message()
    one.add_alternative(f"<p>Hello {SECRET}</p>", subtype="html")
    return one


def with_attachment(**where: str) -> EmailMessage:
    one = message()
    name = where.get("name", "a.txt")
    one.add_attachment(where.get("text", "x").encode(), maintype="application", subtype="octet-stream", filename=name)
    return one


def with_message() -> EmailMessage:
    one = message()
    one.add_attachment(message(SECRET))
    return one


HIDING = {
    "blind-copy": message(Bcc=f"{SECRET}@example.com"),
    "received": message(Received=f"from {SECRET} by b"),
    "message-id": message(Message_ID=f"<{SECRET}@example.com>"),
    "reply-to": message(Reply_To=f"{SECRET}@example.com"),
    "program": message(X_Mailer=SECRET),
    "html": with_html(),
    "attachment": with_attachment(text=SECRET),
    "attachment-name": with_attachment(name=f"{SECRET}.txt"),
    "attached-text": with_attachment(text=SECRET, name="b.txt"),
    "message-in-the-message": with_message(),
}


@pytest.mark.parametrize("place", HIDING)
def test_what_a_reader_does_not_see_stays_behind(place: str, sandbox: ProcessSandbox) -> None:
    content = read(HIDING[place].as_bytes(), sandbox)
    assert not [line for line in lines(content) if SECRET in line], f"seed {SEED}"
    assert sum(FORM.left_behind(content).values()) > 0
    found = any(SECRET in text for text in content.parts.values())
    assert found or place in {"attachment", "attached-text", "message-in-the-message"}


def encrypted() -> EmailMessage:
    one = message("x")
    one.replace_header("Content-Type", "multipart/encrypted; boundary=b")
    return one


def only_html() -> EmailMessage:
    one = message()
    one.set_content("<p>x</p>", subtype="html")
    return one


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\n\nx", "no e-mail message"),
        (b"From: b@example.com\n" + message().as_bytes(), "twice"),
        (encrypted().as_bytes(), "is encrypted"),
        (only_html().as_bytes(), "no plain text"),
        (message("\u05e9").as_bytes(), "cannot be typed"),
        (message().as_bytes().replace(b'charset="utf-8"', b'charset="rot13"'), "character set"),
        (message().as_bytes().replace(b'charset="utf-8"', b'charset="ascii"'), "character set"),
        (message().as_bytes().replace(b'charset="utf-8"', b'charset="utf\0"'), "character set"),
        (with_html().as_bytes().replace(b"--===", b"--=="), "damaged"),
        (message().as_bytes().replace(b"02 Mar 2026", b"99999999999999999999 Mar 2026"), "damaged"),
        (message().as_bytes().replace(b"licence@example.cn", b"<a@"), "damaged"),
        (message().as_bytes().replace(b"licence@example.cn", b'=?unte: a/b; c="b"'), "damaged"),
    ],
)
def test_what_is_not_read_safely_is_refused_with_one_sentence(data: bytes, words: str, sandbox: ProcessSandbox) -> None:
    with pytest.raises((DocumentRefused, DocumentTooLarge), match=words) as caught:
        read(data, sandbox)
    assert caught.value.detail.endswith(".")


def test_garbage_is_one_sentence_or_a_message(sandbox: ProcessSandbox) -> None:
    dice = random.Random(SEED)
    whole = with_html().as_bytes()
    for _ in range(15):
        data = bytearray(whole)
        for _ in range(dice.randrange(1, 12)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        said = "."
        try:
            assert read(bytes(data), sandbox).pages
        except Problem as problem:
            said = problem.detail
        assert said.endswith("."), f"seed {SEED}"


def test_it_leaves_as_a_pdf_that_passes_the_gate(sandbox: ProcessSandbox) -> None:
    content = read(message().as_bytes(), sandbox)
    orders = [
        pages.order(Element.TEXT, one.page, Op.BOX if one.classes else Op.ALLOW, one.box, place=at)
        for at, one in enumerate(FORM.survey(content))
        if one.element is Element.TEXT
    ]
    made = FORM.rebuild(content, Plan(pages.plan(content, *orders).instructions), pages.MARK, bytes(32))
    again = FORM.rebuild(content, Plan(pages.plan(content, *orders).instructions), pages.MARK, bytes(32))
    assert made.data == again.data
    secrets = withheld("anna.kowalski@example.com", field="text/1/2")
    assert check(made.data, pages.expectation(made), secrets).findings == ()
