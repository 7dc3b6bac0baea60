"""Where the rules of a policy have a say over one field or region: boxes over contexts, rows and what the values show.

Everything that a decision about it depends on is an axis: each attribute of the context, that it is missing among its
values; each class that its values may show; each column that a `where` asks, that there is none among its values.
Everyone in custody is left out: another pair of eyes only forbids more, so that what leaves for several leaves for each
of them alone. Of a raw header, of the text on a page and of a page's place the worst is taken: that no rule fits it
that fits only some.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import combinations, count

from gateway.base.canon import Json
from gateway.formats.model import Element, Source
from gateway.formats.transforms import Below, Unreadable, number
from gateway.policy.actions import BLOCK, Action, compare
from gateway.policy.boxes import Axis, Box, Space, Value, meet, without
from gateway.policy.conditions import CLOSED, Condition, Conditions
from gateway.policy.kinds import Kind
from gateway.policy.match import fits
from gateway.policy.model import Rule
from gateway.policy.policy import Policy

OTHER = "(any other)"
_CLASS, _ROW, _SOURCE = "class ", "row ", "source"
_TABLES = frozenset({"table", "text"})
_DRAWN = frozenset({"picture", "video"})


@dataclass(frozen=True, slots=True)
class Target:
    """One field of a kind, one class of its regions, or (without a name) any text on its pages."""

    element: Element
    name: str
    classes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one rule decides, and where."""

    action: Action
    rule: str
    boxes: tuple[Box, ...]


def targets(kind: Kind) -> Iterator[Target]:
    """Everything of a kind that a rule can let leave."""
    for field in kind.fields:
        yield Target(Element.COLUMN, field.name, frozenset(field.classes))
    for region in kind.regions:
        yield Target(Element.REGION, region.name)
    if kind.medium not in _TABLES | _DRAWN:
        yield Target(Element.TEXT, "")


def space_of(policies: Sequence[Policy], target: Target, more: Conditions = (), classes: Iterable[str] = ()) -> Space:
    """The space in which these policies decide about `target`, and in which `more` conditions and `classes` count."""
    rules = [
        rule for policy in policies for rule in policy.all_rules if _may_select(rule, target) or rule.do.op == BLOCK
    ]
    asked = [*more, *(one for policy in policies for conditions in policy.whens for one in conditions)]
    asked += [condition for rule in rules for condition in rule.when]
    axes = [_dates([day for policy in policies for day in (policy.start, policy.end)], asked)]
    axes += [_attribute(name, asked) for name in sorted({"profile", *(one.attribute for one in asked)} - {"date"})]
    shown = {name for rule in rules for name in rule.select.classes}.union(target.classes, classes)
    axes += [Axis(_CLASS + name, (True,) if name in target.classes else (False, True)) for name in sorted(shown)]
    wheres: dict[str, set[str]] = {}
    for rule in rules:
        for name in rule.asks:
            wheres.setdefault(name, set())
        for name, values in rule.where:
            wheres[name].update(values)
    bounds = {_below(rule): None for rule in rules if rule.do.by_value}
    numbers = {target.name: _numbers(bounds, wheres.setdefault(target.name, set()))} if bounds else {}
    # A column that is asked about itself is there, or there is nothing to decide.
    missing: dict[str, tuple[None, ...]] = {target.name: ()}
    axes += [
        Axis(
            _ROW + name,
            (*numbers.get(name, ()), *sorted(seen - {""}), OTHER, *sorted(seen & {""}), *missing.get(name, (None,))),
        )
        for name, seen in sorted(wheres.items())
    ]
    if target.element is Element.REGION:
        axes.append(Axis(_SOURCE, (Source.REVIEWER.value, Source.DETECTOR.value)))
    return Space(tuple(axes))


