#!/bin/sh
# Makes .venv from a lock file with nothing but Python >= 3.11: `environment.sh` for running, `environment.sh dev` for tests.
# Does nothing when it is there and the lock has not changed since.
cd "$(dirname "$0")/../.." || exit 1
lock=requirements.lock
[ "${1:-}" = dev ] && lock=requirements-dev.lock

find_python() {
    for name in "${PYTHON:-}" python3.13 python3.12 python3.11 python3.14 python3 python; do
        [ -n "$name" ] && command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$name" && return
    done
    echo "Python 3.11 or newer is needed and was not found. Install it, or name it: PYTHON=/path/to/python3.12 $0" >&2
    return 1
}

wanted=$(cat "$lock") || exit 1
stamp=.venv/callback-"$lock"
if [ -x .venv/bin/python ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    exit 0
fi
python=$(find_python) || exit 1
if [ ! -x .venv/bin/python ]; then
    echo "Making the environment in .venv with $("$python" --version)" >&2
    "$python" -m venv .venv || {
        echo "This Python cannot make environments. On Debian and Ubuntu: apt install python3-venv" >&2
        exit 1
    }
fi
echo "Installing from $lock" >&2
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock" || exit 1
# The project itself needs no build: its folder on the path, and a command that starts it.
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])') || exit 1
pwd >"$site/callback-scheduler.pth"
if [ ! -e .venv/bin/callback ]; then
    printf '#!/bin/sh\nexec "$(dirname "$0")/python" -m callback "$@"\n' >.venv/bin/callback
    chmod +x .venv/bin/callback
fi
printf '%s\n' "$wanted" >"$stamp"
