"""What a Word document shows, as paragraphs of words, and what it holds besides. Runs only in the sandbox's child.

1. Every element that is known here is read as a reader of the document would see it; text in any other never leaves and
is searched for. 2. Field results are text, field instructions are not. 3. Tracked changes are refused: which of two
wordings was agreed on is for people to say. 4. Text that nobody sees (`docx_looks`), links, comments, alternative texts
and the branch of an alternative that is not shown are kept apart. 5. Pictures follow
the paragraph or table that they hang on, with their number in their place, as far as `docx_pictures` shows them; what
it does not show, and embedded objects, leave a note. 6. A text box follows the paragraph that it hangs on, notes follow
the document.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from xml.etree.ElementTree import Element

from gateway.formats.docx_drawings import alternatives, is_hidden, shows_a_picture, text_boxes
from gateway.formats.docx_fields import Fields, form
from gateway.formats.docx_looks import Looks, Paragraphs
from gateway.formats.docx_numbers import Numbers
from gateway.formats.docx_pictures import Pictures
from gateway.formats.docx_words import SYMBOL, Segment, plain, spoken, symbol
from gateway.formats.docx_xml import child, children, is_on, name_of, number, value
from gateway.formats.typed import MAX_CHARACTERS, MAX_COLUMNS, MAX_INDENT, MAX_PARAGRAPHS, Cell, Paragraph, Style
from gateway.sandbox.task import TaskRefused

PICTURE, FORMULA, OBJECT = "[picture not included]", "[formula not included]", "[object not included]"
_MAX_DEPTH = 60
_LEAST_ROW_TWIPS = 60
_TRACKED = frozenset({"ins", "del", "moveFrom", "moveTo", "cellIns", "cellDel", "cellMerge", "numberingChange"})
_REFORMATTED = frozenset({"rPrChange", "pPrChange", "sectPrChange", "tblPrChange", "trPrChange", "tcPrChange"})
_INCLUDED = frozenset({"altChunk", "subDoc"})
_SHOW_NOTHING = """
    pPr rPr tblPr tblGrid trPr tcPr sectPr sdtPr sdtEndPr tblPrEx smartTagPr customXmlPr fldData
    bookmarkStart bookmarkEnd proofErr permStart permEnd
    commentRangeStart commentRangeEnd commentReference annotationRef
    moveFromRangeStart moveFromRangeEnd moveToRangeStart moveToRangeEnd
    customXmlInsRangeStart customXmlInsRangeEnd customXmlDelRangeStart customXmlDelRangeEnd
    customXmlMoveFromRangeStart customXmlMoveFromRangeEnd customXmlMoveToRangeStart customXmlMoveToRangeEnd
    lastRenderedPageBreak softHyphen footnoteRef endnoteRef separator continuationSeparator
