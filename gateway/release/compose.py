"""The documents that travel with a release, as pure functions of what is in it: byte-deterministic.

The manifest (JCS) binds every content file and document by SHA-256; approvers sign its digest. See
`docs/formats/package.md` for the exact bytes.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.base.canon import Json, canonical
from gateway.base.clock import to_text
from gateway.matter.model import Matter, Recipient
from gateway.policy.service import Source
from gateway.release.model import Part, Profile, Release
from gateway.review.model import Quorum
from gateway.seal.twin import PublicTwin

MANIFEST_TYPE = "disclosure-gateway/manifest/v1"
TIME_STAMP = "rfc3161"
RESIDUE_TYPE = "disclosure-gateway/residue/v1"

INDEX_COLUMNS = (
    "No. / 序号",
    "File / 文件",
    "Item / 项目",
    "What was done / 处理方式",
    "Code / 代码",
    "Basis / 依据",
    "Reason (EN)",
    "理由 (ZH)",
    "Summary (EN)",
    "摘要 (ZH)",
)


@dataclass(frozen=True, slots=True)
class IndexLine:
    """One line of the withheld index, free of values."""

    path: str
    item: str
    action: str
    code: str
    basis: str
    reason_en: str
    reason_zh: str
    summary_en: str
    summary_zh: str

    def cells(self, number: int) -> tuple[str, ...]:
        """The line as cells in the order of `INDEX_COLUMNS`."""
        return (
            str(number),
            self.path,
            self.item,
            self.action,
            self.code,
            self.basis,
            self.reason_en,
            self.reason_zh,
            self.summary_en,
            self.summary_zh,
        )


def path_of(kind: str, number: int, extension: str) -> str:
    """A file's name in the package: by kind and number, never by the original's name."""
    return f"files/{kind.replace('_', '-')}-{number:02d}.{extension}"


def proof_path(path: str) -> str:
    """The name of what proves the file at `path`."""
    return f"proofs/{path.removeprefix('files/').rpartition('.')[0]}.json"


def proof_words(proof: Mapping[str, Any]) -> bytes:
    """Everything in a table's proof that is a word; hashes, places and counts are not."""
    words = [{name: column[name] for name in ("title", "rules") if name in column} for column in proof["columns"]]
    return canonical({"type": proof["type"], "file": proof["file"], "columns": words})


def withheld_csv(lines: Sequence[IndexLine]) -> bytes:
    """The withheld index as CSV: UTF-8 with byte-order mark (so that spreadsheets show Chinese), CRLF."""
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerow(INDEX_COLUMNS)
    writer.writerows(line.cells(number) for number, line in enumerate(lines, start=1))
    return b"\xef\xbb\xbf" + sink.getvalue().encode("utf-8")


def residue_json(reports: Iterable[tuple[str, Mapping[str, Json]]]) -> bytes:
    """All verification reports of the release, free of values."""
    return canonical({"type": RESIDUE_TYPE, "files": [{"path": path, "report": told} for path, told in reports]})


def manifest_json(
    release: Release,
    matter: Matter,
    recipient: Recipient,
    *,
    key_fingerprint: str | None,
    source: Source,
    parts: Sequence[Part],
    quorum: Sequence[Quorum],
    signer: PublicTwin,
    log: Sequence[str],
    time_stamped: bool,
) -> bytes:
    """The manifest that approvers sign; it names the keys that will sign it and the log that will hold it."""
    files, pins = [part for part in parts if part.role == "file"], dict(source.pins)
    documents = [part for part in parts if part.role == "document"]
    return canonical(
        {
            "type": MANIFEST_TYPE,
            "matter": matter.id,
            "release": release.id,
            "recipient": {
                "id": recipient.id,
                "name": recipient.name,
                "class": str(recipient.recipient_class),
                "hop": recipient.hop,
                "key_fingerprint": key_fingerprint,
            },
            "custody": list(recipient.custody),
            "profile": release.profile.value,
            "created_at": to_text(release.created_at),
            "engine": pins.pop("engine"),
            "policy": {
                **pins,
                "policies": sorted({part.policy for part in files if part.policy}),
            },
            "files": [
                {
                    "path": part.path,
                    "sha256": part.sha256,
                    "size_bytes": part.size_bytes,
                    "kind": part.kind,
                    "media_type": part.media_type,
                    "rendition": part.rendition,
                    "decisions": part.decisions_sha256,
                    "residue": part.residue_sha256,
                }
                for part in files
            ],
            "documents": [
                {"path": part.path, "sha256": part.sha256, "size_bytes": part.size_bytes} for part in documents
            ],
            "approvals_required": [{"role": need.role, "n": need.n} for need in quorum],
            "signed_by": [{"alg": algorithm, "key": key} for algorithm, key in signer.named],
            "log": list(log),
            "time_stamp": TIME_STAMP if time_stamped else None,
        }
    )


