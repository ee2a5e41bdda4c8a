"""The errors that the laboratory raises on purpose; the CLI prints them without a traceback."""


class LabError(Exception):
    """Something a person can act on; the text says what."""


class DeadlineError(LabError):
    """It did not happen in time."""


class HopelessError(LabError):
    """Waiting longer is no use: wait_for() passes it on at once."""


class CommandError(LabError):
    """A command ended with an exit status other than 0."""

    def __init__(self, what, returncode, output):
        tail = output.strip()[-1500:]
        super().__init__(f"{what}: exit status {returncode}" + (f"\n{tail}" if tail else ""))
        self.returncode = returncode
        self.output = output
