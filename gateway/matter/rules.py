"""What a matter must look like. Every function takes untrusted words and gives trusted ones or one sentence.

1. Title, names, texts and citations are single visible lines (texts may have several), bounded and normalised.
2. Authority, regime and kinds are short lower-case words, because policies name them; a jurisdiction is two capitals.
3. Purpose, class, language, profile and legal basis come from closed lists.
4. The chain has hops 1, 2, 3 … without gaps, one recipient each.
5. Custody names hops of the chain, its own among them; by default it is every hop up to its own.
6. A sealed package needs the recipient's age public key, and a given key is one.
7. Demand items have different numbers such as `item-7`.
8. A clearance names a party by its spellings, or classes of personal data; it is for one class of recipients, ends on a
   day at most five years from its first, and says where its evidence is.
9. A classification is an entry of a list, in capitals, such as 3A001, EAR99 or NONE; a licence has a number, and names
   entries, classes of recipients and countries one by one. Both end and say where their evidence is, as clearances do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from enum import StrEnum
from typing import TypeVar

from gateway.base.text import UnsafeText, clean_line, has_hidden
from gateway.matter.model import (
    ClearanceDraft,
    ClearanceSort,
    ClearanceState,
    DemandDraft,
    DemandItem,
    ExportClassDraft,
    Language,
    LegalBasis,
    LicenceDraft,
    Matter,
    MatterDraft,
    MatterMalformed,
    Profile,
    Purpose,
    Recipient,
    RecipientClass,
    RecipientDraft,
)
from gateway.seal.recipient import check_recipient

ROUND_MAX = 1000
RECIPIENTS_MAX = 20
DEMANDS_MAX = 200
KINDS_MAX = 20
TEXT_CHARS_MAX = 4000
ABOUT_MAX = 20
CLEARANCE_DAYS_MAX = 5 * 366

_WORD = re.compile(r"[a-z][a-z0-9]*([._-][a-z0-9]+)*")
_WORD_CHARS_MAX = 64
_JURISDICTION = re.compile(r"[A-Z]{2}")
_GLOB = re.compile(r"[a-z0-9_.*]{1,120}")
_CLASS = re.compile(r"[A-Z][A-Z_]{1,29}")
_REGIME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ENTRY = re.compile(r"[A-Z0-9][A-Z0-9.()/-]{0,39}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NUMBER = re.compile(r"item-[1-9][0-9]{0,3}")

_Vocabulary = TypeVar("_Vocabulary", bound=StrEnum)


def check_matter(draft: MatterDraft) -> MatterDraft:
    """`draft` with its own fields checked and normalised; recipients and demands are checked apart."""
    _member(Purpose, draft.purpose, "purpose")
    if not 1 <= draft.round <= ROUND_MAX:
        raise MatterMalformed(f"The round is a number from 1 to {ROUND_MAX}.")
    return replace(
        draft,
        title=clean_line(draft.title, what="title"),
        authority=_word(draft.authority, "authority"),
        regime=_word(draft.regime, "regime"),
        jurisdiction=_jurisdiction(draft.jurisdiction),
    )


def check_chain(drafts: Sequence[RecipientDraft], ids: Mapping[int, str], jurisdiction: str) -> tuple[Recipient, ...]:
    """The chain in the order of its hops; `ids` gives the new id of each hop in `check_hops`."""
    return tuple(_recipient(draft, ids, jurisdiction) for draft in sorted(drafts, key=lambda recipient: recipient.hop))


def check_hops(drafts: Sequence[RecipientDraft]) -> tuple[int, ...]:
    """The hops of the chain, ascending, or `MatterMalformed`."""
    if not drafts:
        raise MatterMalformed("Name at least one recipient; the first who receives anything is hop 1.")
    if len(drafts) > RECIPIENTS_MAX:
        raise MatterMalformed(f"A chain has at most {RECIPIENTS_MAX} recipients.")
    hops = tuple(sorted(draft.hop for draft in drafts))
    if hops != tuple(range(1, len(hops) + 1)):
        raise MatterMalformed("Number the recipients 1, 2, 3 and so on along the chain, one recipient for each hop.")
    return hops


def check_demands(drafts: Sequence[DemandDraft]) -> tuple[DemandItem, ...]:
    """The demand items in the order entered, or `MatterMalformed`."""
    if len(drafts) > DEMANDS_MAX:
        raise MatterMalformed(f"A matter has at most {DEMANDS_MAX} demand items; open a further round.")
    items = tuple(_demand(draft) for draft in drafts)
    if len({item.number for item in items}) != len(items):
        raise MatterMalformed("Two demand items have the same number.")
    return items


def check_clearance(draft: ClearanceDraft) -> ClearanceDraft:
    """`draft` checked and normalised, or `MatterMalformed`."""
    sort = _member(ClearanceSort, draft.sort, "sort of clearance")
    if sort not in (ClearanceSort.CONSENT, ClearanceSort.ASSESSMENT):
        raise MatterMalformed("A clearance of this sort is recorded as a classification or a licence.")
    _member(ClearanceState, draft.state, "state of a clearance")
    _member(RecipientClass, draft.recipient_class, "recipient's class")
    if not 1 <= len(draft.about) <= ABOUT_MAX or not 1 <= len(draft.fields) <= ABOUT_MAX:
        raise MatterMalformed(f"A clearance names 1 to {ABOUT_MAX} spellings or classes, and as many fields at most.")
    if not all(map(_GLOB.fullmatch, draft.fields)):
        raise MatterMalformed("Name fields as policies do, such as end_user.name or end_user.*.")
    about = tuple(dict.fromkeys(clean_line(one, what="party's name or class") for one in draft.about))
    if sort is ClearanceSort.ASSESSMENT and not all(map(_CLASS.fullmatch, about)):
        raise MatterMalformed("An assessment is about classes of data such as PERSON or PASSPORT.")
    if sort is ClearanceSort.CONSENT and any(not "".join(filter(str.isalnum, one)) for one in about):
        raise MatterMalformed("A party's name has letters or digits.")
    return replace(draft, about=about, reference=_shown(draft))


def check_export_class(draft: ExportClassDraft) -> ExportClassDraft:
    """`draft` checked and normalised, or `MatterMalformed`."""
    return replace(draft, regime=_regime(draft.regime), entry=_entry(draft.entry), reference=_shown(draft))


def check_licence(draft: LicenceDraft) -> LicenceDraft:
    """`draft` checked and normalised, or `MatterMalformed`."""
    _member(ClearanceState, draft.state, "state of a licence")
    if not all(1 <= len(every) <= ABOUT_MAX for every in (draft.entries, draft.recipient_classes, draft.countries)):
        raise MatterMalformed(f"A licence names 1 to {ABOUT_MAX} entries, classes of recipients and countries each.")
    if "NONE" in (entries := tuple(dict.fromkeys(map(_entry, draft.entries)))):
        raise MatterMalformed("What no list names needs no licence; name the entries that the licence is for.")
    return replace(
        draft,
        regime=_regime(draft.regime),
        number=" ".join(clean_line(draft.number, what="licence number", max_chars=100).upper().split()),
        entries=entries,
        recipient_classes=tuple(
            dict.fromkeys(_member(RecipientClass, one, "recipient's class").value for one in draft.recipient_classes)
        ),
        countries=tuple(dict.fromkeys(map(_jurisdiction, draft.countries))),
        reference=_shown(draft),
    )


def _shown(draft: ClearanceDraft | ExportClassDraft | LicenceDraft) -> str:
    """Where the evidence is, where days and digest are right; or `MatterMalformed`."""
    if not 0 <= (draft.end - draft.start).days <= CLEARANCE_DAYS_MAX:
        raise MatterMalformed("A clearance ends on or after its first day, and within five years of it.")
    if draft.evidence_sha256 is not None and not _SHA256.fullmatch(draft.evidence_sha256):
        raise MatterMalformed("The evidence's digest is the SHA-256 of the document in 64 hexadecimal digits.")
    return clean_line(draft.reference, what="reference")


def _regime(untrusted_text: str) -> str:
    if not _REGIME.fullmatch(untrusted_text):
        raise MatterMalformed("A regime is a short lower-case word as policies name it, such as us_ear.")
    return untrusted_text


def _entry(untrusted_text: str) -> str:
    text = "".join(untrusted_text.split()).upper() if untrusted_text.isascii() else ""
    if not _ENTRY.fullmatch(text):
        raise MatterMalformed("An entry of a list is written as the list does, such as 3A001.a or EAR99, or none.")
    return text


def attributes(matter: Matter, recipient: Recipient, profile: str, on: date) -> dict[str, str | int]:
    """What a policy may ask about a release of this matter to this recipient on this day."""
    return {
        "recipient.class": recipient.recipient_class.value,
        "recipient.hop": recipient.hop,
        "recipient.jurisdiction": recipient.jurisdiction,
        "purpose": matter.purpose.value,
        "authority": matter.authority,
        "regime": matter.regime,
        "round": matter.round,
        "profile": check_profile(profile).value,
        "date": on.isoformat(),
    }


def check_profile(profile: str) -> Profile:
    """The profile of this name, or `MatterMalformed`."""
    return _member(Profile, profile, "profile")


def _recipient(draft: RecipientDraft, ids: Mapping[int, str], jurisdiction: str) -> Recipient:
    profiles = tuple(dict.fromkeys(check_profile(profile) for profile in draft.profiles))
    if not profiles:
        raise MatterMalformed("Name at least one profile for each recipient.")
    if draft.age_key is not None:
        check_recipient(draft.age_key)
    elif Profile.SEALED in profiles:
        raise MatterMalformed("A sealed package needs the recipient's age public key; give it or choose portal.")
    return Recipient(
        id=ids[draft.hop],
        hop=draft.hop,
        name=clean_line(draft.name, what="recipient's name"),
        recipient_class=_member(RecipientClass, draft.recipient_class, "recipient's class"),
        jurisdiction=_jurisdiction(draft.jurisdiction or jurisdiction),
        language=_member(Language, draft.language, "recipient's language"),
        profiles=profiles,
        age_key=draft.age_key,
        custody=_custody(draft, ids),
    )


def _custody(draft: RecipientDraft, ids: Mapping[int, str]) -> tuple[str, ...]:
    if draft.custody is None:
        return tuple(ids[hop] for hop in sorted(ids) if hop <= draft.hop)
    if not set(draft.custody) <= set(ids):
        raise MatterMalformed("Custody names a hop that the chain does not have.")
    if draft.hop not in draft.custody:
        raise MatterMalformed("A recipient has custody of its own copy; add its own hop to its custody.")
    return tuple(ids[hop] for hop in sorted(set(draft.custody)))


def _demand(draft: DemandDraft) -> DemandItem:
    if not _NUMBER.fullmatch(draft.number):
        raise MatterMalformed("Number demand items item-1, item-2 and so on, as the authority's list does.")
    if len(draft.kinds) > KINDS_MAX:
        raise MatterMalformed(f"A demand item names at most {KINDS_MAX} kinds.")
    return DemandItem(
        number=draft.number,
        text=_paragraphs(draft.text, "text of a demand item"),
        legal_basis=_member(LegalBasis, draft.legal_basis, "legal basis"),
        citation=None if draft.citation is None else clean_line(draft.citation, what="citation"),
        kinds=tuple(dict.fromkeys(_word(kind, "kind") for kind in draft.kinds)),
    )


def _paragraphs(untrusted_text: str, what: str) -> str:
    """Visible text in NFC whose only control characters are line ends."""
    text = unicodedata.normalize("NFC", untrusted_text.replace("\r\n", "\n")).strip()
    if not text:
        raise UnsafeText(f"The {what} is empty.")
    if len(text) > TEXT_CHARS_MAX:
        raise UnsafeText(f"The {what} is longer than {TEXT_CHARS_MAX} characters.")
    if has_hidden(text) or any(unicodedata.category(c) == "Cc" and c != "\n" for c in text):
        raise UnsafeText(f"The {what} holds control, bidirectional or zero-width characters.")
    return text


def _word(untrusted_text: str, what: str) -> str:
    if len(untrusted_text) > _WORD_CHARS_MAX or not _WORD.fullmatch(untrusted_text):
        raise MatterMalformed(f"The {what} is a short lower-case word such as mofcom or cn-mofcom-single.")
    return untrusted_text


def _jurisdiction(untrusted_text: str) -> str:
    if not _JURISDICTION.fullmatch(untrusted_text):
        raise MatterMalformed("A jurisdiction is two capital letters (ISO 3166-1), such as CN or DE, or EU.")
    return untrusted_text


def _member(vocabulary: type[_Vocabulary], untrusted_text: str, what: str) -> _Vocabulary:
    try:
        return vocabulary(untrusted_text)
    except ValueError:
        known = ", ".join(item.value for item in vocabulary)
        raise MatterMalformed(f"The {what} is one of: {known}.") from None
