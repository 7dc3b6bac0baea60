"""The words of the document that explains a release, in English and Chinese; they promise no more than is so."""

from __future__ import annotations

from collections.abc import Mapping

# Section → heading, what it shows in English, the same in Chinese.
WORDS: Mapping[str, tuple[str, str, str]] = {
    "what": (
        "1  What this document is · 本文件说明",
        (
            "This document tells what was handed over in one release, to whom, when, on whose decision and "
            "on whose approval. It is made by the company's disclosure gateway from its audit log and from "
            "the record of the package as it was handed over, and it is signed. The files beside it hold "
            "what each statement rests on; section 10 says how anybody checks them without trusting the "
            "company. It holds nothing of what was withheld."
        ),
        (
            "本文件说明一次资料提供的内容、接收方、时间、决定人及批准人。文件由本公司披露网关根据审计日志和交"
            "付时的文件包记录生成并签名。随附文件载有每项陈述的依据，第 10 节说明任何人如何自行核验。本文件不"
            "含任何未提供的内容。"
        ),
    ),
    "asked": (
        "2  What was asked · 所要求的内容",
        "The demand as the company entered it when the matter was opened.",
        "以下为事项开立时本公司录入的要求。",
    ),
    "left": (
        "3  What left · 已提供的内容",
        (
            "These files left, byte for byte as approved, and no other. Each was made anew from its original "
            "by the rules in section 5 and marked for its recipient."
        ),
        ("仅提供了以下文件，其字节与批准时完全一致。每份文件均按第 5 节的规则由原件重新制作，并标明接收方。"),
    ),
    "received": (
        "4  To whom · 接收方",
        "The recipient that the approvers saw, and everyone through whose hands the copy passes in clear.",
        "批准人所见的接收方，以及以明文经手该副本的各方。",
    ),
    "decided": (
        "5  What was decided · 所作决定",
        (
            "For every field of every file: what became of it, by which rule of which policy, under which "
            "code and law, and why. What is not named by a rule does not leave. Fields are named as the "
            "policy names them."
        ),
        ("逐一列明每份文件每个字段的处理结果、适用政策及规则、代码、法律依据和理由。未被规则列明的内容一律不予提供。"),
    ),
    "checked": (
        "6  What was checked before it left · 提供前的核验",
        (
            "Each file was read again by other programs than those that made it, and searched for every "
            "value that was withheld. These are the reports that the approvers signed for."
        ),
        ("每份文件均由不同于制作程序的其他程序重新读取，并检索每一项未提供的值。以下为批准人签署的核验报告。"),
    ),
    "approved": (
        "7  Who approved · 批准人",
        (
            "Each person signed, with a key that never left their own machine, the digest of the manifest: "
            "of every file, decision, policy, report and recipient above. Persons are named by their number "
            "in the company's register; the log shows who gave each of them key and role, with a second "
            "person's signature."
        ),
        (
            "每位批准人以仅由本人持有的密钥签署清单摘要，其中包括上述全部文件、决定、政策、报告及接收方。人员"
            "以公司登记编号表示；日志载明其密钥和角色由谁授予，并附第二人签名。"
        ),
    ),
    "happened": (
        "8  What happened, in order · 事件经过",
        (
            "Every entry of the audit log about this release, its renditions and their originals, refusals "
            "and changes among them. The folder log holds all entries of the matter and proves that none of "
            "them is missing."
        ),
        (
            "审计日志中与本次提供、其各版本及原件有关的全部条目，包括拒绝和变更。log 文件夹载有本事项全部条目"
            "，并证明无一缺失。"
        ),
    ),
    "originals": (
        "9  What it was made from · 原件",
        (
            "Each original is named by the log's entry of its arrival. The commitment there is a keyed "
            "digest over the SHA-256 of its bytes and its name: it tells neither, and whoever is later given "
            "both and the key can compare them. Where an entry stands under Cells, the table was committed "
            "to cell by cell."
        ),
        (
            "每份原件以其到达时的日志条目表示。承诺值为对原件 SHA-256 及文件名的带密钥摘要，不透露二者；日后"
            "如获提供原件信息及密钥，即可比对。标有单元格条目者，其表格已逐格承诺。"
        ),
    ),
    "verified": (
        "10  How anyone checks it · 核验方法",
        (
            "With Python 3.9 or later and without a network. Take the script verify.py and both keys from "
            "elsewhere than this bundle: from the company by another way, from an earlier package, from a "
            "notary."
        ),
        "使用 Python 3.9 或更高版本，无需联网。请通过其他途径取得 verify.py 及两组公钥。",
    ),
    "limits": (
        "11  What this does not prove · 本文件不能证明的事项",
        "A court should know where the proof ends.",
        "以下为证明力的界限。",
    ),
}

