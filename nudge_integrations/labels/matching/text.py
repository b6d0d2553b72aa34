"""Text: a text without all that copying, cutting and printing change in it."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

# White space, hyphens and dashes, quotes, marks of emphasis, vowel marks of Arabic, and what nobody sees: controls (NUL too), soft hyphens, marks of
# direction.
_DROPPED = (
    r"\s\x00-\x1f\x7f-\x9f\u00ad\u061c\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufe00-\ufe0f\ufeff"
    r"\-\u2010-\u2015\u2043\u2053\u2212\ufe58\ufe63\uff0d"
    r"'\"`\u00b4\u2018-\u201f\u2039\u203a\u00ab\u00bb\u2032\u2033*_"
)
_DROP = re.compile(f"[{_DROPPED}]+")
# Scripts in which six characters say as much as twelve letters, and those in which no space stands between words.
_DENSE = re.compile(
    r"[\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
_JOINED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_HAN = re.compile(r"[\u3400-\u9fff]")
LETTERS, SIGNS, LONG = 12, 6, 20_000


@cache
def _simplified() -> dict[int, str]:
    """The simplified form of each traditional Chinese sign; none where OpenCC is not installed."""
    try:
        from opencc import OpenCC
    except ImportError:
        return {}
    signs = [chr(code) for code in range(0x3400, 0xA000)]
    found = OpenCC("t2s").convert("\n".join(signs)).split("\n")
    return {ord(sign): plain for sign, plain in zip(signs, found, strict=True) if sign != plain}


def _opened(raw: str) -> str:
    if raw.isascii():
        return raw.lower()
    said = unicodedata.normalize("NFKC", raw.replace("\u00b4", "'")).casefold()  # ´ would become a blank and an accent
    return said.translate(_simplified()) if _HAN.search(said) else said


def fold(raw: str) -> str:
    r"""Compatible forms made one (NFKC), small letters, simplified Chinese; without white space, hyphens, quotes and invisible characters.

    Example:
        >>> fold("The “ﬁnal” re-\nport") == fold('the "final"  report')
        True
    """
    return _DROP.sub("", _opened(raw))


class Text:
    """A text and what is worked out of it when it is needed.

    Attributes:
        raw: As it is.
        folded: See `fold`.
    """

    def __init__(self, raw: str) -> None:
        self.raw, self.folded = raw, fold(raw)
        self._grams: dict[int, Grams] = {}

    def __len__(self) -> int:
        return len(self.folded)

    @cached_property
    def dense(self) -> bool:
        """Whether it is mostly in a script whose characters are syllables or words."""
        return not self.folded.isascii() and 2 * len(_DENSE.findall(self.folded[:4000])) > len(self.folded[:4000])

    @property
    def gram(self) -> int:
        """How many characters in a row tell one text from others: 12 letters or 6 signs, in long texts twice as many."""
        return (SIGNS if self.dense else LETTERS) * (2 if self.weight > LONG else 1)

    @property
    def weight(self) -> int:
        """Its length in letters; a sign of a dense script counts as two."""
        return len(self.folded) * (2 if self.dense else 1)

    def grams(self, size: int) -> Grams:
        """Its runs of that many characters; kept until `forget`."""
        if size not in self._grams:
            self._grams[size] = Grams(self.folded, size)
        return self._grams[size]

    def forget(self) -> None:
        """Let go of runs, which take eight times the room of the text."""
        self._grams.clear()

    @cached_property
    def _breaks(self) -> frozenset[int]:
        """The places of the folded text before which something was dropped."""
        places, place = [], 0
        for piece in _DROP.split(_opened(self.raw)):
            places.append(place)
            place += len(piece)
        return frozenset([*places, place])

    def places(self, needle: Text, most: int = 1000) -> list[int]:
        """Where a text stands in this one, as whole words: "5" does not stand in "1956" or in "5.3"."""
        found: list[int] = []
        wanted = needle.folded
        start = self.folded.find(wanted) if wanted else -1
        while start >= 0 and len(found) < most:
            if self._ends(start) and self._ends(start + len(wanted)):
                found.append(start)
            start = self.folded.find(wanted, start + 1)
        return found

    def _ends(self, place: int) -> bool:
        """Whether a word may end or begin before this place of the folded text."""
        if place in (0, len(self.folded)):
            return True
        before, after = self.folded[place - 1], self.folded[place]
        if place in self._breaks or _JOINED.match(before) or _JOINED.match(after):
            return True
        if before.isalnum() and after.isalnum():
            return False
        return not any(
            at not in self._breaks and at + 1 not in self._breaks and self._point(at) for at in (place - 1, place)
        )

    def _point(self, at: int) -> bool:
        """Whether this is the point or comma of a number."""
        text = self.folded
        return text[at] in ".," and text[max(at - 1, 0) : at].isdigit() and text[at + 1 : at + 2].isdigit()

    def __repr__(self) -> str:
        return f"Text({self.raw[:60]!r}, {len(self.raw)} characters)"


_BASE, _MIX = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93


def codes(text: str) -> NDArray[np.uint64]:
    """The code points of a text."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)


def hashes(points: NDArray[np.uint64], size: int) -> NDArray[np.uint64]:
    """A 64-bit polynomial hash of every `size` code points in a row, by doubling: four products for 12 of them."""
    if len(points) < size:
        return np.empty(0, np.uint64)
    done, length = np.zeros(len(points) + 1, np.uint64), 0  # of no characters
    power, run, rest = points + np.uint64(1), 1, size
    while rest:
        if rest & 1:  # what is there, then the run
            count = len(points) - length - run + 1
            done = done[:count] * np.uint64(pow(_BASE, run, 2**64)) + power[length : length + count]
            length += run
        rest >>= 1
        if rest:
            power = power[: len(power) - run] * np.uint64(pow(_BASE, run, 2**64)) + power[run:]
            run *= 2
    return done * np.uint64(_MIX)


class Grams:
    """The hashes of all runs of `size` characters of a text, by the place where they begin."""

    def __init__(self, text: str, size: int) -> None:
        self.hashes = hashes(codes(text), size)

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return np.argsort(self.hashes, kind="stable")

    @cached_property
    def _sorted(self) -> NDArray[np.uint64]:
        return self.hashes[self._order]

    def places(self, other: Grams) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where runs begin that the other text has too, and where each stands there first."""
        if not len(other.hashes):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        row = np.minimum(np.searchsorted(other._sorted, self.hashes), len(other.hashes) - 1)
        here = np.flatnonzero(other._sorted[row] == self.hashes)
        return here, other._order[row[here]]


def covered(piece: Text, whole: Text, size: int) -> NDArray[np.bool_]:
    """Which characters of `piece` stand in a run that `whole` holds too, of at least two times `size` characters, or of all it has."""
    begin, length = piece.grams(size).places(whole.grams(size))[0], len(piece)
    marks = np.zeros(length + 1, np.int64)
    marks[begin] += 1
    marks[begin + size] -= 1
    held: NDArray[np.bool_] = np.cumsum(marks)[:length] > 0
    edges = np.flatnonzero(np.diff(held.astype(np.int8), prepend=0, append=0))
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if end - start < min(2 * size, length):
            held[start:end] = False
    return held
