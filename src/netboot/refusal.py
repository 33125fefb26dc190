"""What ends a command, with the exit code that says which kind of end it is (those of the other programs)."""

FAILED = 1      # something broke while running
USAGE = 2
TORRENT = 3     # a torrent unreadable or invalid
REFUSED = 4     # what was asked for cannot be done here, and nothing was begun


class Refusal(Exception):
    """One line that says what, why and what to do."""

    def __init__(self, message, code=REFUSED):
        super().__init__(message)
        self.code = code
