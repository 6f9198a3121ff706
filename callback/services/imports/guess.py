"""Which column of an unknown file is probably what, how its dates are written, and what its statuses mean.

A guess is a proposal on a page, never an import: a person looks at it first.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from callback.services.imports.builtin import FIELDS, KINDS, PRIORITIES, STATUSES
from callback.services.imports.values import MomentReader, cell_text, one_line

MOMENTS = ("opened_at", "answered_at", "closed_at", "told_at", "promised_at")
SORTED = ("status", "priority", "kind")
"""Fields whose values have to be told what they mean."""
MOST_VALUES = 30

DATE_FORMATS = (
    "iso",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%Y年%m月%d日 %H:%M",
    "%Y年%m月%d日",
    "%d-%m-%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%d.%m.%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%d-%m-%Y",
    "%d/%m/%Y",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "unix",
)
_ALSO: Mapping[str, tuple[str, ...]] = {
    "external_id": ("id", "ticket id", "ticket", "case id", "case no", "number", "ref", "编号", "工单号", "工单编号", "留言编号", "单号", "案件编号"),
    "status": ("ticket status", "state", "工单状态", "处理状态", "状态位"),
    "subject": ("title", "summary", "ticket subject", "topic", "标题", "留言主题"),
    "description": ("details", "message", "body", "ticket description", "text", "内容", "留言详情", "问题描述"),
    "answer": ("resolution", "reply", "solution", "response", "答复意见", "回复", "处理结果", "解决方案"),
    "category": ("type", "ticket type", "分类", "一级标签"),
    "product": ("product purchased", "item", "商品"),
    "kind": ("request type", "类型"),
    "priority": ("ticket priority", "urgency", "severity", "紧急程度"),
    "rating": ("customer satisfaction rating", "satisfaction", "score", "csat", "评分", "满意度"),
    "opened_at": ("created", "created at", "opened", "date", "reported", "留言时间", "创建时间", "提交时间", "受理时间", "时间", "日期"),
    "answered_at": ("answered at", "first response time", "答复时间", "回复时间"),
    "closed_at": ("closed", "resolved at", "time to resolution", "结束时间", "办结时间"),
    "promised_at": ("due", "due at", "deadline", "sla", "承诺日期", "到期时间"),
    "customer_id": ("customer", "client id", "user id", "留言用户", "客户号", "用户编号"),
    "name": ("customer name", "client", "contact", "客户姓名", "联系人", "姓名", "客户", "客户名称"),
    "phone": ("phone", "mobile", "tel", "customer phone", "telephone number", "手机", "手机号", "联系电话", "电话号码", "手机号码", "联系方式"),
    "email": ("mail", "e-mail address", "customer email", "email", "邮箱"),
    "language": ("lang", "locale"),
    "team": ("group", "queue", "department", "部门"),
    "handled_by": ("agent", "assignee", "owner", "经办人", "处理人"),
    "country": ("country code",),
    "region": ("state/province", "city", "province", "省份", "城市"),
}  # fmt: skip
_STATUS_WORDS: Mapping[str, tuple[str, ...]] = {
    "closed": ("closed", "resolved", "solved", "done", "finished", "answered", "已办结", "已解决", "已关闭", "已答复", "已完成"),
    "pending": ("pending", "progress", "waiting", "hold", "assigned", "处理中", "办理中", "待确认"),
    "open": ("open", "new", "reported", "created", "待处理", "待办", "新建", "未处理"),
}  # fmt: skip
_PRIORITY_WORDS: Mapping[str, tuple[str, ...]] = {
    "urgent": ("urgent", "critical", "blocker", "p1", "紧急", "特急"),
    "high": ("high", "p2", "高"),
    "low": ("low", "minor", "p4", "低"),
    "normal": ("normal", "medium", "standard", "p3", "普通", "中", "一般"),
}
_KIND_WORDS: Mapping[str, tuple[str, ...]] = {
    "complaint": ("complaint", "投诉", "举报"),
    "enquiry": ("inquiry", "enquiry", "question", "咨询", "询问"),
    "suggestion": ("suggestion", "idea", "feature", "建议"),
    "request": ("request", "issue", "problem", "incident", "task", "求助", "诉求", "报修"),
}
_WORDS = {"status": _STATUS_WORDS, "priority": _PRIORITY_WORDS, "kind": _KIND_WORDS}
_KNOWN = {"status": STATUSES, "priority": PRIORITIES, "kind": KINDS}
_FALLBACK = {"status": "", "priority": "normal", "kind": "request"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """`columns`: field → heading. `values`: of the sorted fields, what each text probably means ("" : nobody knows)."""

    columns: Mapping[str, str]
    date_formats: tuple[str, ...]
    values: Mapping[str, Mapping[str, str]]


def guess(headings: Sequence[str], sample: Sequence[Sequence[Any]], *, known: Mapping[str, Any]) -> Guess:
    """`sample`: rows of the file. `known`: the profile of an earlier file with the same headings, or nothing."""
    columns = _known_columns(known, headings) or guess_columns(headings)
    return Guess(
        columns=columns,
        date_formats=tuple(known.get("date_formats", ())) or guess_dates(headings, sample, columns),
        values={
            field: values_of(field, headings, sample, columns, known=known.get(field, {}))
            for field in SORTED
            if field in columns
        },
    )


def _known_columns(known: Mapping[str, Any], headings: Sequence[str]) -> dict[str, str]:
    found = {
        field: (names if isinstance(names, list) else [names])[0] for field, names in known.get("columns", {}).items()
    }
    return {field: name for field, name in found.items() if name in headings}


def guess_columns(headings: Sequence[str]) -> dict[str, str]:
    """Field → heading, each heading once; by our template's own headings first, then by what others call it."""
    free = {one_line(heading).casefold(): heading for heading in reversed(headings) if heading}
    found: dict[str, str] = {}
    for words in (
        {field: tuple(own) for field, own in FIELDS.items()},
        _ALSO,
    ):
        for field, names in words.items():
            if field in found:
                continue
            hit = next((name.casefold() for name in names if name.casefold() in free), None)
            if hit is not None:
                found[field] = free.pop(hit)
    return found


