"""The justification codes: why a field may leave, or why it stays, and how well what they cite is known."""

from __future__ import annotations

from collections.abc import Mapping

DISCLOSING: Mapping[str, str] = {
    "REQ": "asked for, and the law gives the authority a right to it",
    "PUB": "already public",
    "COURT": "ordered by a court",
}
WITHHOLDING: Mapping[str, str] = {
    "CN-ALL-31": "unrelated to the licence applied for",
    "CN-ALL-05": "confidential business information",
    "CN-DUR-16-ALT": "an alternative document is allowed",
    "TS": "own trade secret",
    "TP-NDA": "third-party secrecy",
    "PD-MIN": "personal data, kept to the minimum",
    "XC-EAR": "export-controlled under the EAR",
    "XC-ITAR": "export-controlled under the ITAR",
    "XC-EUDU": "export-controlled under the EU dual-use regulation",
    "DEF": "defence nexus",
    "AT": "sensitive under competition law",
    "PRIV": "legal privilege",
    "SEC": "site and information security",
    "AGED": "too old to be claimed",
}
# Given by the engine alone, where no rule names a field: no claim is made up on the author's behalf.
UNNAMED = "UNNAMED"
# Of several sources the least known one counts.
EVIDENCE: Mapping[str, str] = {
    "verified": "the full text was read",
    "excerpt": "an excerpt or a report of it was read",
    "unverified": "cited from memory; counsel confirms it before first use",
    "house-rule": "no law: the company's own judgement",
}
