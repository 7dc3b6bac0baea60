"""What stands above a value in its path has a veto on its name: `Kosten › Güte` is an amount, no grade."""

from __future__ import annotations

from collections.abc import Container, Iterable

from gateway.formats.model import PATH_SEPARATOR, Element, Field
from gateway.policy.kinds import Kind
from gateway.policy.naming import name_fields, name_header, unnamed


def named_fields(kind: Kind, fields: Iterable[Field], out: Container[str] = ()) -> tuple[Field, ...]:
    """The same fields with canonical names; one below personal data or money is asked unless it is that itself.

    Those whose ids are `out`, because a person left them out, claim nothing.
    """
    named = name_fields(kind, fields, out)
    return tuple(unnamed(field) if _vetoed(kind, field) else field for field in named)


def _vetoed(kind: Kind, field: Field) -> bool:
    if field.element is not Element.COLUMN or field.name is None or field.name not in kind.by_name:
        return False
    own = set(kind.by_name[field.name].classes)
    return any(not set(kind.by_name[name].classes) <= own for name in _parents(kind, field.label))


def _parents(kind: Kind, untrusted_label: str) -> list[str]:
    """The fields that the words above the last one name, each alone and behind the one before it."""
    above = untrusted_label.split(PATH_SEPARATOR)[:-1]
    pairs = (" ".join(above[at - 1 : at + 1]) for at in range(1, len(above)))
    return [name for word in (*above, *pairs) if (name := name_header(kind, word)) is not None]
