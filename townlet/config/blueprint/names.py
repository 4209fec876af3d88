"""Readable, unique names for people."""

from __future__ import annotations

# fmt: off
_GIVEN = (
    "anna", "ben", "cara", "dan", "erin", "finn", "gina", "hugo", "ida", "jon", "kira", "leo", "mia", "noah",
    "olga", "paul", "quinn", "rosa", "sam", "tess", "uma", "vito", "wanda", "xenia", "yuri", "zoe", "alma", "boris",
    "clara", "dylan", "emma", "felix", "greta", "hans", "ines", "jack", "klara", "lars", "maya", "nils", "opal",
    "peter", "ruth", "simon", "tara", "udo", "vera", "will", "yara", "zeno", "agnes", "bruno", "celia", "david",
    "elsa", "fred", "gus", "hanna", "ivo", "julia", "karl", "lena",
)
_FAMILY = (
    "baker", "carter", "fisher", "miller", "mason", "cooper", "potter", "weaver", "taylor", "turner", "archer",
    "barber", "brewer", "butcher", "carver", "chandler", "clark", "cook", "draper", "dyer", "farmer", "fletcher",
    "forester", "fowler", "fuller", "gardener", "glover", "hatter", "hunter", "joiner", "judge", "knight",
    "marshal", "mercer", "page", "painter", "parker", "piper", "porter", "ranger", "reeve", "roper", "saddler",
    "sailor", "sawyer", "shepherd", "singer", "skinner", "slater", "smith", "spicer", "stringer", "tanner", "tiler",
    "tinker", "vintner", "walker", "ward", "waller", "wright",
)
# fmt: on


def name_people(count: int) -> list[str]:
    """Return distinct names: given names while they suffice, otherwise with family names, and numbered if need be."""
    if count <= len(_GIVEN):
        return list(_GIVEN[:count])
    names = []
    for person in range(count):
        rest, given = divmod(person, len(_GIVEN))
        generation, family = divmod(rest, len(_FAMILY))
        number = f"_{generation + 1}" if generation else ""
        names.append(f"{_GIVEN[given]}_{_FAMILY[family]}{number}")
    return names
