"""The one thing that a test says when it cannot say anything."""


class UntestableError(Exception):
    """Why a test says nothing of these rows."""
