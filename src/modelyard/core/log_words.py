"""What people type to search for, as the words of a `LogQuery`. Pure.

    prediction failed            two words, anywhere in the line, in any order, regardless of case
    "prediction failed"          one, with its space
    say "he said \\"no\\""         a quote in quotes: \\", a backslash: \\\\
    prediction AND failed        the same two words (the query language of LTS)
    a OR b, NOT a                refused, rather than taken for words; "OR" in quotes is a word
"""

from modelyard.domain.errors import Violation

MOST_WORDS = 20
MOST_CHARS = 1000
OPERATORS = frozenset({"OR", "NOT"})


def words(text: str) -> tuple[tuple[str, ...], str]:
    """(the words, what is wrong with the text: "" if nothing)."""
    if len(text) > MOST_CHARS:
        return (), f"has {len(text)} characters, at most {MOST_CHARS} are allowed"
    found: list[str] = []
    word, quoted, was_quoted, escaped = "", False, False, False
    for one in [*text, " "]:
        if quoted and escaped:
            word, escaped = word + one, False
        elif quoted and one == "\\":
            escaped = True
        elif one == '"':
            quoted, was_quoted = not quoted, True
        elif one.isspace() and not quoted:
            if word and (was_quoted or word != "AND"):
                if not was_quoted and word in OPERATORS:
                    return (), f'{word} is not supported: every word must be in the line ("{word}" is a word)'
                found.append(word)
            word, was_quoted = "", False
        else:
            word += one
    if quoted:
        return (), 'has a quotation mark (") without its other one'
    if len(found) > MOST_WORDS:
        return (), f"has {len(found)} words, at most {MOST_WORDS} are allowed"
    return tuple(found), ""


def parsed(field: str, text: str | None) -> tuple[tuple[str, ...], tuple[Violation, ...]]:
    """As `words`, of a field of a request."""
    found, wrong = words(text or "")
    return found, (Violation(field, wrong),) if wrong else ()
