"""Whatever is not plainly sound is refused, in one sentence with file and line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gateway.policy.conditions import Context
from gateway.policy.load import load_library, load_policy_file, packs_dir
from gateway.policy.problems import (
    KindUnknown,
    PolicyExpired,
    PolicyInvalid,
    PolicyNotApplicable,
    PolicyUnknown,
)
from tests.support.policies import HEAD, KIND, REQ, TS, load, rule

GOOD = rule("a", "{fields: [buyer]}", "drop")
NO_SUMMARY = "because: {code: TS, basis: l, reason: {en: r, zh: 理}}"


@pytest.mark.parametrize(
    ("rules", "word"),
    [
        (rule("a", "{fields: [buyer]}", "allow", TS), "code that justifies disclosing"),
        (rule("a", "{fields: [buyer]}", "drop", REQ), "code that justifies it"),
        (rule("a", "{fields: [buyer]}", "{pseudonymise: {scope: release, prefix: P}}", REQ), "withholds"),
        (rule("a", "{fields: [buyer]}", "drop", NO_SUMMARY), "`no_summary_reason`"),
        (rule("a", "{fields: [buyer]}", "drop", "because: {code: XYZ}"), "not a code"),
        (rule("a", "{fields: [buyer]}", "allow", "because: {code: REQ, basis: l}"), "asked_for"),
        (rule("a", "{fields: [buyer]}", "allow", "because: {code: PUB, basis: l}"), "place"),
        (rule("a", "{fields: [buyer]}", "allow", REQ.replace("verified", "hearsay")), "how well `basis` is known"),
        (rule("a", "{fields: [buyer]}", "allow", REQ.replace("basis: law, ", "")), "how well `basis` is known"),
        (rule("a", "{fields: [buyer]}", "allow", more="not_only: [sensor]"), "add `present`"),
        (rule("a", "{fields: [buyer]}", "allow", more="present: required\n    not_only: ['--']"), "one letter"),
        (rule("a", "{fields: [buyer]}", "drop", TS.replace("{count}", "{name}")), "no other braces"),
        (rule("a", "{fields: [buyer]}", "blur"), "does not exist"),
        (rule("a", "{fields: [buyer]}", "aggregate"), "takes the parameters"),
        (rule("a", "{fields: [buyer]}", "{downscale: 720}"), "is not an action"),
        (rule("a", "{fields: [buyer]}", "hide"), "is not an action"),
        (rule("a", "{fields: [buyer]}", "{drop: {}}"), "takes no parameters"),
        (rule("a", "{fields: [buyer]}", "{pseudonymise: {scope: recipient, prefix: P}}"), "exposure"),
        (rule("a", "{fields: [buyer]}", "{pseudonymise: {scope: release, prefix: p1}}"), "capital"),
        (rule("a", "{fields: [qty]}", "{bucket: {edges: [10, 5], unit: kg}}"), "rise"),
        (rule("a", "{fields: [qty]}", "{bucket: {edges: [1e3], unit: kg}}"), "plain decimal"),
        (rule("a", "{fields: [qty]}", "{bucket: {edges: [10], unit: t}}"), "another unit"),
        (rule("a", "{fields: [qty]}", "{round: {to: 0, unit: kg}}"), "more than zero"),
        (rule("a", "{fields: [buyer]}", "{bucket: {edges: [10]}}"), "cannot `bucket`"),
        (rule("a", "{fields: [buyer]}", "{truncate_date: quarter}"), "cannot `truncate_date`"),
        (rule("a", "{fields: [day]}", "{truncate_date: week}"), "year, quarter or month"),
        (rule("a", "{fields: [buyer]}", "{mask: {keep_last: 9}}"), "0 to 4"),
        (rule("a", "{fields: [buyr]}", "drop"), "none of its kinds has"),
        (rule("a", "{fields: [buyer], where: {licenced: ['yes']}}", "allow"), "none of its kinds has"),
        (rule("a", "{fields: [buyer], where: {licensed: []}}", "allow"), "at least one value"),
        (rule("a", "{}", "drop"), "names nothing"),
        (rule("a", "{sheets: [1]}", "drop"), "one sheet leaves"),
        (rule("a", "{rows: [1]}", "drop"), "`where`"),
        (rule("a", "{members: ['*']}", "drop"), "taken apart when it arrives"),
        (rule("a", "{fields: [day]}", "{redate: quarter}"), "a shifted date is a false one"),
        (rule("a", "{fields: [qty]}", "suppress"), "needs `below`"),
        (rule("a", "{fields: [qty]}", "{suppress: {below: 5}}"), "another unit"),
        (rule("a", "{fields: [qty]}", "{suppress: {below: 0, unit: kg}}"), "more than zero"),
        (rule("a", "{fields: [buyer]}", "{suppress: {below: 5}}"), "cannot `suppress`"),
        (rule("a", "{classes: [MONEY]}", "{suppress: {below: 5}}"), "select by `fields` only"),
        (rule("a", "{fields: [qty]}", "{index: {over: day, base: x, to: 0.05}}"), "gives its base away"),
        (rule("a", "{fields: [qty]}", "{index: {over: dai, base: x, to: 1}}"), "none of its kinds has"),
        (rule("a", "{fields: [qty]}", "{index: {over: qty, base: x, to: 1}}"), "by itself"),
        (rule("a", "{fields: [qty]}", "{index: {over: day, base: x, by: [day], to: 1}}"), "one of them"),
        (rule("a", "{fields: [qty]}", "{index: {over: day, base: '=1', to: 1}}"), "needs `base`"),
        (rule("a", "{fields: [qty], where: {licensed: ['y']}}", "{index: {over: day, base: x, to: 1}}"), "all rows"),
        (rule("a", "{fields: [buyer]}", "{generic_name: {names: {BMW: BMW of Munich}}}"), "that it stands for"),
        (rule("a", "{fields: [buyer]}", "{generic_name: {names: {宝马: 大宝马车}}}"), "that it stands for"),
        (rule("a", "{fields: [buyer]}", "{generic_name: {names: {}}}"), "needs `names`"),
        (rule("a", "{fields: [buyer]}", "{generic_name: {names: {a: '=x'}}}"), "begins with a letter"),
        (rule("a", "{fields: [buyer]}", "{generic_name: {names: {a: x, ' A': y}}}"), "there twice"),
        (rule("a", "{metadata: ['*']}", "mute"), "`mute` is for sound"),
        (rule("a", "{tracks: [voice]}", "mute"), "not of the right form"),
        (rule("a", "{colour: [red]}", "drop"), "no such key"),
        (rule("a", "{pages: [0]}", "drop"), "write all, first, last, or numbers"),
        (rule("A", "{fields: [buyer]}", "drop"), "write lower-case letters, digits and hyphens"),
        (rule("a", "{fields: buyer}", "drop"), "write a list"),
        (rule("a", "{fields: [Buyer]}", "drop"), "`*` for anything"),
        (rule("a", "{classes: [EMAILS]}", "drop"), "write one of PERSON, EMAIL"),
        (rule("a", "fields", "drop"), "write keys with values"),
        (rule("a", "{pages: [1]}", "box"), "cannot be done to a page"),
        (rule("a", "{text: {patterns: []}}", "drop"), "`text` needs `patterns`"),
        (rule("a", "{text: {patterns: ['*x*']}}", "{mask: {keep_last: 0}}"), "cannot be done to a text"),
        (rule("a", "{fields: [buyer]}", "box"), "cannot be done to a column"),
        (rule("a", "{metadata: ['*']}", "allow"), "cannot be done to a metadata"),
        (rule("a", "{classes: [MONEY]}", "allow"), "selected by `fields`"),
        (rule("a", "{headers: ['*x*']}", "{mask: {keep_last: 0}}"), "may only"),
        (rule("a", "{fields: [buyer], where: {licensed: ['yes']}}", "block"), "remove `where`"),
        (rule("a", "{fields: [buyer]}", "drop", more="present: required"), "cannot be removed"),
        (rule("a", "{fields: [buyer]}", "drop", more="final: yes"), "`true` or `false`"),
        (rule("a", "{fields: [buyer]}", "drop", more="when: {recipient.colour: [red]}"), "not an attribute"),
        (rule("a", "{fields: [buyer]}", "drop", more="when: {recipient.class: [suplier]}"), "one of agent"),
        (rule("a", "{fields: [buyer]}", "drop", more="when: {round: {ge: 3, le: 2}}"), "empty"),
        (rule("a", "{fields: [buyer]}", "drop", more="when: {purpose: {ge: a}}"), "no order"),
        (GOOD + GOOD, "stands twice"),
        (rule("default", "{fields: [buyer]}", "drop"), "engine's own"),
        (
            rule("a", "{fields: [qty]}", "{bucket: {edges: [10, 20], unit: kg}}")
            + rule("b", "{fields: ['q*']}", "{bucket: {edges: [15], unit: kg}}"),
            "neither is stricter",
        ),
    ],
)
def test_a_rule_that_is_not_sound_is_refused(tmp_path: Path, rules: str, word: str) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        load(tmp_path, HEAD + rules)
    assert caught.value.detail.startswith("p0.yaml, line ")
    assert word in caught.value.detail
    assert caught.value.detail.endswith(".")


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("version: 1.0.0", "version: '1'", "version"),
        ("owner: legal", "owner: legal\n  risky: x", "no such key"),
        ("approvals:", "risk: {k: 5}\napprovals:", "`risk.quasi_identifiers` is missing"),
        ("kinds: [sample]", "kinds: [ghost]", "not known"),
        ("to: 2026-12-31", "to: 2025-12-31", "lies before"),
        ("to: 2026-12-31", "to: 31.12.2026", "must be a day"),
        ("from: 2026-01-01, ", "", "missing"),
        ("role: legal", "role: originator", "role"),
        ("title: {en: Sample, zh: 样本}", "title: {en: Sample}", "missing"),
        ("rules:", "defaults: {field: allow}\nrules:", "defaults.field"),
        ("rules:", "defaults: {unknown_field: allow}\nrules:", "unknown_field"),
        ("rules:", "defaults: {because: {code: REQ, asked_for: x}}\nrules:", "default withholds"),
        ("rules:", "output: {mark: none}\nrules:", "output.mark"),
        ("effective:", "extends: [base.none@1]\n  effective:", "not here"),
        ("effective:", "extends: [test.sample@1]\n  effective:", "leads back"),
    ],
)
def test_a_head_that_is_not_sound_is_refused(tmp_path: Path, old: str, new: str, word: str) -> None:
    assert old in HEAD
    with pytest.raises(PolicyInvalid) as caught:
        load(tmp_path, HEAD.replace(old, new, 1) + GOOD)
    assert word in caught.value.detail


def test_the_line_is_that_of_the_wrong_key(tmp_path: Path) -> None:
    text = HEAD + GOOD + rule("b", "{fields: [buyer]}", "allow", TS)
    with pytest.raises(PolicyInvalid) as caught:
        load(tmp_path, text)
    assert caught.value.members["line"] == text[: text.index("- id: b")].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("synonyms: [Kunde]", "synonyms: [Price]", "names two fields"),
        ("{en: Price, zh", "{en: '=Price', zh", "title"),
        ("{en: Price, zh", "{en: Buyer, zh", "stands twice"),
        ("type: date", "type: day", "type"),
        ("medium: table", "medium: picture", "picture kind has regions"),
    ],
)
def test_a_kind_that_is_not_sound_is_refused(tmp_path: Path, old: str, new: str, word: str) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        load(tmp_path, kind=KIND.replace(old, new, 1))
    assert word in caught.value.detail


BASE = HEAD.replace("test.sample", "base.one").replace("applies_to: {kinds: [sample]}\n", "")
CHILD = HEAD.replace("effective:", "extends: [base.one@1]\n  effective:")


def test_a_child_inherits_every_rule_and_its_finality(tmp_path: Path) -> None:
    base = BASE + rule("never", "{classes: [MONEY]}", "drop", more="final: true")
    policy = load(tmp_path, base, CHILD + GOOD).policy("test.sample")
    assert {(one.id, one.final) for one in policy.rules} == {("never", True), ("a", False)}


def test_a_child_cannot_replace_a_rule(tmp_path: Path) -> None:
    base = BASE + rule("never", "{classes: [MONEY]}", "drop", more="final: true")
    with pytest.raises(PolicyInvalid, match="cannot be replaced"):
        load(tmp_path, base, CHILD + rule("never", "{fields: [price]}", "allow"))


@pytest.mark.parametrize(
    ("base", "child", "word"),
    [
        (("rules:", "output: {profile: [sealed]}\nrules:"), ("", ""), "profiles"),
        (("approvals:", "applies_to: {kinds: [shot]}\napprovals:"), ("", ""), "all these kinds"),
    ],
)
def test_a_child_stays_within_its_parent(
    tmp_path: Path, base: tuple[str, str], child: tuple[str, str], word: str
) -> None:
    picture = rule("never", "{metadata: ['*']}", "strip")
    with pytest.raises(PolicyInvalid, match=word):
        load(tmp_path, BASE.replace(*base) + picture, CHILD.replace(*child) + GOOD)


def test_days_context_and_quorum_are_those_of_both(tmp_path: Path) -> None:
    base = BASE.replace("2026-12-31", "2026-06-30").replace("n: 2", "n: 3")
    base = base.replace("approvals:", "applies_to: {when: {purpose: [x]}}\napprovals:")
    child = CHILD.replace("2026-01-01", "2026-02-01").replace("[sample]}", "[sample], when: {round: [1]}}")
    policy = load(tmp_path, base + rule("n", "{classes: [MONEY]}", "drop"), child + GOOD).policy("test.sample")
    assert (policy.start, policy.end) == (date(2026, 2, 1), date(2026, 6, 30))
    assert [[c.attribute for c in conditions] for conditions in policy.whens] == [["purpose"], ["round"]]
    assert max(approval.n for approval in policy.approvals) == 3


def test_versions_are_numbers(tmp_path: Path) -> None:
    texts = [HEAD.replace("1.0.0", version) + GOOD for version in ("1.9.0", "1.10.0", "2.0.0")]
    library = load(tmp_path, *texts)
    assert library.policy("test.sample").version == "2.0.0"
    assert library.policy("test.sample@1").version == "1.10.0"
    assert library.policy("test.sample@1.9.0").version == "1.9.0"
    for ref in ("test.sample@3", "test.sampl", "nothing", ""):
        with pytest.raises(PolicyUnknown):
            library.policy(ref)
    with pytest.raises(KindUnknown):
        library.kind("ghost")


def test_the_same_policy_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid, match="defined twice"):
        load(tmp_path, HEAD + GOOD, HEAD + GOOD)


def test_exactly_one_policy_applies(tmp_path: Path) -> None:
    narrow = HEAD.replace("[sample]}", "[sample], when: {purpose: [x]}}")
    other = narrow.replace("test.sample", "test.other").replace("[x]", "[x, y]")
    library = load(tmp_path, narrow + GOOD, narrow.replace("1.0.0", "1.1.0") + GOOD, other + GOOD)
    day = date(2026, 3, 1)
    assert library.for_kind("sample", Context({"purpose": "y"}), day).id == "test.other"
    with pytest.raises(PolicyNotApplicable, match="Several"):
        library.for_kind("sample", Context({"purpose": "x"}), day)
    with pytest.raises(PolicyNotApplicable, match="No policy"):
        library.for_kind("sample", Context({"purpose": "z"}), day)
    with pytest.raises(PolicyNotApplicable, match="No policy"):
        library.for_kind("sample", Context({}), day)
    with pytest.raises(PolicyExpired):
        library.for_kind("sample", Context({"purpose": "y"}), date(2027, 1, 1))


def test_the_digest_pins_every_word(tmp_path: Path) -> None:
    one = load(tmp_path, HEAD + GOOD)
    again = load(tmp_path, HEAD + GOOD)
    changed = load(tmp_path, HEAD + GOOD.replace("zh: 摘", "zh: 要"))
    renamed = load(tmp_path, HEAD + GOOD, kind=KIND.replace("Kunde", "Käufer"))
    digests = [library.policy("test.sample").library_digest for library in (one, again, changed, renamed)]
    assert digests[0] == digests[1] == one.digest
    assert len(set(digests)) == 3


def test_a_single_file_is_resolved_against_the_library(tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    library = load(tmp_path / "library", BASE + rule("never", "{classes: [MONEY]}", "drop"))
    file = tmp_path / "mine.yaml"
    file.write_text(CHILD + GOOD, encoding="utf-8")
    policy = load_policy_file(file, library)
    assert {one.id for one in policy.rules} == {"never", "a"}
    assert policy.library_digest not in {"", library.digest}


def test_the_shipped_packs_load() -> None:
    library = load_library()
    assert set(library.kinds) >= {"customer_list", "order_book", "production_photo"}
    assert len(library.kind("customer_list").fields) >= 14
    assert len(library.kind("order_book").fields) >= 18
    assert library.digest == load_library(packs_dir()).digest
    assert library.with_policy(library.policy("base.personal-data")).digest == library.digest


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(PolicyUnknown):
        load_library(tmp_path / "none")
