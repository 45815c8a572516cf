"""What the names of files say: a stem's role, its language, whether it is the master."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from remixd.errors import InvalidInput, NotFound, nearest
from remixd.track.fields import printable
from remixd.units import STEM_ROLES, StemRole


def _vocabulary(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DRUMS: Final = _vocabulary(
    """drum drumkit drumloop drummer kit perc percs percussion percussions percussive percussionist kick
    kicks kik bd snare snares snr sd hat hats hh hihat hihats cymbal cymbals crash crashes ride rides
    tom toms clap claps shaker shakers tamb tambourine tambourines conga congas bongo bongos cajon
    cowbell rim rims rimshot overhead overheads timpani djembe tabla taiko bassdrum janggu
    드럼 킥 스네어 하이햇 ドラム"""
)
_BASS: Final = _vocabulary(
    "bass basses bassline basslines bassguitar sub subbass contrabass 808 베이스 ベース"
)
_VOCALS: Final = _vocabulary(
    """vox voc vocs vocal vocals vocalist vocalists vocalise voice voices vo sing sings singer singers
    singing sung rap raps rapper choir choirs acapella acappella adlib adlibs bgv bgvs bv bvs bvox
    spoken speech whisper whispers hum hums humming 보컬 코러스 랩 ボーカル"""
)
_JOINED: Final = _vocabulary("hihat adlib adlibs bassdrum subbass")
_LEAD: Final = _vocabulary("lead leads")
_PREFIXES: Final[tuple[tuple[str, StemRole], ...]] = (
    ("drum", "drums"), ("percuss", "drums"), ("kick", "drums"), ("snare", "drums"), ("hihat", "drums"),
    ("vocal", "vocals"), ("vox", "vocals"), ("voice", "vocals"), ("sing", "vocals"),
)  # fmt: skip
_NOT_SUNG: Final = _vocabulary("single singles singular")
_INSTRUMENTS: Final = _vocabulary(
    """guitar guitars gtr gtrs synth synths piano pianos keys keyboard keyboards organ strings string sax
    saxophone brass horn horns trumpet trumpets trombone flute clarinet violin violins viola cello pad
    pads pluck plucks arp arps bell bells rhodes wurli ep banjo ukulele harp marimba vibraphone
    accordion harmonica fx"""
)
_NEGATIONS: Final = _vocabulary("no non not without minus less")
_MASTER: Final = _vocabulary("mix master mixdown mixed mastered premaster")
_MASTER_ADORNMENTS: Final = _vocabulary(
    """full final stereo main original orig song track the a v version out print bounce wav"""
)

_LANGUAGES: Final = _vocabulary(
    """aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de
    dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id
    ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko ks ku kv kw ky la lb lg li ln lo lt lu lv
    mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm
    rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts
    tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu cmn fil haw yue"""
)
"""ISO 639-1, and the ISO 639-3 codes of sung languages that have no code of two letters."""
_COUNTRIES: Final = {"kr": "ko", "jp": "ja", "cn": "zh"}
"""Countries that people write for the language."""

_LANGUAGE_TAG = re.compile(r"([a-z]{2,3})(?:[-_]([a-z]{2}|[a-z]{4}|[0-9]{3}))?")
_WORD = re.compile(r"[A-Z]{2,}s(?![a-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Casting:
    """What a name was found to be.

    Attributes:
        base: the name without its language.
        known: whether the name said its role, or it is `other` for want of anything better.
    """

    base: str
    role: StemRole
    language: str = ""
    known: bool


def words(name: str) -> list[str]:
    """The words of a name, in small letters: `02_LeadVox (dry)` is 02, lead, vox, dry."""
    composed = unicodedata.normalize("NFC", name)  # macOS writes file names decomposed
    return [word.lower() for word in _WORD.findall(composed)]


def role_of(name: str) -> StemRole | None:
    """The role that a name speaks of; None where it speaks of none.

    Drums go before bass (a bass drum), both before vocals; `lead` is a singer unless the name also
    has an instrument. A word after `no`, `minus` or `without` counts for nothing.
    """
    spoken = words(name)
    said = [word for before, word in zip(["", *spoken], spoken, strict=False) if before not in _NEGATIONS]
    joined = [first + second for first, second in itertools.pairwise(said)]  # hi-hat, ad-lib, bass drum
    roles = {_role_of_word(word) for word in said} | {
        _role_of_word(word) for word in joined if word in _JOINED
    }
    for role in ("drums", "bass", "vocals"):
        if role in roles:
            return cast(StemRole, role)
    if _LEAD & set(said) and not _INSTRUMENTS & set(said):
        return "vocals"
    return "other" if {"other", "others"} & set(said) else None


def _role_of_word(word: str) -> StemRole | None:
    if word in _DRUMS:
        return "drums"
    if word in _BASS:
        return "bass"
    if word in _VOCALS:
        return "vocals"
    if word not in _NOT_SUNG:
        for prefix, role in _PREFIXES:
            if word.startswith(prefix):
                return role
    return None


def is_master(name: str, title: str = "") -> bool:
    """Whether a file is called mix or master (`Final Mix`, `mixdown 2`), and nothing but the song's title."""
    spoken = set(words(_without_title(split_language(name)[0], title)))
    return bool(spoken & _MASTER) and all(
        word in _MASTER or word in _MASTER_ADORNMENTS or word.isdigit() for word in spoken
    )


