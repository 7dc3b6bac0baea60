"""How the parts of an Office Open XML package are found: by type and relationship, never by name.

Runs only in the sandbox's child.
"""

from __future__ import annotations

import posixpath

from gateway.formats.archive import Archive
from gateway.formats.small_xml import tree


def content_types(archive: Archive) -> dict[str, str]:
    """Part → its declared content type."""
    return {
        one.get("PartName", "").lstrip("/"): one.get("ContentType", "")
        for one in tree(archive.member("[Content_Types].xml"))
        if one.tag.endswith("}Override")
    }


def relationships(archive: Archive, part: str) -> dict[str, tuple[str, str]]:
    """Id → what the relationship is for and the part that it leads to, inside the archive only."""
    folder, _ = posixpath.split(part)
    found = {}
    for one in tree(archive.member(relations_of(part))):
        if one.get("TargetMode", "Internal") == "Internal":
            target = posixpath.normpath(posixpath.join("/", folder, one.get("Target", ""))).lstrip("/")
            found[one.get("Id", "")] = one.get("Type", "").rpartition("/")[2], target
    return found


def targets_outside(archive: Archive, relations: str) -> list[str]:
    """Where the relationships that this part holds lead out of the archive."""
    return [
        one.get("Target", "")
        for one in tree(archive.member(relations))
        if one.get("TargetMode", "Internal") != "Internal"
    ]


def relations_of(part: str) -> str:
    """The part that holds the relationships of another."""
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", f"{name}.rels")
