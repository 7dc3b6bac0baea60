"""What can be wrong with a policy, a kind, a context or an answer."""

from __future__ import annotations

from gateway.base.problems import NotFound, Refused, Usage


class PolicyInvalid(Usage):
    """A policy, kind or test file breaks the policy language; the detail names file, line and what to do."""

    slug = "policy-invalid"
    title = "A policy file breaks the policy language"


class PolicyUnknown(NotFound):
    """No policy of this name and version is loaded."""

    slug = "policy-unknown"
    title = "No such policy"


class KindUnknown(NotFound):
    """No kind of this name is loaded."""

    slug = "kind-unknown"
    title = "No such kind"


class PolicyExpired(Refused):
    """Outside its effective dates a policy permits nothing."""

    slug = "policy-expired"
    title = "The policy is not in force on this day"


class PolicyNotApplicable(Refused):
    """The policy was not written for this kind, recipient or purpose, or none or several were."""

    slug = "policy-not-applicable"
    title = "No single policy applies"


class PolicyBlocks(Refused):
    """A rule refuses the whole rendition."""

    slug = "policy-blocks"
    title = "A rule refuses the whole rendition"


class RulesIncomparable(Refused):
    """Two rules ask for actions of which neither is stricter."""

    slug = "rules-incomparable"
    title = "Two rules contradict each other"


class Unanswered(Refused):
    """A question about the original is open; until a person answers, nothing is rendered."""

    slug = "unanswered"
    title = "A question about the original is open"


class RequiredMissing(Refused):
    """What the policy requires to be present is not: over-redaction is a defect too."""

    slug = "required-missing"
    title = "Something the policy requires is missing"


class AnswersInvalid(Usage):
    """The answers do not fit the original or the kind."""

    slug = "answers-invalid"
    title = "The answers do not fit the original"


class ContextInvalid(Usage):
    """A context attribute is unknown or has a value of the wrong sort."""

    slug = "context-invalid"
    title = "The context does not fit the vocabulary"