class Reach:
    """What one policy makes of one target, everywhere in a space made for it or in a part of that."""

    def __init__(
        self, policy: Policy, kind: Kind, target: Target, space: Space, within: Sequence[Box] | None = None
    ) -> None:
        self._policy = policy
        self._kind = kind
        self._target = target
        self._space = space
        self._within = [space.whole] if within is None else list(within)
        self._rules = [rule for rule in policy.all_rules if _may_select(rule, target)]
        self._excepted = frozenset(rule.id for one in policy.exceptions for rule in one.rules)

    @cached_property
    def applicable(self) -> list[Box]:
        """Where the policy holds at all, and no block of a column that is asked for stands in the way."""
        if self._kind.name not in self._policy.kinds:
            return []
        policy, space = self._policy, self._space
        end = policy.end or date.max
        day = space.axis("date").where(lambda value: policy.start.isoformat() <= str(value) <= end.isoformat())
        profile = space.axis("profile").where(lambda value: value is None or value in policy.output.profile)
        boxes = meet(self._within, space.box({"date": day, "profile": profile}))
        for conditions in policy.whens:
            boxes = meet(boxes, space.box(self._when(conditions, missing=False)))
        return without(boxes, self._blocking)

    @cached_property
    def removed(self) -> list[Box]:
        """Where a rule removes it."""
        without_asked = (
            box
            for rule in self._rules
            for name in rule.do.asks
            for box in meet(self._forbids(rule), self._space.box(self._missing(name)))
        )
        return [*(box for rule in self._rules if rule.do.removes for box in self._forbids(rule)), *without_asked]

    @cached_property
    def leaving(self) -> list[Box]:
        """Where anything of it leaves."""
        return list(self.leaving_by_rule())

    def leaving_by_rule(self) -> Iterator[Box]:
        """The same, found one rule after the other."""
        for rule in self._rules:
            if not rule.do.removes:
                yield from self._granted([rule])

    @cached_property
    def shown(self) -> list[tuple[Rule, Box]]:
        """Where it leaves as it is, and by which rule."""
        changes = [box for rule in self._rules if not rule.do.shows for box in self._forbids(rule)]
        shows = [rule for rule in self._rules if rule.do.shows]
        return [(rule, box) for rule in shows for box in without(self._granted([rule]), changes)]

    def narrowed(self, within: Sequence[Box]) -> Reach:
        """The same in a part of the space."""
        return Reach(self._policy, self._kind, self._target, self._space, within)

    def outcomes(self) -> Iterator[Outcome]:
        """What is decided where something leaves; everywhere else it is withheld or refused. Strictest first."""
        rules = sorted(
            (rule for rule in self._rules if not rule.do.removes),
            key=lambda rule: (rule.do.order, not rule.final, rule.id),
        )
        granted = without(self.leaving, self._refused(rules))
        for rule in rules:
            say = self._grants(rule) if rule.do.shows else self._forbids(rule)
            decided = meet(granted, say)
            if decided:
                yield Outcome(rule.do, rule.id, tuple(decided))
                granted = without(granted, say)

    def _refused(self, rules: Sequence[Rule]) -> list[Box]:
        """Where two rules meet of which neither is stricter."""
        say = [(rule, self._grants(rule) if rule.do.shows else self._forbids(rule)) for rule in rules]
        return [
            box
            for (one, mine), (other, theirs) in combinations(say, 2)
            if compare(one.do, other.do) is None
            for box in meet(mine, theirs)
        ]

    def _granted(self, rules: Iterable[Rule]) -> list[Box]:
        granted = [box for rule in rules for box in self._grants(rule)]
        return without(meet(self.applicable, granted), self.removed)

    def _grants(self, rule: Rule) -> list[Box]:
        """Where the rule permits its own form."""
        selected = self._selected(rule)
        if not selected:
            return []
        bits = self._when(rule.when, missing=False)
        for name, values in rule.where:
            bits[_ROW + name] = self._space.axis(_ROW + name).where(_one_of(values))
        for name in rule.do.asks:
            bits[_ROW + name] = self._space.axis(_ROW + name).where(_is_there)
        return meet(selected, self._space.box(bits))

    def _forbids(self, rule: Rule) -> list[Box]:
        """Where the rule forbids what is looser: also where what it asks for is missing."""
        if rule.id in self._excepted:
            return self._grants(rule)
        selected = self._selected(rule)
        if not selected:
            return []
        when = self._space.box(self._when(rule.when, missing=True))
        asked = [(self._space.axis(_ROW + name), values) for name, values in rule.where]
        rows = {axis.name: axis.where(_one_of(values)) for axis, values in asked}
        holding = self._space.box(rows)
        for axis, _ in asked:
            holding += self._space.box({axis.name: axis.where(_is_missing)})
        if rule.do.by_value:
            own = self._space.axis(_ROW + self._target.name)
            holding = meet(holding, self._space.box({own.name: own.where(_one_of(_below(rule)))}))
        return meet(meet(selected, when), holding)

    def _missing(self, name: str) -> dict[str, int]:
        axis = self._space.axis(_ROW + name)
        return {axis.name: axis.where(_is_missing)}

    def _when(self, conditions: Conditions, *, missing: bool) -> dict[str, int]:
        return _bits(self._space, conditions, missing=missing)

    def _selected(self, rule: Rule) -> list[Box]:
        """Where the rule names the target, and no exception permits something in its place."""
        instead = [
            one for exception in self._policy.exceptions if rule.id in exception.loosens for one in exception.rules
        ]
        permitted = [box for one in instead if _by_name(one, self._target) for box in self._grants(one)]
        return without(self._named(rule), permitted) if permitted else self._named(rule)

    def _named(self, rule: Rule) -> list[Box]:
        space, target = self._space, self._target
        if _by_name(rule, target):
            source = rule.select.regions.source if target.element is Element.REGION and rule.select.regions else None
            if source is None:
                return [space.whole]
            named = space.box({_SOURCE: space.axis(_SOURCE).where(lambda value: value == source)})
        else:
            named = []
        if target.element is Element.REGION and not rule.do.removes:
            return named
        for name in rule.select.classes:
            named += space.box({_CLASS + name: space.axis(_CLASS + name).where(bool)})
        return named

    @cached_property
    def _blocking(self) -> list[Box]:
        """Where a column that a `where` asks for is there and blocks the whole rendition."""
        boxes: list[Box] = []
        asked = [axis for axis in self._space.axes if axis.name.startswith(_ROW)]
        for axis in asked:
            field = self._kind.by_name.get(axis.name.removeprefix(_ROW))
            if field is None:
                continue
            there = self._space.box({axis.name: axis.where(lambda value: value is not None)})
            column = Target(Element.COLUMN, field.name, frozenset(field.classes))
            for rule in (rule for rule in self._policy.rules if rule.do.op == BLOCK):
                if _by_name(rule, column) or column.classes & set(rule.select.classes):
                    boxes += meet(there, self._space.box(self._when(rule.when, missing=True)))
        return boxes


