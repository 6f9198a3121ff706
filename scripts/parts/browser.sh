#!/bin/sh
# Prints the path of a Chromium for the browser tests: CALLBACK_TEST_BROWSER, else one of this machine, else one that is
# installed now, with the system's packages as root or with Playwright's own download. The headless shell comes first: it
# is the same browser without windows, of which a test opens several.
cd "$(dirname "$0")/../.." || exit 1
find_browser() {
    for name in "${CALLBACK_TEST_BROWSER:-}" chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable chrome microsoft-edge; do
        [ -n "$name" ] && command -v "$name" 2>/dev/null && return
    done
    .venv/bin/python - <<'END' 2>/dev/null
import pathlib
import sys
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    path = playwright.chromium.executable_path
    sys.exit(1) if not pathlib.Path(path).exists() else print(path)
END
}
find_browser && exit 0
echo "No Chromium on this machine: installing one for the browser tests" >&2
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    install="apt-get -q install -y --no-install-recommends fonts-noto-cjk"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get -q update && { $install chromium-headless-shell || $install chromium; }; } >&2
else
    .venv/bin/python -m playwright install chromium >&2
fi
find_browser && exit 0
echo "No Chromium could be installed. Install one, or name it: CALLBACK_TEST_BROWSER=/path/to/chromium scripts/test" >&2
exit 1
