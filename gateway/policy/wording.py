"""What an action is called where people read it: output titles, decisions, the withheld index."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from gateway.policy.actions import Action
from gateway.policy.words import Text

_PERIODS_ZH = {"year": "年", "quarter": "季度", "month": "月"}
_SCOPES = {
    "row": ("a new one in every row", "每行不同"),
    "table": ("the same within this table", "在本表内一致"),
    "release": ("the same within this release", "在本次提交内一致"),
}
_HOW = {"sum": ("sum", "合计"), "mean": ("mean", "平均值"), "count": ("count", "数量")}
_PLAIN = {
    "allow": Text(en="shown as it is", zh="原样提供"),
    "crop": Text(en="only this area is shown", zh="仅提供该区域"),
    "drop": Text(en="removed", zh="已删除"),
    "strip": Text(en="removed", zh="已删除"),
    "mute": Text(en="sound removed", zh="已去除声音"),
    "box": Text(en="covered by a solid box", zh="以实心框遮盖"),
    "block": Text(en="refuses the whole rendition", zh="整份文件不予提供"),
}


def tag(action: Action, unit: str | None = None) -> str:
    """What stands in the brackets of an output title: `range, kg`; the bare unit where the value leaves as it is."""
    return _TAGS[action.op](action) if action.op in _TAGS else unit or ""


def _mask_tag(action: Action) -> str:
    kept = action.text("keep_last")
    return "masked" if kept == "0" else f"masked, last {kept}"


_TAGS: Mapping[str, Callable[[Action], str]] = {
    "aggregate": lambda action: ", ".join(filter(None, (_HOW[action.text("how")][0], action.text("unit")))),
    "bucket": lambda action: ", ".join(filter(None, ("range", action.text("unit")))),
    "round": lambda action: " ".join(filter(None, ("rounded to", action.text("to"), action.text("unit")))),
    "index": lambda action: f"index, {action.text('base')} = 100",
    "truncate_date": lambda action: action.text("to"),
    "generic_name": lambda _: "generic name",
    "mask": _mask_tag,
    "pseudonymise": lambda _: "pseudonym",
}


def output_title(title: str, actions: Sequence[Action], unit: str | None = None) -> str:
    """The kind's title with every declared transform of its cells in brackets: `Quantity [range, kg]`.

    Where some cells leave in another form than others the bracket says `in part`.
    """
    leaving = {tag(action, unit) for action in actions if not action.removes}
    tags = sorted(leaving - {""})
    if not tags:
        return title
    return f"{title} [{' or '.join(tags)}{' in part' if '' in leaving else ''}]"


def describe(action: Action) -> Text:
    """One action in words."""
    if action.op in _PLAIN:
        return _PLAIN[action.op]
    return _DESCRIBERS[action.op](action)


def _bucket(action: Action) -> Text:
    bands = " ".join(filter(None, (", ".join(action.texts("edges")), action.text("unit"))))
    return Text(en=f"shown as a range; declared edges {bands}", zh=f"以区间表示；预先声明的界限为 {bands}")


def _round(action: Action) -> Text:
    step = " ".join(filter(None, (action.text("to"), action.text("unit"))))
    return Text(en=f"rounded to {step}", zh=f"取整至 {step}")


def _truncate_date(action: Action) -> Text:
    period = action.text("to")
    return Text(en=f"shown by {period}", zh=f"仅显示到{_PERIODS_ZH[period]}")


def _mask(action: Action) -> Text:
    kept = action.text("keep_last")
    if kept == "0":
        return Text(en="masked entirely", zh="全部遮掩")
    return Text(en=f"masked but for the last {kept} characters", zh=f"除最后 {kept} 位外均遮掩")


def _pseudonymise(action: Action) -> Text:
    en, zh = _SCOPES[action.text("scope")]
    return Text(en=f"replaced by a marked pseudonym, {en}", zh=f"以标明的代号替代（{zh}）")


def _aggregate(action: Action) -> Text:
    (en, zh), k, share = _HOW[action.text("how")], action.text("k"), action.text("dominance")
    return Text(
        en=f"shown as the {en} of groups; withheld where fewer than {k} contribute or one gives more than {share}",
        zh=f"仅提供分组{zh}；贡献者少于 {k} 个或单个占比超过 {share} 的不予提供",
    )


def _suppress(action: Action) -> Text:
    bound = " ".join(filter(None, (action.text("below"), action.text("unit"))))
    return Text(en=f"withheld where it is less than {bound}", zh=f"小于 {bound} 的数值不予提供")


def _index(action: Action) -> Text:
    base, step = action.text("base"), action.text("to")
    return Text(
        en=f"shown as an index ({base} = 100), rounded to {step}", zh=f"以指数表示（{base} = 100），取整至 {step}"
    )


def _generic_name(_: Action) -> Text:
    return Text(en="replaced by a generic name from a declared list", zh="以预先声明的类别名称替代")


_DESCRIBERS: Mapping[str, Callable[[Action], Text]] = {
    "aggregate": _aggregate,
    "suppress": _suppress,
    "index": _index,
    "bucket": _bucket,
    "round": _round,
    "truncate_date": _truncate_date,
    "generic_name": _generic_name,
    "mask": _mask,
    "pseudonymise": _pseudonymise,
}