STEPS = (
    (
        (
            "It compares every file here with the index that the company's package keys signed, this "
            "document among them."
        ),
        "脚本将全部文件（包括本文件）与公司签署的索引比对。",
    ),
    (
        (
            "It checks the package's record: manifest, approvals, who enrolled the approvers, and the entry "
            "in the log that sealed it. The disclosed files themselves are checked where they are put into "
            "package/files."
        ),
        ("核验文件包记录：清单、批准、批准人登记及封存该包的日志条目；将已提供文件放入 package/files 即可一并核验。"),
    ),
    (
        (
            "It checks that all entries of the matter are in the log, that none is missing, and that the log "
            "continues the checkpoint with which the package was handed over."
        ),
        "核验本事项全部条目均在日志中、无一缺失，且日志延续交付时的检查点。",
    ),
    (
        "It holds the facts in evidence.json, which this document tells, against log and package.",
        "将本文件所述 evidence.json 中的事实与日志和文件包比对。",
    ),
    (
        (
            "This PDF is signed besides with the certificate below, for readers of documents. Nobody vouches "
            "for that certificate but the log, which names it."
        ),
        "本 PDF 另以下列证书签名，该证书仅由日志中的条目予以确认。",
    ),
)

LIMITS = (
    (
        (
            "That the originals were true. It shows what arrived and what was made of it, not that a list or "
            "a photograph was right when it arrived."
        ),
        "不证明原件本身真实。仅证明收到了什么以及由此制作了什么。",
    ),
    (
        (
            "When something was done, beyond the company's own clock, unless a time stamp of an authority is "
            "in the package or in this document's signature; their signatures are checked with the "
            "authority's certificate."
        ),
        "除文件包或本文件签名含有时间戳机构的时间戳外，时间仅为公司自身时钟所示。",
    ),
    (
        (
            "That nobody rewrote the log as a whole before the checkpoint of the package. A checkpoint or a "
            "package that somebody else kept, and witnesses, show that."
        ),
        "不证明日志在文件包检查点之前未被整体改写；他人保存的检查点、文件包或见证可证明之。",
    ),
    (
        (
            "That the decisions listed here are all that was recorded of them: places and sizes on a page, "
            "rows and the values that rules compare with are left out. The approvers signed the digest of "
            "the full record."
        ),
        "所列决定未包含页面位置、尺寸、行号及规则比对值；批准人签署的是完整记录的摘要。",
    ),
    (
        "That the people who approved read what they signed, or what the recipient did with it.",
        "不证明批准人确已阅读其所签内容，亦不证明接收方如何使用。",
    ),
    (
        "That nothing left by another way than this gateway.",
        "不证明没有资料通过其他途径流出。",
    ),
)

OUTCOMES = {
    "disclosed": "disclosed · 提供",
    "transformed": "transformed · 转换",
    "withheld": "withheld · 不提供",
    "mixed": "in part · 部分",
}

ACTS = {
    "matter.opened": "matter opened · 立案",
    "original.kept": "original arrived · 原件到达",
    "original.classified": "original classified · 原件分类",
    "original.committed": "cells committed to · 单元格承诺",
    "original.not_committed": "cells not committed to · 未作单元格承诺",
    "original.shredding_proposed": "destruction proposed · 提议销毁",
    "original.shredded": "original destroyed · 原件销毁",
    "object.opened": "opened to be read · 查阅",
    "release.drafted": "release begun · 开始",
    "release.submitted": "put before reviewers · 提交审查",
    "release.reopened": "changed again · 重新修改",
    "release.approval": "approval signed · 签署批准",
    "release.approved": "quorum reached · 达到法定人数",
    "release.refused": "refused · 拒绝",
    "release.sealed": "sealed · 封存",
    "release.dispatched": "handed over · 交付",
    "release.acknowledged": "receipt recorded · 收到回执",
    "release.recalled": "recalled · 撤回",
    "rendition.requested": "rendition asked for · 请求制作",
    "rendition.clean": "rendition made, clean · 制作并核验",
    "rendition.waiting": "rendition waits for answers · 待答复",
    "rendition.blocked": "rendition blocked · 被阻止",
    "rendition.refused": "rendition refused · 制作被拒",
    "rendition.reviewed": "rendition reviewed · 审查",
    "rendition.withdrawn": "rendition taken out · 撤出",
    "package.handed_out": "package downloaded · 取走文件包",
    "evidence.begun": "evidence begun · 开始取证",
    "evidence.given": "evidence given · 提供证明",
    "audit.exported": "log extract drawn · 摘录日志",
    "matters.mapped": "matters mapped · 事项映射",
}
