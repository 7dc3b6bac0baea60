"""The rules of arrival and of the gates before release."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.base.problems import Problem, Usage
from gateway.intake import rules
from gateway.intake.model import Classification, DefenceNexus, ExportControl, Original, PersonalData, ThirdParty

DIGEST = hashlib.sha256(b"x").digest()
HARMLESS = Classification(ExportControl.EAR99, PersonalData.ASSESSED, ThirdParty.CONSENTED, DefenceNexus.NO)
ORIGINAL = Original(
    id="org_1",
    matter="mat_1",
    kind="customer_list",
    media_type="text/csv",
    object_id="obj_1",
    size_bytes=1,
    sha256=DIGEST.hex(),
    file_name=None,
    uploader="per_1",
    classification=HARMLESS,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def _header(value: bytes, algorithm: str = "sha-256") -> str:
    return f"{algorithm}=:{base64.b64encode(value).decode()}:"


def test_the_announced_digest_is_read() -> None:
    assert rules.announced_sha256(None) is None
    assert rules.announced_sha256(_header(DIGEST)) == DIGEST.hex()
    assert rules.announced_sha256(f"{_header(bytes(64), 'sha-512')}, {_header(DIGEST)}") == DIGEST.hex()


@pytest.mark.parametrize(
    "header",
    ["", "sha-256", "sha-256=abc", "sha-256=:****:", _header(b"short"), _header(bytes(64), "sha-512"), "sha-256=:a:"],
)
def test_a_digest_that_cannot_be_checked_is_refused(header: str) -> None:
    with pytest.raises(Usage):
        rules.announced_sha256(header)


def test_other_bytes_than_announced_are_refused() -> None:
    rules.check_digest(None, "a")
    rules.check_digest("a", "a")
    with pytest.raises(rules.DigestMismatch):
        rules.check_digest("a", "b")


def test_size_is_bounded() -> None:
    rules.check_size(10, 10)
    with pytest.raises(rules.BodyTooLarge):
        rules.check_size(11, 10)


def test_the_type_must_be_known_and_fit_the_kind() -> None:
    assert rules.check_type("text/csv", {"text/csv"}, "order_book") == "text/csv"
    for shown in (None, "image/png"):
        with pytest.raises(rules.UnsupportedFormat, match="text/csv"):
            rules.check_type(shown, {"text/csv"}, "order_book")


@pytest.mark.parametrize(
    "classification",
    [
        None,
        replace(HARMLESS, defence_nexus=DefenceNexus.YES),
        replace(HARMLESS, export_control=ExportControl.CONTROLLED),
        replace(HARMLESS, export_control=ExportControl.LICENSED),
        replace(HARMLESS, personal_data=PersonalData.NOT_ASSESSED),
        replace(HARMLESS, third_party=ThirdParty.REFUSED),
    ],
)
def test_a_missing_or_blocking_answer_refuses_a_release(classification: Classification | None) -> None:
    with pytest.raises(rules.Unclassified) as caught:
        rules.check_classified(replace(ORIGINAL, classification=classification))
    assert caught.value.members["original"] == "org_1"


@pytest.mark.parametrize(
    "classification",
    [
        HARMLESS,
        replace(HARMLESS, export_control=ExportControl.NONE),
        replace(HARMLESS, export_control=ExportControl.LICENSED, licence_number="D-1234"),
        replace(HARMLESS, third_party=ThirdParty.WITHHELD_BY_POLICY),
        replace(HARMLESS, personal_data=PersonalData.NONE),
    ],
)
def test_complete_answers_pass(classification: Classification) -> None:
    rules.check_classified(replace(ORIGINAL, classification=classification))


def test_every_refusal_is_one_sentence_that_says_what_to_do() -> None:
    problems: list[Problem] = []
    attempts: tuple[Callable[[], object], ...] = (
        lambda: rules.announced_sha256("nonsense"),
        lambda: rules.check_size(2, 1),
        lambda: rules.check_type(None, {"text/csv"}, "order_book"),
        lambda: rules.check_classified(replace(ORIGINAL, classification=None)),
    )
    for attempt in attempts:
        with pytest.raises(Problem) as caught:
            attempt()
        problems.append(caught.value)
    assert all(problem.detail.endswith(".") and problem.detail.count(". ") == 0 for problem in problems)
