"""Put on a job's path under the name `sitecustomize`, it kills the job at its worst moments.

Python imports a module of that name as it starts. The first job of each script dies just before it
moves its first finished file into place, the second just after; further ones live. With `FAULT` set
to the number of an error there is no kill, but that error at every move.
"""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

SCRIPTS = ".snakemake/scripts/"
script = next((word for word in sys.orig_argv if SCRIPTS in word), None)
move = os.replace


def dying_move(source, target, **options):
    below = Path(target).parts[1:2]
    if Path(target).parts[:1] != ("results",) or not below:
        return move(source, target, **options)
    if fault := int(os.environ.get("FAULT", "0")):
        raise OSError(fault, os.strerror(fault), str(target))
    # The script's name has a random part in front. Scripts of two studies may share the rest.
    key = f"{Path(script).name.split('.', 1)[1]}.{Path(below[0]).stem}"
    for death in ("before", "after"):
        with suppress(FileExistsError), open(f"{os.environ['DEATHS']}/{key}.{death}", "x"):
            if death == "after":
                move(source, target, **options)
            os.kill(os.getpid(), signal.SIGKILL)
    return move(source, target, **options)


if script is not None and "DEATHS" in os.environ:
    os.replace = dying_move
