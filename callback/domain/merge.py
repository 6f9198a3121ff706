"""Two hands at one text: what both have written since they last saw the same is kept."""


def merged(*, base: str, mine: str, theirs: str) -> str:
    """`mine` and `theirs` both come from `base`. Nothing of either is lost; a passage may stand in it twice."""
    if theirs in (base, mine) or mine.startswith(theirs):
        return mine
    if mine == base or theirs.startswith(mine):
        return theirs
    added = mine.removeprefix(base).strip("\n")
    return f"{theirs.rstrip()}\n{added}"
