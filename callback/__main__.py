"""`python -m callback` is the same command as `callback`."""

from callback.cli import main

if __name__ == "__main__":
    main()