def narrowed(space: Space, conditions: Conditions, classes: Iterable[str] = ()) -> list[Box]:
    """The part of `space` in which all of `conditions` hold and the values show all of `classes`."""
    bits = _bits(space, conditions, missing=False)
    for name in classes:
        bits[_CLASS + name] = space.axis(_CLASS + name).where(bool)
    return space.box(bits)


@dataclass(frozen=True, slots=True)
class Example:
    """One case of a target: a context, what stands in the columns that rules ask for, what the values show.

    A column of `row` that is None is one that the original does not have.
    """

    kind: str
    target: str
    context: dict[str, str | int]
    row: dict[str, str | None]
    classes: frozenset[str]

    @classmethod
    def of(cls, kind: Kind, target: Target, space: Space, box: Box) -> Example:
        """The plainest point of a box."""
        point = space.example(box)
        rows = {name.removeprefix(_ROW): value for name, value in point.items() if name.startswith(_ROW)}
        inner = (_CLASS, _ROW, _SOURCE)
        return cls(
            kind=kind.name,
            target=target.name or "text on a page",
            context={
                name: value
                for name, value in point.items()
                if value is not None and not isinstance(value, bool) and not name.startswith(inner)
            },
            row={name: None if value is None else str(value) for name, value in rows.items()},
            classes=frozenset(name.removeprefix(_CLASS) for name, value in point.items() if value is True),
        )

    @property
    def name(self) -> str:
        """What is meant, with its kind."""
        return f"{self.target} of the kind {self.kind}"

    def to_json(self) -> dict[str, Json]:
        """Canonical."""
        return {
            "kind": self.kind,
            "target": self.target,
            "context": dict(self.context),
            "row": dict(self.row),
            "classes": sorted(self.classes),
        }

    def __str__(self) -> str:
        said = [f"{name} is {value}" for name, value in self.context.items()]
        said += [
            f"there is no column {name}" if value is None else f"{name} is {value or 'empty'}"
            for name, value in self.row.items()
        ]
        shows = f", and it shows {', '.join(sorted(self.classes))}" if self.classes else ""
        return ", ".join(said) + shows


