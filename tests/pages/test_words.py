"""Both languages say everything, and nothing that no page asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import pytest

from gateway.base.progress import Stage
from gateway.intake.model import DefenceNexus, ExportControl, PersonalData, ThirdParty
from gateway.matter.model import LegalBasis, Purpose, RecipientClass
from gateway.people.model import PersonState, Role
from gateway.policy.codes import DISCLOSING, EVIDENCE, UNNAMED, WITHHOLDING
from gateway.policy.model import Select
from gateway.release.model import Profile, State
from gateway.render.model import State as RenditionState
from gateway.sandbox.ports import Layer
from gateway.web.pages import releases, site
from gateway.web.pages.desk import MENU

TEMPLATES = sorted((site.HERE / "templates").glob("*.html"))
TASKS = ("review", "build", "change", "waiting", "blocked", "refused", "dispatch", "receipt", "classify", "countersign")
# The families of keys that pages put together themselves, and everything that can stand behind each dot.
FAMILIES: dict[str, list[str]] = {
    "menu": [name for name, _, _ in MENU],
    "role": [*Role],
    "role_waits": [*Role],
    "task": [
        "review",
        "build",
        "change",
        "waiting",
        "blocked",
        "refused",
        "dispatch",
        "receipt",
        "classify",
        "countersign",
    ],
    "purpose": [*Purpose],
    "class": [*RecipientClass],
    "basis": [*LegalBasis],
    "profile": [*Profile],
    "question": ["export_control", "personal_data", "third_party", "defence_nexus"],
    "export_control": [*ExportControl],
    "personal_data": [*PersonalData],
    "third_party": [*ThirdParty],
    "defence_nexus": [*DefenceNexus],
    "rendition": [*RenditionState],
    "stage": [*Stage],
    "state": [*State],
    "next": [*State],
    "hindered": ["submit", "approve", "refuse", "dispatch", "receipt", "recall"],
    "document": [*releases.READABLE],
    "only": ["all", "open", "withheld", "transformed", "mixed", "disclosed"],
    "outcome": ["withheld", "transformed", "mixed", "disclosed"],
    "code": [*DISCLOSING, *WITHHOLDING, UNNAMED],
    "pin": ["library", "engine", "bundle"],
    "select": [*Select.model_fields],
    "evidence": [*EVIDENCE],
    "person": [*PersonState],
    "boxes": ["left", "top", "width", "height"],
    "review": ["original", "rendition"],
    "finding": ["log", "keys", "clock", "store", "policies", "detector", *(f"sandbox {one}" for one in Layer)],
    "passkey": ["sign_in", "make", "approve"],
    "passkey_state": ["waiting", "good", "revoked"],
    "passkey_word": [*site.PASSKEY_WORDS],
    "found": ["ok", "missing", "absent"],
}
_KEY = re.compile(r"""\bt\(\s*["']([a-z_]+\.[A-Za-z_]+)["']\s*[,)]""")
_JOINED = re.compile(r"""\bt\(\s*["']([a-z_]+)\.["']\s*~""")
_BADGE = re.compile(r"""p\.badge\(t, "([a-z_]+)",""")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def _asked() -> Iterator[str]:
    for path in TEMPLATES:
        text = path.read_text("utf-8")
        yield from _KEY.findall(text)
        for family in (*_JOINED.findall(text), *_BADGE.findall(text)):
            yield from (f"{family}.{one.value if isinstance(one, StrEnum) else one}" for one in FAMILIES[family])
    # Families that follow a name in the template, or the policy's word for the unknown.
    for family in ("export_control", "personal_data", "third_party", "defence_nexus"):
        yield from (f"{family}.{one}" for one in FAMILIES[family])
    yield from ("policy.unknown_ask", "policy.unknown_drop")
    yield from (f"review.{word}" for word in ("original", "rendition", "picture_original", "picture_rendition"))
    yield from (f"review.side_{word}" for word in ("both", "original", "rendition"))


def test_every_text_that_a_page_asks_for_is_there_and_no_other() -> None:
    asked = {*_asked()}
    for language in site.LANGUAGES:
        there = site.words(language).keys()
        assert asked - there == set(), language
    assert site.words("en").keys() - asked == set(), "texts that no page asks for"


def test_both_languages_have_the_same_texts_with_the_same_gaps() -> None:
    en, zh = (site.words(language) for language in site.LANGUAGES)
    assert en.keys() == zh.keys()
    for key, text in en.items():
        assert set(_PLACEHOLDER.findall(text)) == set(_PLACEHOLDER.findall(zh[key])), key
        assert text.strip() == text
        assert zh[key].strip()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_writes_anything_unescaped_or_inline(path: Path) -> None:
    """What a browser would run or believe comes from files of ours alone."""
    text = path.read_text("utf-8")
    for forbidden in (
        r"\|\s*safe\b",
        r"autoescape",
        r"\sstyle=",
        r"\son[a-z]+=",
        r"<style",
        r"javascript:",
        r"<script(?! type=\"module\" src=\"\{\{ asset)",
    ):
        assert not re.search(forbidden, text), forbidden


def test_assets_load_nothing_from_elsewhere() -> None:
    for name, (data, _) in site.assets().items():
        text = data.decode("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "//" not in re.sub(r"^\s*//.*$|\s//[^\n]*$", "", text, flags=re.MULTILINE), name
        assert not re.search(r"\beval\(|new Function|innerHTML|insertAdjacentHTML|document\.write", text), name


def test_the_languages_a_browser_asks_for() -> None:
    def chosen(accepted: str, cookie: str = "") -> str:
        from starlette.requests import Request

        headers = [(b"accept-language", accepted.encode()), (b"cookie", cookie.encode())]
        return site.language_of(Request({"type": "http", "headers": headers}))

    assert chosen("zh-CN,zh;q=0.9,en;q=0.8") == "zh"
    assert chosen("de-DE, en-GB;q=0.5") == "en"
    assert chosen("") == "en"
    assert chosen("en", "language=zh") == "zh"
    assert chosen("zh", "language=../../x") == "zh"