def guess_dates(
    headings: Sequence[str], sample: Sequence[Sequence[Any]], columns: Mapping[str, str]
) -> tuple[str, ...]:
    """The formats that read every moment of the sample, the fewest; `iso` when there is nothing to read."""
    texts = [
        text
        for field in MOMENTS
        if field in columns
        for row in sample
        if isinstance(cell := _cell(row, headings, columns[field]), str) and (text := one_line(cell))
    ]
    chosen: list[str] = []
    while texts:
        best = max(DATE_FORMATS, key=lambda form: (_reads(form, texts), -DATE_FORMATS.index(form)))
        if not _reads(best, texts):
            break
        chosen.append(best)
        texts = [text for text in texts if not _reads(best, [text])]
    return tuple(chosen) or ("iso",)


def _reads(form: str, texts: Sequence[str]) -> int:
    reader = MomentReader([form], ZoneInfo("UTC"))
    count = 0
    for text in texts:
        try:
            reader.read(text)
        except (ValueError, OverflowError):
            continue
        count += 1
    return count


def values_of(
    field: str,
    headings: Sequence[str],
    sample: Sequence[Sequence[Any]],
    columns: Mapping[str, str],
    *,
    known: Mapping[str, str],
) -> dict[str, str]:
    """Every text of a sorted field in the sample, the most frequent first, and what it probably means."""
    seen = Counter(text for row in sample if (text := one_line(cell_text(_cell(row, headings, columns[field])))))
    return {text: known.get(text) or meaning(field, text) for text, _count in seen.most_common(MOST_VALUES)}


def meaning(field: str, text: str) -> str:
    said = text.casefold()
    if said in _KNOWN[field]:
        return _KNOWN[field][said]
    return next(
        (means for means, words in _WORDS[field].items() if any(word in said for word in words)), _FALLBACK[field]
    )


def _cell(row: Sequence[Any], headings: Sequence[str], heading: str) -> Any:
    place = headings.index(heading)
    return row[place] if place < len(row) else ""
