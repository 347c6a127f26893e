"""Names on one line: they go into subjects, headers and lists."""


def single_line(text: str) -> str:
    """The text with every run of white space, line breaks included, as one space."""
    return " ".join(text.split())
