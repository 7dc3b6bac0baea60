"""The document that explains one release to a court, in English and Chinese: a pure function of what evidence tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reportlab.lib.units import mm
from reportlab.platypus import CondPageBreak, Flowable, Spacer

from gateway.release.sheets import CODE, HEADING, POINT, SMALL, TITLE, UNDER, facts, pages, prose, table, use_fonts
from gateway.release.wording import ACTS, LIMITS, OUTCOMES, STEPS, WORDS


@dataclass(frozen=True, slots=True)
class Record:
    """What the document is made of: the bundle's own files, read."""

    told: Mapping[str, Any]
    decisions: Mapping[str, Any]
    manifest: Mapping[str, Any]
    approvals: Mapping[str, Any]
    residue: Mapping[str, Any]
    entries: Sequence[tuple[int, Mapping[str, Any], str]]
    log_fingerprint: str
    package_fingerprint: str

    def act(self, kind: str) -> tuple[int, Mapping[str, Any], str] | None:
        """Index, entry and leaf hash of the newest act of this type on the release."""
        found = (
            one for one in self.entries if one[1]["type"] == kind and one[1].get("subject") == self.told["release"]
        )
        return max(found, key=lambda one: one[0], default=None)


def exhibit_pdf(record: Record) -> bytes:
    """The document, not yet signed; the same bytes for the same record."""
    use_fonts()
    story = [
        *_cover(record),
        *_asked(record),
        *_left(record),
        *_received(record),
        *_decided(record),
        *_checked(record),
        *_approved(record),
        *_happened(record),
        *_originals(record),
        *_verified(record),
        *_limits(),
    ]
    release = record.told["release"]
    return pages(story, title=f"Evidence of the release {release}", running=f"Evidence · {release}")


def _section(name: str) -> Iterator[Flowable]:
    head, english, chinese = WORDS[name]
    yield from _heading(head)
    yield prose(english)
    yield prose(chinese, SMALL)


def _heading(text: str) -> Iterator[Flowable]:
    """Not at the foot of a page."""
    yield CondPageBreak(45 * mm)
    yield prose(text, HEADING)


def _cover(record: Record) -> Iterator[Flowable]:
    told, manifest = record.told, record.manifest
    yield prose("Evidence of a disclosure", TITLE)
    yield prose("资料提供证明", TITLE)
    yield Spacer(1, 4 * mm)
    dispatched = record.act("release.dispatched")
    people = len(record.approvals["approvals"])
    yield facts(
        [
            ("Release · 提供编号", told["release"]),
            ("Matter · 事项", f"{told['asked']['title']} ({told['matter']})"),
            ("Recipient · 接收方", f"{manifest['recipient']['name']} — {_word(manifest['recipient']['class'])}"),
            ("Files · 文件", str(len(manifest["files"]))),
            ("Approved by · 批准", f"{people} people, each with their own key"),
            ("Handed over · 交付", dispatched[1]["at"] if dispatched else "—"),
            ("State · 状态", _word(told["state"])),
            ("Package SHA-256", told["package_sha256"]),
            ("Log · 审计日志", told["log"]),
        ]
    )
    yield from _section("what")


def _asked(record: Record) -> Iterator[Flowable]:
    asked = record.told["asked"]
    yield from _section("asked")
    yield facts(
        [
            ("Authority · 主管机关", asked["authority"]),
            ("Regime · 制度", asked["regime"]),
            ("Purpose · 用途", _word(asked["purpose"])),
            ("Jurisdiction · 法域", asked["jurisdiction"]),
            ("Round · 轮次", str(asked["round"])),
            ("Deadline · 期限", asked["deadline"] or "—"),
        ]
    )
    rows = [
        (one["number"], one["text"], one["citation"] or "—", f"{one['legal_basis']}: {', '.join(one['kinds']) or '—'}")
        for one in asked["demands"]
    ]
    if rows:
        yield table(("Item", "What was asked · 要求内容", "Citation · 依据", "Basis, kinds"), rows, (18, 78, 42, 32))


def _left(record: Record) -> Iterator[Flowable]:
    yield from _section("left")
    rows = [
        (one["path"], _word(one["kind"]), one["media_type"], f"{one['size_bytes']:,}", one["sha256"])
        for one in record.manifest["files"]
    ]
    yield table(("File · 文件", "Kind · 种类", "Type", "Bytes", "SHA-256"), rows, (44, 26, 28, 18, 54))
    beside = [(one["path"], f"{one['size_bytes']:,}", one["sha256"]) for one in record.manifest["documents"]]
    yield table(("Document beside them · 随附文件", "Bytes", "SHA-256"), beside, (70, 20, 80))


def _received(record: Record) -> Iterator[Flowable]:
    recipient = record.manifest["recipient"]
    yield from _section("received")
    yield facts(
        [
            ("Recipient · 接收方", f"{recipient['name']} ({recipient['id']})"),
            ("Class, hop · 类别", f"{_word(recipient['class'])}, hop {recipient['hop']}"),
            ("Profile · 形式", _word(record.manifest["profile"])),
            ("Recipient's key", recipient["key_fingerprint"] or "none: the package was not encrypted to a key"),
        ]
    )
    rows = [(f"hop {one['hop']}", one["name"], _word(one["class"]), one["country"]) for one in record.told["custody"]]
    yield table(("Custody · 经手", "Name · 名称", "Class · 类别", "Country"), rows, (20, 90, 40, 20))