def split_language(name: str) -> tuple[str, str]:
    """The name and the language tag at its end: `vocals.pt-br` is `vocals` and `pt-BR`; or none, empty."""
    base, dot, tag = name.rpartition(".")
    match = _LANGUAGE_TAG.fullmatch(tag.lower())
    language = _COUNTRIES.get(match[1], match[1]) if match else ""
    if not dot or not words(base) or not match or language not in _LANGUAGES:
        return name, ""
    region = match[2] or ""
    region = region.title() if len(region) == 4 else region.upper()
    return base, f"{language}-{region}" if region else language


def cast_name(name: str, title: str = "", role: StemRole | None = None) -> Casting:
    """Find the role and language of a stem's name.

    Only a singer's name is searched for a language: `kick.hi` is not Hindi. The song's title at the
    start of the name counts for nothing: `Bass Down - guitar` is no bass.

    Args:
        name: a file's name without its suffix.
        title: the song's.
        role: a role that somebody gave, which goes before what the name says.
    """
    base, language = split_language(name)
    found = role or role_of(_without_title(base, title))
    if found != "vocals":
        base, language = name, ""
    return Casting(base=base, role=found or "other", language=language, known=found is not None)


def _without_title(name: str, title: str) -> str:
    """The name without the words of the title that it starts with, unless nothing would be left."""
    spoken, titled = words(name), words(title)
    rest = spoken[len(titled) :]
    if titled and spoken[: len(titled)] == titled and any(not word.isdigit() for word in rest):
        return " ".join(rest)
    return name


def playing(castings: Sequence[Casting]) -> list[bool]:
    """Which of some stems, in order, play and which are alternates.

    Among the stems of one role that name a language only those of the first language play. A stem that
    names none always plays; if it is of the same base name as one that does, it is the first.
    """
    first: dict[StemRole, str] = {}
    bare = {(c.role, c.base.lower()) for c in castings if not c.language}
    for casting in castings:
        if casting.language:
            first.setdefault(casting.role, casting.language)
    for casting in castings:
        if casting.language and (casting.role, casting.base.lower()) in bare:
            first[casting.role] = ""
    return [not c.language or c.language == first[c.role] for c in castings]


def parse_mapping(texts: Iterable[str]) -> dict[str, StemRole]:
    """Read `NAME=ROLE` words. Raises InvalidInput for another form, NotFound for an unknown role."""
    mapping: dict[str, StemRole] = {}
    for text in texts:
        name, equals, role = text.rpartition("=")
        if not equals or not name:
            raise InvalidInput(f"{printable(text)!r} is not NAME=ROLE")
        mapping[name] = check_role(role)
    return mapping


def check_role(role: str) -> StemRole:
    """Look a role up. Raises NotFound with the nearest one."""
    word = role.strip().lower()
    if word not in STEM_ROLES:
        raise NotFound(f"there is no role {printable(role)!r}: {nearest(word, STEM_ROLES)}")
    return word


def match_mapping(mapping: Mapping[str, StemRole], names: Sequence[str]) -> dict[str, StemRole]:
    """Find the stem that each name of a mapping means, whatever its capitals.

    Returns the role of each of `names` that is mapped. A NAME is a file's name without its suffix, or
    without its language too, and then means every language. Raises NotFound with the nearest name.
    """
    found: dict[str, StemRole] = {}
    for wanted, role in mapping.items():
        key = wanted.lower()
        hits = [name for name in names if name.lower() == key]
        hits = hits or [name for name in names if split_language(name)[0].lower() == key]
        if not hits:
            shown = [printable(name) for name in names]
            hint = nearest(printable(wanted), [name.lower() for name in shown])
            raise NotFound(f"there is no stem {printable(wanted)!r}: {hint}")
        found.update(dict.fromkeys(hits, role))
    return found
