"""The reader of Word documents (Office Open XML, ISO/IEC 29500). It runs only in the sandbox's child.

1. The archive is checked (`archive`), then its parts are found by type and relationship, never by name.
2. What the document shows is read as plain paragraphs (`docx_text`) and pictures (`docx_pictures`); they are set on
   pages of our own (`typeset`).
3. A character that no font here can write is refused, with its paragraph: what cannot be shown cannot be judged.
4. Everything else is told as text, so that it can be searched for: headers, comments, properties, custom data, links,
   field instructions, text that nobody sees. Objects and macros are counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element

from gateway.base.canon import Json
from gateway.formats.archive import Archive
from gateway.formats.docx_looks import Looks
from gateway.formats.docx_numbers import Numbers
from gateway.formats.docx_pictures import Pictures
from gateway.formats.docx_text import Story
from gateway.formats.docx_xml import MAIN_NAMESPACES, child, children, value
from gateway.formats.office_parts import content_types, relations_of, relationships, targets_outside
from gateway.formats.small_xml import tree
from gateway.formats.typed_answer import answer
from gateway.sandbox.task import Answer, TaskRefused

_DOCUMENTS = frozenset(
    {
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
        "application/vnd.ms-word.document.macroEnabled.main+xml",
    }
)
_HEADS = frozenset({"header", "footer"})
_READ = frozenset({"styles", "numbering", "footnotes", "endnotes"})
# Parts that hold no words of their own.
_WORDLESS = frozenset({"theme", "fontTable", "webSettings", "stylesWithEffects"})
# Numbers, switches, identities and names of formats say nothing of anybody.
_NO_WORDS = re.compile(r"[-\d.]*|.{0,3}|[0-9A-Fa-f]{8}|\{?[0-9A-Fa-f-]{36}\}?|https?://schemas\..*|[a-z]+[A-Za-z]*")
_MACRO = "vbaproject.bin"


def parse(_request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """One blob of JSON: pages, blocks, parts and counts, as `typed_reader` reads them."""
    if not untrusted:
        raise TaskRefused("empty")
    package = _Package(Archive(untrusted))
    story = package.story()
    counts, asides = package.beside(story)
    return answer(story.paragraphs, story.widths, counts, asides, package.pictures.shown)


class _Package:
    """The parts of one document."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._types = content_types(archive)
        mains = [part for sort, part in relationships(archive, "").values() if sort == "officeDocument"]
        if len(mains) != 1 or self._types.get(mains[0]) not in _DOCUMENTS:
            raise TaskRefused("no-document")
        self._main = mains[0]
        self._root = tree(archive.member(self._main))
        if self._root.tag.partition("}")[0].lstrip("{") not in MAIN_NAMESPACES:
            raise TaskRefused("no-document")
        has_relations = relations_of(self._main) in archive.names
        self._relations = relationships(archive, self._main) if has_relations else {}
        self.pictures = Pictures(archive, self._relations)
        self._related = [*self._relations.values()]

    def story(self) -> Story:
        """The document, read. Raises `TaskRefused`."""
        body = child(self._root, "body")
        if body is None:
            raise TaskRefused("no-document")
        notes = {
            (sort, value(one, "id") or ""): one
            for sort in ("footnote", "endnote")
            for one in children(self._part(f"{sort}s"), sort)
        }
        story = Story(Looks(self._part("styles")), Numbers(self._part("numbering")), notes, self.pictures)
        story.read(body)
        story.asides["unread"] += [" ".join(one.itertext()) for one in story.untold()]
        return story

    def beside(self, story: Story) -> tuple[dict[str, int], dict[str, list[str]]]:
        """How much of what never leaves, and by sort the texts of what can be searched for."""
        asides = {sort: list(texts) for sort, texts in story.asides.items()}
        counts = Counter(story.counts)
        for name in sorted(self._archive.names):
            sort = "link" if name.endswith(".rels") else self._sort_of(name)
            if sort in {"object", "macro"}:
                counts[sort] += 1
            elif sort is not None:
                asides.setdefault(sort, []).extend(self._texts(name, sort))
        return counts, asides

    def _sort_of(self, name: str) -> str | None:
        """What a member is that is not read as the document; None for what has no words."""
        relation = next((sort for sort, part in self._related if part == name), "")
        if name in {self._main, "[Content_Types].xml"} or relation in _READ | _WORDLESS:
            return None
        if name.casefold().endswith(_MACRO):
            return "macro"
        if not name.endswith((".xml", ".vml")):
            return None if relation == "image" or "media/" in name else "object"
        if relation in _HEADS or relation.startswith("comments"):
            return relation if relation in _HEADS else "comment"
        return "property" if name.startswith("docProps/") else "custom"

    def _part(self, relation: str) -> Element | None:
        part = next((part for sort, part in self._related if sort == relation), None)
        return None if part is None else tree(self._archive.member(part))

    def _texts(self, name: str, sort: str) -> Iterator[str]:
        """The texts of a part, each as one; who commented; the attributes of custom data that could say something."""
        if sort == "link":
            yield from targets_outside(self._archive, name)
            return
        root = tree(self._archive.member(name))
        for one in root if len(root) else [root]:
            yield " ".join(" ".join(one.itertext()).split())
        for deeper in root.iter() if sort in {"custom", "comment"} else ():
            for key, text in deeper.attrib.items():
                if sort == "custom" or key.rpartition("}")[2] == "author":
                    yield "" if _NO_WORDS.fullmatch(text) else text
