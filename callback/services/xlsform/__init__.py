"""Questionnaires as XLSForm: the Excel form that survey people write, read and written.

The form is the standard's (`survey`, `choices`, `settings`; `pyxform` reads it and proves what we write), in the part
that a call can carry. Three columns are ours and are ignored by other tools: `role`, `form` (which of `full`, `short`,
`call` ask the question) and `min_label`/`max_label` for the ends of a scale. What we cannot ask is named by its row.
"""

from callback.services.xlsform.reading import RowProblem, XlsForm, read_form
from callback.services.xlsform.writing import write_form

__all__ = ["RowProblem", "XlsForm", "read_form", "write_form"]
