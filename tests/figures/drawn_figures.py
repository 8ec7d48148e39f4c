"""What a figure holds, for tests: its artists by name, its texts, and its bytes."""

from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import pandas as pd
from matplotlib.text import Text

from ontogeny.figures import style as plots


def of_all_tables(study, figures):
    """The figures of a study by name, each drawn from all its tables, of which it gets its own."""

    def drawing(name):
        places = [joined.table for joined in study.tables]
        read = [places.index(table) for table in study.figure(name).reads]

        def draw(*tables, **settings):
            return figures[name](*(tables[place] for place in read), **settings)

        return draw

    return {figure.name: drawing(figure.name) for figure in study.figures}


def marked(figure, gid):
    """All that is drawn under a name."""
    return [artist for artist in figure.findobj() if artist.get_gid() == gid]


def line(figure, gid):
    """The places and the heights of the one line under a name."""
    (found,) = marked(figure, gid)
    return np.array(found.get_xdata(), dtype=float), np.array(found.get_ydata(), dtype=float)


def texts(figure):
    """All that is written in a figure, those of its axes included."""
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def svg(figure):
    """The bytes that are written of a figure, as svg alone."""
    only = {"svg": plots.UNDATED["svg"]}
    with TemporaryDirectory() as folder, patch.dict(plots.UNDATED, only, clear=True):
        plots.save(figure, Path(folder) / "figure")
        return (Path(folder) / "figure.svg").read_bytes()


def assert_order_of_rows_does_not_matter(draw, tables, **settings):
    """Draw tables as they are and with their rows shuffled, with the same settings.

    Tables stay as they are, for the figures that the same job draws of them.
    """
    shuffled = [table.sample(frac=1, random_state=1) for table in tables]
    before = [table.copy() for table in shuffled]
    assert svg(draw(*tables, **settings)) == svg(draw(*shuffled, **settings))
    for table, same in zip(shuffled, before, strict=True):
        pd.testing.assert_frame_equal(table, same)
