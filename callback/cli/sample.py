"""`callback sample`: an invented centre for a try-out."""

from callback.cli import app
from callback.cli.common import check_schema, console, open_house
from callback.services import samples
from callback.texts import say


@app.command()
def sample() -> None:
    """Load the shipped sample into an empty database: two teams and about 200 cases, all invented."""
    with open_house() as house:
        check_schema(house)
        loaded = samples.load(house.sessions, house.settings, clock=house.clock)
        sentence = say(
            "sample.loaded",
            house.settings.language,
            cases=loaded.cases.created,
            people=len(loaded.logins),
            password=samples.PASSWORD,
        )
        console.print(sentence, highlight=False, markup=False, soft_wrap=True)
