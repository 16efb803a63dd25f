"""The exit codes of the command line."""

from enum import IntEnum


class Exit(IntEnum):
    """What a command's end means to a shell; one meaning a number."""

    OK = 0
    FAILED = 1
    CHANGES = 2
    INVALID = 3
    REFUSED = 4
    LOCKED = 5
    STALE = 6
    PARTIAL = 7
    USAGE = 64
    INTERRUPTED = 130
