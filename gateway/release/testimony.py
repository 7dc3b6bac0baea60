"""What evidence tells of a release, from what is logged, approved and decided; no cell, box or header of an original.

Decisions are told by field, rule and reason. Where on a page something stood, how wide it was, in which rows it was and
what a rule compares cells with stays out: that is the original's content, and the approved digest holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.base.canon import Json, canonical
from gateway.matter.model import Matter
from gateway.policy.actions import parse_action
from gateway.policy.wording import describe

Entries = Mapping[int, tuple[Mapping[str, Any], str]]

_BECAUSE = ("code", "basis", "asked_for", "reason", "no_summary_reason")


def asked(matter: Matter) -> dict[str, Json]:
    """The demand as it was entered."""
    return {
        "title": matter.title,
        "authority": matter.authority,
        "regime": matter.regime,
        "purpose": matter.purpose.value,
        "jurisdiction": matter.jurisdiction,
        "round": matter.round,
        "deadline": matter.deadline.isoformat() if matter.deadline else None,
        "demands": [
            {
                "number": one.number,
                "text": one.text,
                "legal_basis": one.legal_basis.value,
                "citation": one.citation,
                "kinds": list(one.kinds),
            }
            for one in matter.demands
        ],
    }


def decided(file: Mapping[str, Any], decisions: Mapping[str, Any]) -> dict[str, Json]:
    """What was decided of every field of one file; like fields that have no name of their own stand together."""
    counts: dict[bytes, int] = {}
    told: dict[bytes, dict[str, Json]] = {}
    for item in decisions["items"]:
        field: dict[str, Json] = {
            "field": item["field"] if item["element"] == "column" else None,
            "element": item["element"],
            "title": item["title"],
            "outcome": item["outcome"],
            "output_title": item["output_title"],
            "rulings": [_ruling(one) for one in item["rulings"]],
        }
        key = canonical(field)
        told[key], counts[key] = field, counts.get(key, 0) + 1
    return {
        "path": file["path"],
        "rendition": file["rendition"],
        "decisions": file["decisions"],
        "policy": decisions["policy"],
        "fields": [{**field, "count": counts[key]} for key, field in told.items()],
    }


def originals(manifest: Mapping[str, Any], entries: Entries) -> list[Json]:
    """Of which original each file was made, and what the log committed to when that arrived."""
    found: list[Json] = []
    for file in manifest["files"]:
        _, asked_for = _only("rendition.requested", file["rendition"], entries)
        original = asked_for["facts"]["original"]
        kept, entry = _only("original.kept", original, entries)
        facts = entry["facts"]
        committed = [
            index for index, one in _about("original.committed", original, entries) if one["facts"].get("commitments")
        ]
        found.append(
            {
                "file": file["path"],
                "original": original,
                "kind": facts["kind"],
                "media_type": facts["media_type"],
                "size_bytes": facts["size_bytes"],
                "kept": kept,
                "commitment": entry["body"],
                "committed": committed[0] if committed else None,
            }
        )
    return found


def chosen(release: str, entries: Entries) -> list[Json]:
    """The indexes of the entries that are about this release, its renditions and their originals, and of the matter."""
    about = {release}
    for entry, _hashed in entries.values():
        if entry["type"] == "rendition.requested" and entry["facts"].get("release") == release:
            about |= {str(entry["subject"]), entry["facts"]["original"]}
    return [
        index
        for index, (entry, _hashed) in entries.items()
        if entry.get("subject") in about
        or entry["facts"].get("release") == release
        or entry["type"] in ("matter.opened", "audit.exported", "matters.mapped")
    ]


def _ruling(told: Mapping[str, Any]) -> dict[str, Json]:
    done = describe(parse_action(told["do"]))
    because = told["because"]
    return {
        "rule": told["rule"],
        "done": {"en": done.en, "zh": done.zh},
        "in_part": bool(told["where"] or told.get("rows")),
        **{name: because[name] for name in _BECAUSE if name in because},
        **({"exception": told["exception"]} if "exception" in told else {}),
    }


def _about(kind: str, subject: str, entries: Entries) -> Iterable[tuple[int, Mapping[str, Any]]]:
    for index, (entry, _hashed) in entries.items():
        if entry["type"] == kind and entry.get("subject") == subject:
            yield index, entry


def _only(kind: str, subject: str, entries: Entries) -> tuple[int, Mapping[str, Any]]:
    """The first entry of this type about `subject`; an original is kept once, a rendition asked for once."""
    return next(iter(_about(kind, subject, entries)))
