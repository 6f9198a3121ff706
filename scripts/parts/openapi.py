"""The API's description as a file: what changes in it is seen in review, and clients are generated from it."""

import json
import sys
from pathlib import Path

from callback.app import create_app
from callback.bootstrap import build
from callback.settings import Settings

FILE = Path(__file__).resolve().parents[2] / "tests" / "openapi.json"


def current() -> str:
    """The description, as it is written: keys in order, so that a difference is a change."""
    house = build(Settings(database_url="sqlite://"))
    try:
        return json.dumps(create_app(house).openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    finally:
        house.close()


def main() -> int:
    made = current()
    if "--check" in sys.argv[1:]:
        same = FILE.is_file() and FILE.read_text(encoding="utf-8") == made
        print("tests/openapi.json is up to date" if same else "tests/openapi.json is out of date: run scripts/openapi")
        return 0 if same else 1
    FILE.write_text(made, encoding="utf-8")
    print(f"written: {FILE.relative_to(FILE.parents[1])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