_README = """\
{matter} · {release}

EN
This package was prepared for {recipient} (hop {hop}) and for nobody else. Every file in it carries a
mark that names you and this release. Please do not pass it on beyond the purpose stated in the matter.

What is in it
  files/            the documents disclosed to you
  withheld.csv      what is withheld or generalised, item by item, with code, legal basis, reason and summary
  withheld.pdf      the same for reading and printing
  residue.json      the report of the verification every file passed before release
  proofs/           for each table: which columns stand as they were committed to on arrival (experimental)
  manifest.json     SHA-256 of every file; manifest.sig is the sender's signature over it
  approvals.json    the signatures of the people who approved exactly these bytes
  audit.proof       the proof that this release stands in the sender's audit log
  verify.py         checks all of the above; needs Python 3.9 or newer and nothing else

How to verify
  python3 verify.py .                       from inside the unpacked folder
Obtain verify.py and the sender's public keys by another way than this package (the sender publishes the
script's SHA-256 and both keys), and give the keys with --package-key and --log-key.

Transformations are visible and declared: [range], [rounded], [quarter], [pseudonym], solid boxes.
No value in these files was invented, blurred or disturbed.

中文
本文件包仅为 {recipient}（第 {hop} 手接收方）准备，不供他人使用。包内每份文件均带有标明接收方及本次提供编号的标记。
请勿超出本事项所述用途转交他人。

内容
  files/            向贵方提供的文件
  withheld.csv      逐项列明未提供或概括处理的内容、代码、法律依据、理由和摘要
  withheld.pdf      同上，供阅读和打印
  residue.json      每份文件提供前通过的核验报告
  proofs/           逐表列明哪些列与收到原件时的承诺值一致（试验性功能）
  manifest.json     各文件的 SHA-256；manifest.sig 为提供方对其的签名
  approvals.json    批准这些确切字节的人员签名
  audit.proof       本次提供已记入提供方审计日志的证明
  verify.py         核验以上全部内容，仅需 Python 3.9 或更高版本

核验方法
  python3 verify.py .
请通过其他途径取得 verify.py 和提供方公钥，并以 --package-key 和 --log-key 参数给出。

所有处理均可见并已声明：区间、取整、季度、标明的化名、实心遮盖。文件中没有任何虚构、模糊或扰动的数值。
"""


# The README's own lines; those with a blank to fill in are cut at it.
README_LINES = tuple(
    piece.strip() for line in _README.splitlines() for piece in re.split(r"\{[a-z]+\}", line) if piece.strip()
)


def readme_txt(release: Release, matter: Matter, recipient: Recipient) -> bytes:
    """What the recipient reads first, in English and Chinese."""
    sealed = (
        "\nThe package was encrypted to your age key (age-encryption.org/v1).\n本文件包已用贵方 age 公钥加密。\n"
        if release.profile is Profile.SEALED
        else ""
    )
    text = _README.format(matter=matter.id, release=release.id, recipient=recipient.name, hop=recipient.hop)
    return (text + sealed).encode("utf-8")
