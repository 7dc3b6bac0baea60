"""Complex fields of a Word document: what is instruction, what is result. Runs only in the sandbox's child."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element

from gateway.formats.docx_words import plain
from gateway.formats.docx_xml import child, children, is_on, number, value


class Fields:
    """Fields as they open and close. `keep` is given each instruction once it is whole."""

    def __init__(self, keep: Callable[[str], None]) -> None:
        self._keep = keep
        # Of each open field, whether what comes belongs to its instruction.
        self._open: list[bool] = []
        self._instruction: list[str] = []

    @property
    def instructing(self) -> bool:
        """Whether what comes is an instruction's, and is not shown."""
        return any(self._open)

    def instruct(self, text: str) -> None:
        """Some of an instruction."""
        self._instruction.append(text)

    def step(self, element: Element) -> None:
        """A field begins, has its result next, or ends."""
        match value(element, "fldCharType"):
            case "begin":
                self._open.append(True)
            case "separate" if self._open:
                self._open[-1] = False
                self._tell()
            case "end" if self._open:
                self._open.pop()
                self._tell()

    def close(self) -> None:
        """The document ends."""
        self._open.clear()
        self._tell()

    def _tell(self) -> None:
        if not self.instructing:
            self._keep("".join(self._instruction).strip())
            self._instruction.clear()


def form(element: Element) -> str:
    """What an old form field that begins here shows, which has no result of its own: a box, or the chosen entry."""
    data = child(element, "ffData")
    box, choice = child(data, "checkBox"), child(data, "ddList")
    if box is not None:
        state = child(box, "checked")
        return "☒" if is_on(state if state is not None else child(box, "default")) else "☐"
    entries = [value(one) or "" for one in children(choice, "listEntry")]
    chosen = number(child(choice, "result")) or 0
    return plain(entries[chosen]) if 0 <= chosen < len(entries) else ""
