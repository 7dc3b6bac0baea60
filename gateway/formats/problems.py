"""Why an original cannot be read, or a rendition cannot be made. One sentence each, without content."""

from __future__ import annotations

from gateway.base.problems import NotFound, Refused, TooLarge, Unavailable, Unprocessable


class TableRefused(Unprocessable):
    """The table is not formed so that it can be taken safely."""

    slug = "table-refused"
    title = "This table cannot be taken safely"


class TableTooLarge(TooLarge):
    """The table is past a declared bound."""

    slug = "table-too-large"
    title = "This table is past a bound"


class TextRefused(Unprocessable):
    """The text is not formed so that it can be taken safely."""

    slug = "text-refused"
    title = "This text cannot be taken safely"


class TextTooLarge(TooLarge):
    """The text is past a declared bound."""

    slug = "text-too-large"
    title = "This text is past a bound"


class NoSuchPage(NotFound):
    """There is nothing to look at there."""

    slug = "no-such-page"
    title = "There is no such page to look at"


class SheetUnclear(Unprocessable):
    """Several sheets of a workbook could be the table: a person says which."""

    slug = "sheet-unclear"
    title = "Which sheet is the table is not clear"


class PictureRefused(Unprocessable):
    """The picture is not formed so that it can be taken safely."""

    slug = "picture-refused"
    title = "This picture cannot be taken safely"


class FrameUnclear(Unprocessable):
    """A picture has several frames or pages, and one can be rendered: a person says so."""

    slug = "frame-unclear"
    title = "Which frame of the picture is meant is not clear"


class PictureTooLarge(TooLarge):
    """The picture is past a declared bound."""

    slug = "picture-too-large"
    title = "This picture is past a bound"


class DocumentRefused(Unprocessable):
    """The document is not formed so that it can be taken safely."""

    slug = "document-refused"
    title = "This document cannot be taken safely"


class DocumentTooLarge(TooLarge):
    """The document is past a declared bound."""

    slug = "document-too-large"
    title = "This document is past a bound"


class PageTooLarge(TooLarge):
    """A page does not compress to what one page of a document may take."""

    slug = "page-too-large"
    title = "A page of this document is past a bound"


class DrawingRefused(Unprocessable):
    """The drawing is not formed so that it can be taken safely."""

    slug = "drawing-refused"
    title = "This drawing cannot be taken safely"


class DrawingTooLarge(TooLarge):
    """The drawing is past a declared bound."""

    slug = "drawing-too-large"
    title = "This drawing is past a bound"


class DrawingMissing(Unavailable):
    """What reads drawings is not installed."""

    slug = "drawing-missing"
    title = "Drawings cannot be read here"


class CellUnreadable(Refused):
    """A cell cannot be read as the type that its transformation needs."""

    slug = "cell-unreadable"
    title = "A cell cannot be read strictly"


class NothingNamed(Refused):
    """The plan names nothing that may leave: nothing leaves."""

    slug = "nothing-named"
    title = "The policy lets nothing of this leave"


class PlanUnfit(Refused):
    """The plan asks for what this format cannot carry out truthfully."""

    slug = "plan-unfit"
    title = "The policy asks for what cannot be rendered"


class VideoRefused(Unprocessable):
    """The video is not formed so that it can be taken safely."""

    slug = "video-refused"
    title = "This video cannot be taken safely"


class VideoTooLarge(TooLarge):
    """The video is past a declared bound."""

    slug = "video-too-large"
    title = "This video is past a bound"


class VideoMissing(Unprocessable):
    """This gateway was installed without what reads and writes videos."""

    slug = "video-missing"
    title = "Videos are not rendered here"
