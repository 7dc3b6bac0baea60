"""What of an answer is remembered for other originals, and what a rendition may go on resting on."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gateway.base.problems import Refused
from gateway.matter.names import NameDraft
from gateway.policy.answers import DROP, Answers
from gateway.policy.kinds import Kind
from gateway.policy.problems import AnswersInvalid


class NameNotSettled(Refused):
    """A rendition rests on a remembered name that does not hold any more."""

    slug = "name-not-settled"
    title = "A remembered name does not hold any more"


def drafted(kind: Kind, asked: Mapping[str, str], answers: Answers, remember: Collection[str]) -> tuple[NameDraft, ...]:
    """The names to remember: of columns that were asked for, as they are answered now. Raises `AnswersInvalid`.

    `asked` are the headers of the questions, by field ids and as they are compared.
    """
    names: dict[str, str] = {}
    for field_id in sorted(remember):
        header, name = asked.get(field_id), answers.columns.get(field_id)
        if header is None or name is None:
            raise AnswersInvalid(
                "Only answers to open questions about columns whose header has words are remembered; take "
                f"{field_id} out of `remember`, or answer it."
            )
        if name != DROP and name not in kind.by_name:
            raise AnswersInvalid(f"The kind {kind.name} has no such field; answer {field_id} with one of its fields.")
        if names.setdefault(header, name) != name:
            raise AnswersInvalid("Two columns with one header are answered differently; remember neither.")
    return tuple(NameDraft(kind.name, header, name) for header, name in names.items())