def _decided(record: Record) -> Iterator[Flowable]:
    yield from _section("decided")
    for file in record.decisions["files"]:
        yield from _heading(f"{file['path']} — {file['policy']}")
        rows = [row for field in file["fields"] for row in _field(field)]
        head = ("Field · 字段", "Outcome · 结果", "Rule · 规则", "What was done, and why · 处理方式及理由")
        yield table(head, rows, (34, 22, 30, 84))


def _field(field: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    title = f"{field['title']['en']} · {field['title']['zh']}"
    if field["field"]:
        title += f" ({field['field'].replace('/', ' ')})"
    elif field["count"] > 1:
        title += f" × {field['count']}"
    for ruling in field["rulings"] or [{"rule": "—", "done": {"en": "—", "zh": "—"}, "in_part": False}]:
        part = " (in part)" if ruling["in_part"] else ""
        why = [f"{ruling['done']['en']}{part} · {ruling['done']['zh']}"]
        why += [": ".join(filter(None, (ruling.get("code"), ruling.get("basis") or ruling.get("asked_for"))))]
        why += [ruling[name][tongue] for name in ("reason",) if name in ruling for tongue in ("en", "zh")]
        why += [f"by exception {ruling['exception']}"] if "exception" in ruling else []
        yield title, OUTCOMES.get(field["outcome"], field["outcome"]), ruling["rule"], " — ".join(filter(None, why))


def _checked(record: Record) -> Iterator[Flowable]:
    yield from _section("checked")
    rows = [
        (
            file["path"],
            ", ".join(file["report"]["parsers"]),
            ", ".join(file["report"]["passed"]),
            "clean" if file["report"]["clean"] else "NOT clean",
            str(file["report"]["findings_total"]),
        )
        for file in record.residue["files"]
    ]
    yield table(("File · 文件", "Read by · 解析器", "Checks · 检查项目", "Result", "Found"), rows, (44, 44, 52, 16, 14))


def _approved(record: Record) -> Iterator[Flowable]:
    yield from _section("approved")
    rows = [
        (
            one["statement"]["approver"],
            _word(one["statement"]["role"]),
            one["statement"]["at"],
            one["signature"]["alg"],
            one["signature"]["key"],
        )
        for one in record.approvals["approvals"]
    ]
    yield table(("Person · 人员", "Role · 角色", "At · 时间", "Signature", "Key · 公钥"), rows, (42, 18, 37, 17, 56))
    needed = ", ".join(f"{one['n']} × {_word(one['role'])}" for one in record.approvals["required"])
    yield prose(f"Needed: {needed}. 所需批准：{needed}。", SMALL)


def _happened(record: Record) -> Iterator[Flowable]:
    yield from _section("happened")
    wanted = set(record.told["entries"])
    rows = [
        (
            str(index),
            entry["at"],
            ACTS.get(entry["type"], entry["type"]),
            f"{entry['actor']} → {_subject(entry)}",
            hashed,
        )
        for index, entry, hashed in record.entries
        if index in wanted
    ]
    head = ("Entry", "At · 时间", "Act · 行为", "By whom, about what · 何人、何事", "Leaf hash")
    yield table(head, rows, (12, 37, 33, 46, 42))


def _originals(record: Record) -> Iterator[Flowable]:
    yield from _section("originals")
    rows = [
        (
            one["file"],
            f"{one['original']}: {_word(one['kind'])}, {one['media_type']}, {one['size_bytes']:,} bytes",
            str(one["kept"]),
            one["commitment"],
            "—" if one["committed"] is None else str(one["committed"]),
        )
        for one in record.told["originals"]
    ]
    yield table(("File", "Original · 原件", "Entry", "Commitment · 承诺值", "Cells"), rows, (40, 54, 13, 50, 13))


def _verified(record: Record) -> Iterator[Flowable]:
    yield from _section("verified")
    yield prose("python3 verify.py FOLDER --log-key LOG_KEY --package-key PACKAGE_KEY", CODE)
    for english, chinese in STEPS:
        yield prose(english, POINT)
        yield prose(chinese, UNDER)
    yield facts(
        [
            ("Log keys, SHA-256", record.log_fingerprint),
            ("Package keys, SHA-256", record.package_fingerprint),
            ("Certificate, SHA-256", record.told["certificate_sha256"]),
            ("Named by entry · 见条目", str(record.told["begun"])),
        ]
    )
    yield prose("pdfsig evidence.pdf", CODE)


def _limits() -> Iterator[Flowable]:
    yield from _section("limits")
    for english, chinese in LIMITS:
        yield prose(english, POINT)
        yield prose(chinese, UNDER)


def _subject(entry: Mapping[str, Any]) -> str:
    return str(entry.get("subject") or entry.get("matter") or "the log")


def _word(name: str) -> str:
    return name.replace("_", " ")
