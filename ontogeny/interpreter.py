"""Whether an interpreter can start jobs: `python -m ontogeny.interpreter PATH` tells.

Asked before anything is installed, so it needs nothing but Python.
"""

import os
import re
import sys

from ontogeny.errors import InterpreterError

# What a shell splits words at, takes for an operator or a quotation mark, or expands.
_NOT_LITERAL = re.compile(r"""[ \t\n|&;<>()"'\\$`*?]""")


def check_interpreter(path: str | os.PathLike[str]) -> None:
    """Raise `InterpreterError` if a shell wouldn't take the path of an interpreter for one word.

    A job's script is started by a shell that is given this path without quotation marks, so each
    job would fail.
    """
    if found := _NOT_LITERAL.search(str(path)):
        raise InterpreterError(
            f"{path}: no job can be started by an interpreter with {found[0]!r} in its path. Make "
            "the environment below another path (`make VENV=FOLDER ...`, or `python3 -m venv "
            "FOLDER`); this checkout, the configuration and the results may stay where they are."
        )


if __name__ == "__main__":
    try:
        check_interpreter(os.path.abspath(sys.argv[1]))
    except InterpreterError as error:
        sys.exit(str(error))
