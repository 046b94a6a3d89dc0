"""The one error of the generator: what is wrong, and in which file, line and key."""


class DeclarationError(Exception):
    def __init__(self, path, line, key, message):
        super().__init__(message)
        self.path, self.line, self.key, self.message = path, line, key, message

    def __str__(self):
        place = f"{self.path}:{self.line}" if self.line else f"{self.path}"
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


def one_of(names):
    """The end of a message that says what would have been valid."""
    names = list(names)
    return "one of " + ", ".join(map(str, names)) if names else "nothing (none is declared)"
