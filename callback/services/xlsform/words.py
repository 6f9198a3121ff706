"""The words of XLSForm that both directions use."""

ENGLISH, CHINESE = "English (en)", "中文 (zh)"
LANGUAGE_COLUMNS = {"default": ENGLISH, "zh-cn": CHINESE}
"""Language of SurveyJS → its name in a form's columns (`label::English (en)`)."""
YES, NO = "yes", "no"
"""The choices of a yes-or-no question."""
ROLE, FORM = "role", "form"
LOW_LABEL, HIGH_LABEL = "min_label", "max_label"
TITLE_ZH = "form_title_zh"
"""In `settings`: the standard has one title only."""