"""
_SILENT = frozenset(_SHOW_NOTHING.split())
_WRAPPERS = frozenset({"hyperlink", "smartTag", "customXml", "dir", "bdo", "sdt", "sdtContent", "rubyBase"})
_KNOWN_TO_WORD = "wps wpg wpc wpi wp14 w14 w15 w16se w16cid w16 w16cex a14 am3d aink cx cx1 v o"
_BRANCHES = frozenset(_KNOWN_TO_WORD.split())


class Story:
    """The paragraphs of a document as they are read, and by sort what it holds besides.

    `asides` are texts that never leave; `counts` what else stays behind. `widths` are those of each table's columns.
    """

    def __init__(
        self,
        looks: Looks,
        numbers: Numbers,
        notes: Mapping[tuple[str, str], Element],
        pictures: Pictures,
    ) -> None:
        self.paragraphs: list[Paragraph] = []
        self.widths: list[list[int]] = []
        self.asides: defaultdict[str, list[str]] = defaultdict(list)
        self.counts: Counter[str] = Counter()
        self._looks, self._numbers, self._notes = looks, numbers, notes
        # Notes have relationships of their own, so what is embedded there cannot be told from here.
        self._pictures: Pictures | None = pictures
        self._told: list[Element] = []
        self._characters = 0
        self._depth = 0
        self._unseen = 0
        self._turn = False
        self._fields = Fields(partial(self._keep, "field"))
        self._segments: list[Segment] = []
        self._hidden: list[str] = []
        self._hanging: list[tuple[Element, bool]] = []
        self._shown: list[int] = []
        self._paragraph_read: Element | None = None
        self._style: Paragraphs = looks.of_paragraph(None)
        self._ground: Element | None = None
        self._readers: Mapping[str, Callable[[Element, Element | None, bool], None]] = {
            "t": self._words,
            "tab": self._gap,
            "ptab": self._gap,
            "noBreakHyphen": self._hyphen,
            "br": self._break,
            "cr": self._break,
            "sym": self._symbol,
            "fldChar": self._field,
            "instrText": self._instruct,
            "footnoteReference": self._note,
            "endnoteReference": self._note,
            "drawing": self._drawing,
            "pict": self._drawing,
            "object": self._drawing,
            "ruby": self._ruby,
            "mc:AlternateContent": self._alternative,
        }

    def read(self, body: Element) -> None:
        """The whole document, then its notes. Raises `TaskRefused`."""
        self._blocks(body, None)
        self._pictures = None
        for at, note in enumerate(self._told, start=1):
            start = len(self.paragraphs)
            self._blocks(note, None)
            for place in range(start, len(self.paragraphs)):
                one = self.paragraphs[place]
                label = f"[{at}]" if place == start else ""
                if one.cell is None:
                    self.paragraphs[place] = Paragraph(one.text, Style.NOTE, label or one.label, struck=one.struck)
        self._fields.close()
        if self._numbers.unknown:
            self.counts["number"] = self._numbers.unknown

    def untold(self) -> Iterator[Element]:
        """Notes that nothing in the document refers to."""
        return (note for note in self._notes.values() if all(note is not one for one in self._told))

    # Blocks

    def _blocks(self, parent: Iterable[Element], cell: Cell | None) -> None:
        with _Deeper(self):
            for one in parent:
                match name_of(one):
                    case "p":
                        self._paragraph(one, cell)
                    case "tbl":
                        self._table(one, cell)
                    case "sdt":
                        self._blocks(children(one, "sdtContent"), cell)
                    case "sdtContent" | "customXml" | "smartTag":
                        self._blocks(one, cell)
                    case "mc:AlternateContent":
                        self._blocks(self._branch(one), cell)
                    case other:
                        self._other(one, other)

    def _paragraph(self, element: Element, cell: Cell | None) -> None:
        with _Deeper(self):
            properties = child(element, "pPr")
            self._refuse_tracked(properties)
            outer = self._segments, self._hidden, self._hanging, self._style, self._paragraph_read
            self._segments, self._hidden, self._hanging, self._paragraph_read = [Segment()], [], [], element
            self._style = style = self._looks.of_paragraph(properties)
            self._inline(element)
            segments, hidden, hanging = self._segments, self._hidden, self._hanging
            self._segments, self._hidden, self._hanging, self._style, self._paragraph_read = outer
            self._keep("hidden", " ".join("".join(hidden).split()))
            section = child(properties, "sectPr")
            self._finish(style, segments, cell)
            if section is not None and value(child(section, "type")) != "continuous":
                self._turn = True
            for box, seen in hanging:
                self._unless(not seen, partial(self._blocks, box, cell))
            if cell is None:
                self._show_pictures()

    def _show_pictures(self) -> None:
        """Those that hung on what was read last; in a table they wait for its end."""
        shown, self._shown = self._shown, []
        for picture in shown:
            self._add(Paragraph("", picture=picture))

    def _finish(self, style: Paragraphs, segments: list[Segment], cell: Cell | None) -> None:
        """Paragraphs of what was gathered; one without words and number is left out, in a cell with others too."""
        shown = [Segment(one.text.rstrip(), one.struck) for one in segments]
        has_words = any(one.text for one in shown)
        numbered = None if self._unseen or (style.mark_is_hidden and not has_words) else style.numbering
        label = plain(self._numbers.label(*numbered)).strip() if numbered else ""
        indent = min(numbered[1] + 1, MAX_INDENT) if numbered and style.style is Style.BODY else 0
        self._turn |= style.starts_page
        for at, one in enumerate(shown):
            self._turn |= at > 0
            if one.text or (label and not at):
                self._add(
                    Paragraph(
                        one.text,
                        style.style,
                        label if not at else "",
                        indent,
                        self._turn,
                        cell,
                        tuple(one.struck),
                    )
                )
                self._turn = False

    def _add(self, paragraph: Paragraph) -> None:
        self._characters += len(paragraph.text) + len(paragraph.label)
        if len(self.paragraphs) >= MAX_PARAGRAPHS or self._characters > MAX_CHARACTERS:
            raise TaskRefused("long")
        self.paragraphs.append(paragraph)

    # Tables

    def _table(self, element: Element, cell: Cell | None) -> None:
        with _Deeper(self):
            unseen = self._looks.hides_table(child(element, "tblPr"))
            if unseen or cell is not None:
                # A table in a cell is read line by line in that cell.
                self._unless(unseen, partial(self._lines, element, cell))
                return
            table = len(self.widths)
            self.widths.append([])
            needed = 1
            for at, row in enumerate(self._of(element, "tr")):
                needed = max(needed, self._row(row, table, at))
            told = [number(one, "w") or 1 for one in children(child(element, "tblGrid"), "gridCol")]
            usual = sum(told) // len(told) if told else 1
            self.widths[table] = (told + [usual] * needed)[:needed]
            self._show_pictures()

    def _lines(self, element: Element, cell: Cell | None) -> None:
        for row in self._of(element, "tr"):
            for one in self._of(row, "tc"):
                self._blocks(one, cell)

    def _row(self, row: Element, table: int, at: int) -> int:
        """One row; how many columns it reaches over."""
        properties = child(row, "trPr")
        self._refuse_tracked(properties)
        height = child(properties, "trHeight")
        low = value(height, "hRule") == "exact" and (number(height) or 0) < _LEAST_ROW_TWIPS
        unseen = low or is_on(child(properties, "hidden"))
        column = number(child(properties, "gridBefore")) or 0
        for one in self._of(row, "tc"):
            inside = child(one, "tcPr")
            self._refuse_tracked(inside)
            span = max(number(child(inside, "gridSpan")) or 1, 1)
            if column + span > MAX_COLUMNS or column < 0:
                raise TaskRefused("columns")
            merged = any(_goes_on(child(inside, name)) for name in ("vMerge", "hMerge"))
            self._cell(one, Cell(table, at, column, span), child(inside, "shd"), unseen, unseen or merged)
            column += span
        return column

    def _cell(self, element: Element, cell: Cell, ground: Element | None, row_unseen: bool, unseen: bool) -> None:
        start, outer = len(self.paragraphs), self._ground
        self._ground = ground
        self._unless(unseen, partial(self._blocks, element, cell))
        self._ground = outer
        if len(self.paragraphs) == start and not row_unseen:
            self._add(Paragraph("", cell=cell))

    def _of(self, parent: Element, wanted: str) -> Iterator[Element]:
        """The rows of a table or the cells of a row, also where something is wrapped around them."""
        with _Deeper(self):
            for one in parent:
                name = name_of(one)
                if name == wanted:
                    yield one
                elif name in {"sdt", "sdtContent", "customXml"}:
                    yield from self._of(one, wanted)
                else:
                    self._other(one, name)

    # Words

    def _inline(self, parent: Iterable[Element]) -> None:
        with _Deeper(self):
            for one in parent:
                name = name_of(one)
                if name == "r":
                    self._run(one)
                elif name in _WRAPPERS:
                    self._inline(one)
                elif name == "fldSimple":
                    self._keep("field", value(one, "instr") or "")
                    self._inline(one)
                elif name in {"m:oMath", "m:oMathPara"}:
                    self._left_out(one, "formula", FORMULA)
                elif name == "mc:AlternateContent":
                    self._inline(self._branch(one))
                else:
                    self._other(one, name)

    def _run(self, run: Element) -> None:
        properties = child(run, "rPr")
        self._refuse_tracked(properties)
        seen = not self._unseen and self._style.sees(properties, self._ground)
        self._run_parts(run, properties, seen)

    def _run_parts(self, run: Iterable[Element], properties: Element | None, seen: bool) -> None:
        for one in run:
            name = name_of(one)
            if name in self._readers:
                self._readers[name](one, properties, seen)
            else:
                self._other(one, name)

    def _words(self, element: Element, properties: Element | None, seen: bool) -> None:
        self._write(self._spoken(element.text or "", properties), properties, seen)

    def _gap(self, _element: Element, properties: Element | None, seen: bool) -> None:
        self._write(" ", properties, seen)

    def _hyphen(self, _element: Element, properties: Element | None, seen: bool) -> None:
        self._write("-", properties, seen)

    def _instruct(self, element: Element, _properties: Element | None, _seen: bool) -> None:
        self._fields.instruct(element.text or "")

    def _ruby(self, element: Element, _properties: Element | None, _seen: bool) -> None:
        self._keep("unread", "".join(text for rt in children(element, "rt") for text in rt.itertext()))
        for base in children(element, "rubyBase"):
            self._inline(base)

    def _alternative(self, element: Element, properties: Element | None, seen: bool) -> None:
        self._run_parts(self._branch(element), properties, seen)

    def _write(self, text: str, properties: Element | None, seen: bool) -> None:
        if not seen:
            self._hidden.append(text)
        elif self._fields.instructing:
            self._fields.instruct(text)
        else:
            struck = is_on(child(properties, "strike")) or is_on(child(properties, "dstrike"))
            self._segments[-1].add(text, struck=struck)

    def _spoken(self, text: str, properties: Element | None) -> str:
        shown, unknown = spoken(text, properties)
        self.counts["symbol"] += unknown
        return shown

    def _symbol(self, element: Element, properties: Element | None, seen: bool) -> None:
        known = symbol(value(element, "char") or "")
        self.counts["symbol"] += known == SYMBOL
        self._write(known, properties, seen)

    def _break(self, element: Element, properties: Element | None, seen: bool) -> None:
        if value(element, "type") == "page" and seen and not self._fields.instructing:
            self._segments.append(Segment())
        else:
            self._write("\n", properties, seen)

    def _field(self, element: Element, properties: Element | None, seen: bool) -> None:
        if shown := form(element):
            self._write(shown, properties, seen)
        self._fields.step(element)

    def _note(self, element: Element, properties: Element | None, seen: bool) -> None:
        note = self._notes.get((name_of(element).removesuffix("Reference"), value(element, "id") or ""))
        if note is None:
            self.counts["unread"] += 1
        elif not seen or self._fields.instructing:
            self._keep("hidden", _text_in(note))
        else:
            self._told.append(note)
            self._write(f"[{len(self._told)}]", properties, seen)

    def _drawing(self, element: Element, properties: Element | None, seen: bool) -> None:
        """Text boxes and pictures of a drawing follow its paragraph; whatever else it shows leaves a note."""
        seen = seen and not is_hidden(element)
        for said in alternatives(element):
            self._keep("alternative", said)
        boxes = list(text_boxes(element, self._branch))
        self._hanging += [(box, seen and not self._fields.instructing) for box in boxes]
        if name_of(element) == "object":
            self._left_out(None, "object", OBJECT, properties, seen=seen)
        elif not boxes or shows_a_picture(element):
            self._picture(element, properties, seen)

    def _picture(self, element: Element, properties: Element | None, seen: bool) -> None:
        taken = 0
        if seen and not self._fields.instructing and self._pictures and self._paragraph_read is not None:
            taken = self._pictures.take(element, self._paragraph_read)
        if taken:
            self._shown.append(taken)
            self._write(f" [picture {taken}] ", properties, seen)
        else:
            self._left_out(None, "picture", PICTURE, properties, seen=seen)

    def _left_out(
        self, element: Element | None, what: str, note: str, properties: Element | None = None, *, seen: bool = True
    ) -> None:
        self.counts[what] += 1
        if element is not None:
            self._keep("unread", _text_in(element))
        if seen and not self._unseen:
            self._write(f" {note} ", properties, seen)

    # What never leaves

    def _branch(self, element: Element) -> Iterator[Element]:
        """What is shown of an alternative: the first branch that Word knows, else the one for all others."""
        choices = [one for one in element if name_of(one) == "mc:Choice"]
        known = [one for one in choices if {*one.get("Requires", "?").split()} <= _BRANCHES]
        taken = known[0] if known else next((one for one in element if name_of(one) == "mc:Fallback"), None)
        said = "" if taken is None else _text_in(taken)
        for one in element:
            if one is not taken and (text := _text_in(one)) != said:
                self._keep("unread", text)
        return iter(taken if taken is not None else ())

    def _other(self, element: Element, name: str) -> None:
        """An element that shows nothing, is refused, or is not read."""
        if name in _TRACKED or name in {"delText", "delInstrText"}:
            raise TaskRefused("tracked")
        if name in _INCLUDED:
            raise TaskRefused("included")
        if name == "fldData" or name not in _SILENT:
            text = _text_in(element)
            self.counts["unread"] += name not in _SILENT
            self._keep("unread", text)
            for deeper in element.iter():
                if name_of(deeper) in _TRACKED:
                    raise TaskRefused("tracked")

    def _refuse_tracked(self, properties: Element | None) -> None:
        for one in properties if properties is not None else ():
            name = name_of(one)
            if name in _TRACKED:
                raise TaskRefused("tracked")
            self.counts["tracked-formatting"] += name in _REFORMATTED
            if name in {"rPr", "numPr"}:
                self._refuse_tracked(one)

    def _keep(self, sort: str, text: str) -> None:
        if text.strip():
            self.asides[sort].append(text.strip())

    def _unless(self, unseen: bool, read: Callable[[], None]) -> None:
        """Read something; where it is unseen its words are kept apart."""
        self._unseen += unseen
        read()
        self._unseen -= unseen

    def deeper(self, step: int) -> None:
        """Go one level down or up. Raises `TaskRefused` where there are too many."""
        self._depth += step
        if self._depth > _MAX_DEPTH:
            raise TaskRefused("nested")


class _Deeper:
    """One level further down, for as long as the block runs."""

    def __init__(self, story: Story) -> None:
        self._story = story

    def __enter__(self) -> None:
        self._story.deeper(1)

    def __exit__(self, *_raised: object) -> None:
        self._story.deeper(-1)


def _text_in(element: Element) -> str:
    """All text below an element."""
    return " ".join(" ".join(element.itertext()).split())


def _goes_on(merge: Element | None) -> bool:
    """Whether a cell is the continuation of another, whose content alone is shown."""
    return merge is not None and value(merge) != "restart"
