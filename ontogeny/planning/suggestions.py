"""What may have been meant by a name that isn't known."""

import difflib


def suggest(name: str, known: list[str]) -> str:
    """Return the end of a message on a name that isn't known: the nearest that is, or all."""
    if not known:
        return "; there are none."
    close = difflib.get_close_matches(name, list(map(str, known)), n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; expected one of {', '.join(map(str, known))}."
