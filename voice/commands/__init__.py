"""One module for each command: `add_parser(subparsers)`, and a function (args, config) -> int.

These modules load whenever `hean` starts: heavy libraries are imported where they are used.
"""
