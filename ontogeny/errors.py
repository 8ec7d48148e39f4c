"""What is raised when the input, and not the program, is wrong."""


class OntogenyError(Exception):
    """The user's input is wrong; the message says what, where, and what to do next.

    Every message names the file and the line or key, what was found, and what was expected.
    """


class ConfigError(OntogenyError):
    """A key of the configuration is unknown, has a wrong value, or contradicts another one."""


class InterpreterError(OntogenyError):
    """The Python environment lies where its interpreter can't start a job."""


class SourceError(OntogenyError):
    """A file to be downloaded is absent, incomplete, or not the one that was pinned."""


class DownloadError(OntogenyError):
    """A checkpoint of the hub can't be had: it isn't there, isn't whole, or can't be reached."""


class CorpusError(OntogenyError):
    """A corpus or one of its source files is malformed, or lacks what is asked of it."""


class CheckpointError(OntogenyError):
    """A checkpoint is missing, truncated, or not what its trajectory says it is."""


class TrajectoryError(OntogenyError):
    """The checkpoints of a trajectory can't all be what their steps say they are."""


class TrainingError(OntogenyError):
    """A training run cannot go on, for example because its loss is no longer a number."""


class TableError(OntogenyError):
    """A table breaks its declaration."""
