"""In which one form is typed text kept, what of it can nobody see, and how is it found and sorted?

Knows no Django. What is invisible is said by Unicode's own properties, as the package `regex` has them, and
not by a list of ours. NFC is the form of RFC 8265 (names and passwords in any script): what looks alike and
means the same is one sequence of characters, and nothing that can be told apart is lost.
"""

import unicodedata

import regex

# UTS #39, 5.4: more nonspacing marks in a row belong to no word of any language.
MOST_MARKS = 4
# One character may be 18 of a key, and an index of PostgreSQL takes 2700 bytes. Names with their addresses
# are within this length; before the whole name in a key half is enough.
KEY_LENGTH = 511
SORTED_LENGTH = 254
# Virama: it joins consonants into one sign.
_VIRAMA = 9

# Where a character without a look of its own changes the look of its neighbors: emoji of several parts, the
# three flags that are written with tags, keycaps, the variants of Chinese characters and Mongolian letters,
# and the joiners of Indic scripts (the Bengali "ya" after "ra" too) and of Persian (RFC 5892, A.1 and A.2).
_MEANT = r"""
    \U0001F3F4(?:\U000E0067\U000E0062(?:\U000E0065\U000E006E\U000E0067|\U000E0073\U000E0063\U000E0074
        |\U000E0077\U000E006C\U000E0073))\U000E007F
    | \p{Extended_Pictographic}\p{Emoji_Modifier}?[\uFE0E\uFE0F]?
        (?:\u200D\p{Extended_Pictographic}\p{Emoji_Modifier}?\uFE0F?)*
    | [0-9*\#]\uFE0F\u20E3
    | \p{Unified_Ideograph}[\uFE00-\uFE02\U000E0100-\U000E01EF]
    | \p{Script=Mongolian}[\u180B-\u180F]
    | (?<=\p{Canonical_Combining_Class=Virama})[\u200C\u200D]
    | (?<=\p{Letter})\u200D(?=\p{Canonical_Combining_Class=Virama})
    | (?<=[\p{Joining_Type=L}\p{Joining_Type=D}]\p{Joining_Type=T}*)\u200C
        (?=\p{Joining_Type=T}*[\p{Joining_Type=R}\p{Joining_Type=D}])
"""
# The Braille pattern without dots is drawn as nothing; signs that stand before numbers are drawn (U+0600).
_HIDDEN = r"\p{Default_Ignorable_Code_Point} | [\p{Format}--\p{Prepended_Concatenation_Mark}] | \u2800"
_BREAKING = r"\p{Control} | \p{Surrogate} | \p{Line_Separator} | \p{Paragraph_Separator}"
_FLAGS = regex.VERBOSE | regex.VERSION1
_UNSEEN = regex.compile(
    rf"(?:{_MEANT})|(?P<unseen>{_HIDDEN}|{_BREAKING}|\p{{Noncharacter_Code_Point}})", _FLAGS
)
_ALL_HIDDEN = regex.compile(rf"(?:{_HIDDEN})+", _FLAGS)
_SPACES = regex.compile(r"\p{Space_Separator}+")
# A mark that stands on no letter is drawn on whatever stands before the name.
_LOOSE_MARK = regex.compile(r"(?:^|\p{Separator})(\p{Mark})")
_PILE = regex.compile(rf"[\p{{Mn}}\p{{Me}}]{{{MOST_MARKS}}}([\p{{Mn}}\p{{Me}}])")
# What stands around the characters of a code: the number in a list, what groups them, what ends a sentence.
_LIST_NUMBER = regex.compile(r"^\s*[0-9]{1,2}[.):]\s+(?=\S)")
_AROUND_A_CODE = regex.compile(r"[\s_\p{Dash_Punctuation}\u2212]+|[.,;]+\s*$")
_TURNED = regex.compile(r"[\p{Bidi_Class=R}\p{Bidi_Class=AL}\p{Bidi_Class=AN}]")

# Letters with a stroke or of two parts, which Unicode does not take apart, and the signs that phones and word
# processors put in place of an apostrophe and a hyphen.
_PLAIN = str.maketrans(
    {
        **dict(zip("đðħıłøŧ", "ddhilot", strict=True)),
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        **dict.fromkeys("\u2018\u2019\u02bc\u2032", "'"),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    }
)


def canonical(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def one_line(text: str) -> str:
    """NFC, with a single plain space where there are spaces of any kind."""
    return str(_SPACES.sub(" ", canonical(text))).strip()


def unseen(text: str) -> str:
    """The first character that cannot be seen and changes nothing that can."""
    unseen_letters: list[str] = [match["unseen"] for match in _UNSEEN.finditer(text) if match["unseen"]]
    return unseen_letters[0] if unseen_letters else ""


def without_unseen(text: str) -> str:
    return str(_UNSEEN.sub(lambda match: "" if match["unseen"] else match[0], text))


def visible(text: str) -> str:
    return str(_ALL_HIDDEN.sub("", text))


def misplaced_mark(text: str) -> str:
    """The first mark that stands on no letter, or on too many others."""
    match = _LOOSE_MARK.search(text) or _PILE.search(unicodedata.normalize("NFD", text))
    return match[1] if match else ""


def without_misplaced_marks(text: str) -> str:
    grounded = regex.sub(r"(^|\p{Separator})\p{Mark}+", r"\1", text)
    pile = rf"([\p{{Mn}}\p{{Me}}]{{{MOST_MARKS}}})[\p{{Mn}}\p{{Me}}]+"
    return canonical(regex.sub(pile, r"\1", unicodedata.normalize("NFD", grounded)))


def code_within(typed: str) -> str:
    """Return the letters and digits of a code as it is typed or pasted; not necessarily a code.

    NFKC brings the forms of the ASCII digits (full-width, circled) to these; digits of other scripts stay
    what they are, as RFC 6238 and every authenticator app know the ASCII ones only.
    """
    text = visible(unicodedata.normalize("NFKC", typed))
    return str(_AROUND_A_CODE.sub("", _LIST_NUMBER.sub("", text)))


def named(char: str) -> str:
    return f"U+{ord(char):04X} {unicodedata.name(char, '')}".strip()


def isolated(name: object) -> str:
    """Return a name for a line of plain text: what is written from right to left cannot turn its neighbors.

    FIRST STRONG ISOLATE and its end do in plain text what the element bdi does in a page (UAX #9). Names
    without such letters stay as they are: they turn nothing round, and can be copied and searched.
    """
    text = str(name)
    return f"\u2068{text}\u2069" if _TURNED.search(text) else text


def searchable(text: str) -> str:
    """Without letter case, accents and what cannot be seen."""
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", visible(text).casefold())
        kept = "".join(char for char in parts if unicodedata.combining(char) in (0, _VIRAMA))
        text = unicodedata.normalize("NFC", kept.casefold()).translate(_PLAIN)
    return " ".join(text.lower().split())[:KEY_LENGTH]


def sorted_alike(name: str) -> str:
    """Return a key that is equal for names that differ in letter case only, and sorts like the other."""
    folded = canonical(unicodedata.normalize("NFD", name).casefold())
    return f"{searchable(name)[:SORTED_LENGTH]}\t{folded}"
