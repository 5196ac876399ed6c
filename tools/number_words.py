"""Words of the numbers that are one prompt each, by prompt name and language.

`n-0` to `n-99` are bare numbers; a suffix is a form: `-m` before a masculine noun, `-f` feminine, `-o` the Romanian
article. Written out rather than left to the synthesiser's own reading of digits, which knows no gender.
"""


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split())


EN_SMALL = _listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
EN_TENS = _listed("twenty thirty forty fifty sixty seventy eighty ninety")
EN_DAYS = _listed(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth twenty-first twenty-second twenty-third twenty-fourth "
    "twenty-fifth twenty-sixth twenty-seventh twenty-eighth twenty-ninth thirtieth thirty-first"
)
ES_SMALL = _listed(
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete "
    "dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete "
    "veintiocho veintinueve"
)
ES_TENS = _listed("treinta cuarenta cincuenta sesenta setenta ochenta noventa")
ES_HUNDREDS = _listed(
    "doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos"
)
RO_SMALL = _listed(
    "zero unu doi trei patru cinci șase șapte opt nouă zece unsprezece doisprezece treisprezece paisprezece "
    "cincisprezece șaisprezece șaptesprezece optsprezece nouăsprezece"
)
RO_TENS = _listed("douăzeci treizeci patruzeci cincizeci șaizeci șaptezeci optzeci nouăzeci")


def words(language: str) -> dict[str, str]:
    """Prompt name to text."""
    return {"en": _english, "es": _spanish, "ro": _romanian}[language]()


def _english() -> dict[str, str]:
    said = {f"n-{value}": word for value, word in enumerate(EN_SMALL)}
    for tens, word in enumerate(EN_TENS, 2):
        for ones in range(10):
            said[f"n-{tens}{ones}"] = f"{word}-{EN_SMALL[ones]}" if ones else word
    said |= {f"n-{hundreds}00": f"{EN_SMALL[hundreds]} hundred" for hundreds in range(1, 10)}
    said |= {f"day-{day}": f"the {word} of" for day, word in enumerate(EN_DAYS, 1)}
    return said


def _spanish() -> dict[str, str]:
    said = {f"n-{value}": word for value, word in enumerate(ES_SMALL)}
    for tens, word in enumerate(ES_TENS, 3):
        for ones in range(10):
            said[f"n-{tens}{ones}"] = f"{word} y {ES_SMALL[ones]}" if ones else word
    said |= {"n-1-m": "un", "n-1-f": "una", "n-21-m": "veintiún", "n-21-f": "veintiuna"}
    for tens, word in enumerate(ES_TENS, 3):
        said |= {f"n-{tens}1-m": f"{word} y un", f"n-{tens}1-f": f"{word} y una"}
    said |= {"n-100": "cien", "n-100-and": "ciento"}
    for hundreds, word in enumerate(ES_HUNDREDS, 2):
        said |= {f"n-{hundreds}00": word, f"n-{hundreds}00-f": f"{word[:-2]}as"}
    return said


def _romanian() -> dict[str, str]:
    said = {f"n-{value}": word for value, word in enumerate(RO_SMALL)}
    for tens, word in enumerate(RO_TENS, 2):
        for ones in range(10):
            said[f"n-{tens}{ones}"] = f"{word} și {RO_SMALL[ones]}" if ones else word
        said |= {f"n-{tens}1-f": f"{word} și una", f"n-{tens}2-f": f"{word} și două"}
    said |= {"n-1-m": "un", "n-1-f": "una", "n-1-o": "o", "n-2-f": "două", "n-12-f": "douăsprezece"}
    said |= {"n-100": "o sută", "n-200": "două sute", "n-1000": "o mie"}
    said |= {f"n-{hundreds}00": f"{RO_SMALL[hundreds]} sute" for hundreds in range(3, 10)}
    return said
