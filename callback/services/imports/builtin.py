"""The profile of our own template, which needs no TOML file: English and Chinese headings are both understood."""

from typing import Any

FIELDS: dict[str, tuple[str, str]] = {
    "external_id": ("Case number", "个案编号"),
    "status": ("Status", "状态"),
    "subject": ("Subject", "主题"),
    "description": ("Description", "详情"),
    "answer": ("Answer", "答复"),
    "category": ("Category", "类别"),
    "product": ("Product", "产品"),
    "kind": ("Kind", "性质"),
    "priority": ("Priority", "优先级"),
    "required_skill": ("Skill needed", "所需技能"),
    "team": ("Team", "班组"),
    "handled_by": ("Handled by", "经办工号"),
    "rating": ("Rating", "满意度评分"),
    "opened_at": ("Reported at", "报告时间"),
    "answered_at": ("Answer found at", "得出答复时间"),
    "closed_at": ("Closed at", "关闭时间"),
    "told_at": ("Customer told at", "告知客户时间"),
    "promised_at": ("Promised by", "承诺时间"),
    "customer_id": ("Customer number", "客户编号"),
    "name": ("Name", "姓名"),
    "salutation": ("Salutation", "称呼"),
    "phone": ("Telephone", "电话"),
    "email": ("E-mail", "电子邮箱"),
    "language": ("Language", "语言"),
    "country": ("Country", "国家"),
    "region": ("Region", "地区"),
    "time_zone": ("Time zone", "时区"),
    "special": ("Special customer", "特殊客户"),
    "consents": ("Consents", "同意的渠道"),
    "preferred_times": ("Preferred times", "希望联系时间"),
    "forbidden_dates": ("Forbidden dates", "免打扰日期"),
}
"""Field → its heading in our template, in English and in Chinese."""

STATUSES = {
    "open": "open",
    "pending": "pending",
    "closed": "closed",
    "待处理": "open",
    "处理中": "pending",
    "已关闭": "closed",
}
PRIORITIES = {
    "low": "low",
    "normal": "normal",
    "high": "high",
    "urgent": "urgent",
    "低": "low",
    "普通": "normal",
    "高": "high",
    "紧急": "urgent",
}
KINDS = {
    "enquiry": "enquiry",
    "request": "request",
    "complaint": "complaint",
    "suggestion": "suggestion",
    "咨询": "enquiry",
    "诉求": "request",
    "投诉": "complaint",
    "建议": "suggestion",
}
REQUIRED = ("external_id", "status", "subject")

BUILTIN: dict[str, dict[str, Any]] = {
    "callback": {
        "name": "callback",
        "source": "callback_template",
        "date_formats": ["iso", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%Y年%m月%d日"],
        "optional": [field for field in FIELDS if field not in REQUIRED],
        "columns": {field: list(headings) for field, headings in FIELDS.items()},
        "status": STATUSES,
        "priority": PRIORITIES,
        "kind": KINDS,
    }
}
BUILTIN["sample"] = {**BUILTIN["callback"], "name": "sample", "source": "sample", "contacts_are_fictional": True}
"""Our own sample cases: the same columns, with made-up telephone numbers."""
