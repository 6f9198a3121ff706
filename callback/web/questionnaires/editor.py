"""The editor: the whole questionnaire is one form. Each act sends it and gets it back changed; saving makes a draft."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Response

from callback.db.tables import Questionnaire
from callback.domain.account import Scope
from callback.domain.survey import Definition, QuestionType
from callback.domain.survey import Form as SurveyForm
from callback.errors import Invalid
from callback.services import questionnaires
from callback.web.desk import Desk, at_desk
from callback.web.documents import Fields, by_place, document, moved
from callback.web.questionnaires.shown import shown, words

router = APIRouter(prefix="/setup/questionnaires")
Writer = Annotated[Desk, Depends(at_desk(Scope.SURVEYS_WRITE))]
Id = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/{questionnaire_id}/edit")
def edit(questionnaire_id: Id, desk: Writer) -> Response:
    """The editor, filled with a version; what is saved is a new one."""
    with desk.reading() as session:
        row = questionnaires.find_questionnaire(session, questionnaire_id)
    return desk.page("questionnaires/edit.html", row=row, again=False, **_editing(desk, row.definition, row.id))


@router.post("/{questionnaire_id}/edit")
def change(questionnaire_id: Id, fields: Fields, desk: Writer, act: Annotated[str, Form()] = "") -> Response:
    """The form as it stands, with one act done: a question added, moved or taken out. Nothing is saved."""
    definition = definition_of(document(fields))
    opened = _act(definition, act)
    return desk.fragment(
        "questionnaires/form.html", again=True, **_editing(desk, definition, questionnaire_id, opened=opened)
    )


@router.post("/{questionnaire_id}/check")
def check(questionnaire_id: Id, fields: Fields, desk: Writer) -> Response:
    """What each channel makes of the form as it stands, and what is wrong with it."""
    definition = definition_of(document(fields))
    return desk.fragment("questionnaires/preview.html", **_editing(desk, definition, questionnaire_id))


@router.post("/{questionnaire_id}/drafts")
def save(questionnaire_id: Id, fields: Fields, desk: Writer) -> Response:
    """The form as a new draft; with faults it comes back with each beside its field."""
    definition = definition_of(document(fields))
    try:
        row = _saved(desk, questionnaire_id, definition)
    except Invalid as error:
        if error.code != "questionnaire_refused":
            raise
        return desk.fragment(
            "questionnaires/form.html", status=422, again=True, **_editing(desk, definition, questionnaire_id)
        )
    return desk.go(f"/setup/questionnaires/{row.id}", said="questionnaires_desk.saved", version=row.version)


def _saved(desk: Desk, questionnaire_id: int, definition: Mapping[str, Any]) -> Questionnaire:
    with desk.begin() as session:
        key = questionnaires.find_questionnaire(session, questionnaire_id).key
        return questionnaires.save_draft(
            session, key=key, definition=definition, now=desk.now, author_id=desk.me.agent_id
        )


def definition_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The definition that a form describes: empty fields are absent members, numbers are numbers."""
    pages: list[dict[str, Any]] = []
    for element in _list(fields.get("questions")):
        if not isinstance(element, Mapping):
            continue
        if not pages or element.get("page") == "new":
            pages.append({"name": f"page{len(pages) + 1}", "elements": []})
        pages[-1]["elements"].append(_element(element))
    return {"title": _texts(fields.get("title")), "pages": pages}


