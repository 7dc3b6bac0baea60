"""A Word document with something in every hiding place; what stands there a caller says, place by place."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.word import docx, p, part, r, table

PLACES = (
    "vanish", "style", "white", "theme", "highlight", "shading", "tiny", "squeezed", "no-fill", "instruction",
    "nested-field", "comment", "commenter", "header", "footer", "first-header", "custom-xml", "custom-attribute",
    "variable", "core", "app", "glossary", "link", "alternative", "title", "footnote", "fallback", "hidden-box",
    "hidden-row", "merged-away", "phonetic", "embedded", "macro", "media", "bookmark", "people", "member-name",
    "revision-author", "control-tag", "unknown", "email", "price", "term", "cell", "box", "region",
)  # fmt: skip
SHOWN = ("Framework supply agreement", "civil traction motors", "最终用户承诺")


def planted_document(secret: Callable[[str], str]) -> bytes:
    """What is shown, what rules and people withhold of it, and what hides in and beside it."""
    told = {place: secret(place) for place in PLACES}

    def hidden(place: str, properties: str) -> str:
        return r(f" {told[place]}", properties)

    boxed = "<w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing><wps:txbx><w:txbxContent>{}</w:txbxContent>"
    boxed += "</wps:txbx></w:drawing></mc:Choice><mc:Fallback><w:pict><w:txbxContent>{}</w:txbxContent></w:pict>"
    boxed += "</mc:Fallback></mc:AlternateContent></w:r>"
    field = (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r>'
        f"<w:r><w:instrText>INCLUDETEXT {told['instruction']}</w:instrText></w:r>"
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>REF a</w:instrText></w:r>'
        f'<w:r><w:fldChar w:fldCharType="separate"/></w:r>{r(told["nested-field"])}'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
        '<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>annex A</w:t></w:r>'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )
    picture = (
        f'<w:r><w:drawing><wp:docPr id="1" name="n" descr="{told["alternative"]}" title="{told["title"]}"/><a:blip/>'
        "</w:drawing></w:r>"
    )
    body = (
        p(SHOWN[0], style="T"),
        p(
            f"The goods are for {SHOWN[1]}.",
            hidden("vanish", "<w:vanish/>"),
            hidden("style", '<w:rStyle w:val="Weg"/>'),
            hidden("white", '<w:color w:val="FFFFFF"/>'),
            hidden("theme", '<w:color w:val="auto" w:themeColor="background1"/>'),
            hidden("highlight", '<w:highlight w:val="black"/>'),
            hidden("shading", '<w:color w:val="000000"/><w:shd w:val="clear" w:fill="0A0A0A"/>'),
            hidden("tiny", '<w:sz w:val="1"/>'),
            hidden("squeezed", '<w:w w:val="1"/>'),
            hidden("no-fill", "<w14:textFill><w14:noFill/></w14:textFill>"),
            f'<w:bookmarkStart w:id="1" w:name="{told["bookmark"]}"/>',
            r("", f'<w:rPrChange w:author="{told["revision-author"]}"><w:rPr/></w:rPrChange>'),
        ),
        p("See ", field, picture, f"<w:r><w:ruby><w:rt>{r(told['phonetic'])}</w:rt></w:ruby></w:r>"),
        p("Side letter", boxed.format(p(f"Contact {told['box']}@example.com"), p(told["fallback"]))),
        p(f'<w:r><w:pict style="display:none"><w:txbxContent>{p(told["hidden-box"])}</w:txbxContent></w:pict></w:r>'),
        p(f'<x:y xmlns:x="urn:x">{told["unknown"]}</x:y>'),
        f'<w:sdt><w:sdtPr><w:tag w:val="{told["control-tag"]}"/></w:sdtPr><w:sdtContent><w:p/></w:sdtContent></w:sdt>',
        table(("Item", "Unit price"), ("Magnet", f"{told['cell']}@example.com")),
        table(
            ("head", f'<w:tcPr><w:vMerge w:val="restart"/></w:tcPr>{p("over two rows")}'),
            ("foot", f"<w:tcPr><w:vMerge/></w:tcPr>{p(told['merged-away'])}"),
        ),
        f"<w:tbl><w:tr><w:trPr><w:hidden/></w:trPr><w:tc>{p(told['hidden-row'])}</w:tc></w:tr></w:tbl>",
        p(f"{SHOWN[2]}：上述货物仅用于民用牵引电机。"),
        p(f"Contact: {told['email']}@example.com"),
        p(f"Unit price {told['price']}"),
        p(f"Delivery to {told['term']}"),
        p(f"Furnace profile {told['region']}"),
    )
    comments = f'<w:comment w:author="{told["commenter"]}">{p(told["comment"])}</w:comment>'
    footnotes = f'<w:footnote w:id="9">{p(told["footnote"])}</w:footnote>'
    variables = f'<w:docVars><w:docVar w:name="a" w:val="{told["variable"]}"/></w:docVars>'
    return docx(
        *body,
        parts={
            "comments.xml": ("comments", part("comments", comments)),
            "header1.xml": ("header", part("hdr", p(told["header"]))),
            "header2.xml": ("header", part("hdr", p(told["first-header"]))),
            "footer1.xml": ("footer", part("ftr", p(told["footer"]))),
            "footnotes.xml": ("footnotes", part("footnotes", footnotes)),
            "settings.xml": ("settings", part("settings", variables)),
            "glossary.xml": ("glossaryDocument", part("glossaryDocument", p(told["glossary"]))),
            "people.xml": ("people", f'<p><person author="{told["people"]}"/></p>'),
        },
        raw={
            "customXml/item1.xml": f'<a b="{told["custom-attribute"]}"><c>{told["custom-xml"]}</c></a>',
            "docProps/core.xml": f"<a><b>{told['core']}</b></a>",
            "docProps/app.xml": f"<a><b>{told['app']}</b></a>",
            "word/embeddings/object.bin": told["embedded"],
            "word/vbaProject.bin": told["macro"],
            "word/media/image1.png": told["media"],
            f"customXml/{told['member-name']}.xml": "<a/>",
        },
        links=(f"https://{told['link']}.example",),
    )
