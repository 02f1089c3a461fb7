"""Run with `python -m voice`."""

from voice.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