def _bits(space: Space, conditions: Conditions, *, missing: bool) -> dict[str, int]:
    bits: dict[str, int] = {}
    for condition in conditions:
        axis = space.axis(condition.attribute)
        held = axis.where(_meeting(condition, missing))
        bits[axis.name] = bits.get(axis.name, held) & held
    return bits


def _meeting(condition: Condition, missing: bool) -> Callable[[Value], bool]:
    return lambda value: missing if value is None else condition.holds(value)


def _below(rule: Rule) -> Below:
    return Below(Decimal(rule.do.text("below")), rule.do.text("unit"))


def _numbers(bounds: Iterable[Below], seen: set[str]) -> list[str]:
    """One number of every stretch that the bounds do not tell apart, the largest first, none of them among `seen`.

    Everything else that a cell may hold and is no number lies below every bound.
    """
    ordered = sorted({one.bound for one in bounds}, reverse=True)
    return [*(_spelled(bound, seen) for bound in ordered), _spelled(Decimal(0), seen)]


def _spelled(value: Decimal, seen: set[str]) -> str:
    """A spelling of a number that no rule asks for."""
    spellings = (f"{'0' * zeros}{value:f}" for zeros in count())
    return next(text for text in spellings if text not in seen and _reads(text, value))


def _reads(text: str, value: Decimal) -> bool:
    try:
        return number(text) == value
    except Unreadable:
        return False


def _one_of(values: Container[str]) -> Callable[[Value], bool]:
    return lambda value: isinstance(value, str) and value in values


def _is_there(value: Value) -> bool:
    return value is not None


def _is_missing(value: Value) -> bool:
    return value is None


def _may_select(rule: Rule, target: Target) -> bool:
    return bool(rule.select.classes) or _by_name(rule, target)


def _by_name(rule: Rule, target: Target) -> bool:
    """Whether the rule names it whatever its values show. Of what fits only some the worst is taken."""
    select = rule.select
    match target.element:
        case Element.COLUMN:
            return any(fits(glob, target.name) for glob in select.fields) or _any(select.headers, "*")
        case Element.REGION:
            return select.regions is not None and target.name in select.regions.classes
    if rule.do.removes:
        text = select.text
        return _any(select.pages, "all") or (text is not None and not text.layers and _any(text.patterns, "*"))
    return bool(select.pages or select.text)


def _any(globs: Iterable[str], everything: str) -> bool:
    return any(glob == everything or not glob.strip("*") for glob in globs)


def _dates(days: Iterable[date | None], conditions: Iterable[Condition]) -> Axis:
    """The first day of every stretch of days that no condition and no policy's beginning or end tells apart."""
    firsts = {date.min}
    bounds = [(one.low, one.high) for one in conditions if one.attribute == "date"]
    given = [day for day in days if day]
    for low in [*given, *(date.fromisoformat(str(low)) for low, _ in bounds if low is not None)]:
        firsts.add(low)
    for high in [*given, *(date.fromisoformat(str(high)) for _, high in bounds if high is not None)]:
        if high < date.max:
            firsts.add(high + timedelta(days=1))
    return Axis("date", tuple(day.isoformat() for day in sorted(firsts)))


def _attribute(name: str, conditions: Sequence[Condition]) -> Axis:
    mine = [condition for condition in conditions if condition.attribute == name]
    if name in CLOSED:
        return Axis(name, (*sorted(CLOSED[name]), None))
    if any(one.low is not None or one.high is not None for one in mine) or name in {"recipient.hop", "round"}:
        firsts = {1}
        for one in mine:
            firsts |= {int(value) for value in one.values} | {int(value) + 1 for value in one.values}
            firsts |= {int(one.low)} if one.low is not None else set()
            firsts |= {int(one.high) + 1} if one.high is not None else set()
        # Zero comes last: a first round and a first hop make the plainer example.
        return Axis(name, (*sorted(firsts - {0}), 0, None))
    return Axis(name, (*sorted({value for one in mine for value in one.values}), OTHER, None))