def _element(fields: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(fields.get("type", ""))
    made: dict[str, Any] = {"type": kind, "name": fields.get("name", ""), "title": _texts(fields.get("title"))}
    if fields.get("isRequired") == "yes":
        made["isRequired"] = True
    for name in ("role", "visibleIf"):
        if fields.get(name):
            made[name] = fields[name]
    chosen = fields.get("form")
    forms = [chosen] if isinstance(chosen, str) else list(chosen or ())
    if set(forms) != {form.value for form in SurveyForm}:
        made["form"] = forms
    options = [
        {"value": one.get("value", ""), "text": _texts(one.get("text"))}
        for one in _list(fields.get("options"))
        if isinstance(one, Mapping)
    ]
    if kind == QuestionType.BOOLEAN:
        made |= {name: texts for name in ("labelTrue", "labelFalse") if (texts := _texts(fields.get(name)))}
    elif kind == QuestionType.RADIOGROUP:
        made["choices"] = options
    elif kind == QuestionType.RATING:
        if options:
            made["rateValues"] = [one | {"value": _number(one["value"])} for one in options]
        else:
            made |= {name: _number(fields[name]) for name in ("rateMin", "rateMax") if fields.get(name)}
        ends = ("minRateDescription", "maxRateDescription")
        made |= {name: texts for name in ends if (texts := _texts(fields.get(name)))}
    elif fields.get("maxLength"):
        made["maxLength"] = _number(fields["maxLength"])
    return made


def _act(definition: dict[str, Any], act: str) -> int | None:
    """Do one thing to the list of questions; which question shall be open after it."""
    verb, _, argument = act.partition(":")
    elements = [element for page in definition["pages"] for element in page["elements"]]
    starts = {id(page["elements"][0]) for page in definition["pages"][1:] if page["elements"]}
    place = int(argument) if argument.isdecimal() else -1
    opened: int | None = place
    if verb == "add":
        kind = argument if argument in set(QuestionType) else QuestionType.RATING.value
        blank = {"default": "", "zh-cn": ""}
        # A message and a call are short: whatever is new is asked there once somebody says so.
        only = [SurveyForm.FULL.value]
        elements.append({"type": kind, "name": _free_name(elements), "title": blank, "form": only})
        opened = len(elements) - 1
    elif verb in ("up", "down"):
        by = -1 if verb == "up" else 1
        moved(elements, place, by)
        opened = None
    elif verb == "remove" and 0 <= place < len(elements):
        del elements[place]
        opened = None
    elif verb == "option" and 0 <= place < len(elements):
        element = elements[place]
        name = "choices" if element["type"] == QuestionType.RADIOGROUP else "rateValues"
        known = element.setdefault(name, [])
        value: object = f"option{len(known) + 1}" if name == "choices" else len(known) + 1
        known.append({"value": value, "text": {"default": "", "zh-cn": ""}})
    elif verb == "less" and 0 <= place < len(elements):
        element = elements[place]
        for name in ("choices", "rateValues"):
            element.get(name, [None]).pop()
            if element.get(name) == []:
                del element[name]
    pages: list[dict[str, Any]] = []
    for element in elements:
        if not pages or id(element) in starts:
            pages.append({"name": f"page{len(pages) + 1}", "elements": []})
        pages[-1]["elements"].append(element)
    definition["pages"] = pages
    return opened


def _free_name(elements: list[dict[str, Any]]) -> str:
    taken = {element["name"] for element in elements}
    return next(name for n in range(1, len(elements) + 2) if (name := f"question{n}") not in taken)


def _editing(
    desk: Desk, definition: Mapping[str, Any], questionnaire_id: int, *, opened: int | None = None
) -> dict[str, Any]:
    """What the editor and its preview show of a definition, sound or not."""
    found: Definition | None = None
    told: list[dict[str, Any]] = []
    try:
        found = questionnaires.check(dict(definition))
    except Invalid as error:
        told = [{**one, "text": one[desk.language]} for one in _problems(error)]
    elements = [element for page in definition["pages"] for element in page["elements"]]
    places = [
        f"pages[{p}].elements[{e}]" for p, page in enumerate(definition["pages"]) for e in range(len(page["elements"]))
    ]
    firsts = {f"pages[{p}].elements[0]" for p in range(1, len(definition["pages"]))}
    faults = by_place(told)
    return {
        "definition": definition,
        "elements": list(zip(places, elements, strict=True)),
        "firsts": firsts,
        "faults": faults,
        "faults_of": lambda place: _of_element(faults, place, elements, places),
        "opened": opened,
        "questionnaire_id": questionnaire_id,
        "questions": shown(desk, found, desk.language) if found else (),
        "sound": found is not None,
        "shown_in": desk.language,
        **words(),
    }


def _of_element(faults: Mapping[str, list[str]], place: str, elements: list[Any], places: list[str]) -> tuple[str, ...]:
    """Every fault of one question: the reader's by place, the channels' by its name."""
    name = elements[places.index(place)].get("name")
    return tuple(text for path, texts in faults.items() if path == name or path.startswith(place) for text in texts)


def _problems(error: Invalid) -> list[dict[str, Any]]:
    problems = error.details.get("problems")
    return list(problems) if isinstance(problems, list) else []


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {}
    return {name: str(text) for name, text in value.items() if str(text).strip()}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(text: object) -> object:
    """A number where one was typed; what is none stays, so that the fault names it."""
    typed = str(text).strip()
    return int(typed) if typed.lstrip("-").isdecimal() and len(typed) < 10 else text
