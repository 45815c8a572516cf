"""What is sung: one tune in two languages, with syllables of their own rhythm.

Syllables are spelt as they sound, in the letters that `remixd.demo.phonemes` knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from remixd.demo.form import Section
from remixd.demo.harmony import melody, voicing
from remixd.demo.notes import Breath, Syllable
from remixd.synth.chance import seed_of

LANGUAGES: Final = ("ko", "en")

_KO_CHORUS: Final = (
    "da.D5.3 si.D5.3 bul.B4.2 leo.D5.4 jwo.D5.2 -.2 nae.C#5.3 no.C#5.3 rae.A4.2 reul.E5.6 -.2 "
    "ne.C#5.3 mam.C#5.3 dae.A4.2 ro.C#5.4 -.4 ba.D5.3 kkwo.D5.3 do.C#5.2 dwae.B4.6 -.2 "
    "bin.B4.3 na.B4.3 neun.G4.2 i.B4.4 ri.D5.2 deum.C#5.2 wi.C#5.4 e.E5.10 -.2 "
)
_EN_CHORUS: Final = (
    "sou.D5.2 sing.D5.4 iht.B4.2 uh.D5.2 gen.D5.4 -.2 ihts.C#5.2 yorz.C#5.4 tu.A4.2 nait.E5.6 -.2 "
    "aend.C#5.2 cheinj.C#5.4 iht.A4.2 e.C#5.2 ni.C#5.2 wei.C#5.4 yu.D5.4 laik.B4.10 -.2 "
    "shai.B4.3 ning.B4.3 on.G4.2 dhuh.B4.2 rih.B4.2 dhuhm.D5.2 uhv.C#5.2 dhuh.C#5.2 nait.E5.12 -.2 "
)
_LINES: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "ko": {
        "verse": (
            "-.2 do.F#4.2 si.F#4.2 ui.E4.2 bul.F#4.4 bit.F#4.2 -.2 a.D4.4 rae.E4.4 seo.D4.6 -.2 "
            "-.2 u.F#4.2 rin.F#4.2 cheon.E4.2 cheon.F#4.4 hi.A4.2 -.2 geo.E4.4 reo.F#4.4 ga.E4.6 -.2 "
            "-.2 ja.A4.2 geun.A4.2 sum.F#4.2 so.A4.4 ri.B4.2 -.2 ma.B4.4 jeo.A4.10 -.2 "
            "-.2 no.A4.2 rae.F#4.2 ga.E4.2 dwe.F#4.4 neun.E4.2 -.2 i.C#4.4 bam.E4.10 -.2",
            "-.2 i.F#4.2 sun.F#4.2 ga.E4.2 neul.F#4.4 -.2 ri.F#4.2 mik.D4.3 seu.D4.3 hae.E4.8 -.2 "
            "-.2 neo.A4.2 ui.A4.2 sae.F#4.2 geu.A4.4 ro.B4.2 -.2 mul.A4.4 deul.F#4.2 lyeo.E4.8 -.2",
        ),
        "pre-chorus": (
            "sim.G4.3 jang.G4.3 i.F#4.2 deo.G4.4 ppal.A4.2 la.G4.2 jyeo.A4.12 -.4 "
            "bal.B4.3 kkeu.B4.3 ti.A4.2 tteo.B4.4 o.C#5.2 reu.B4.2 "
            "myeon.D5.6 -.2 ji.C#5.2 geum.C#5.2 i.D5.2 ya.E5.2",
        ),
        "chorus": (
            _KO_CHORUS + "u.F#5.3 ri.E5.3 ham.D5.2 kke.D5.4 chu.D5.2 meul.C#5.2 chwo.C#5.12 -.4",
            _KO_CHORUS + "u.F#5.3 ri.E5.3 ham.D5.2 kke.D5.4 chu.E5.2 meul.E5.2 chwo.F#5.14 -.2",
        ),
        "bridge": ("o.B4.14 -.2 a.C#5.14 -.2 neo.B4.6 wa.G4.6 -.4 na.E5.14 -.2",),
        "outro": (
            "ne.D5.3 mam.D5.3 dae.B4.2 ro.D5.6 -.2 nae.C#5.3 no.C#5.3 rae.A4.2 reul.E5.6 -.2 "
            "u.D5.4 ri.D5.4 ham.D5.4 kke.E5.4 a.D5.10 -.6",
        ),
    },
    "en": {
        "verse": (
            "uhn.F#4.2 der.F#4.1 dhuh.E4.1 glou.F#4.4 uhv.E4.2 dhuh.D4.2 si.E4.2 ti.F#4.2 laits.D4.10 -.6 "
            "-.4 wir.F#4.2 wo.F#4.2 king.E4.2 slou.F#4.3 li.A4.1 thru.F#4.2 dhuh.E4.2 nait.E4.10 -.4 "
            "aend.A4.2 ev.A4.2 ri.F#4.2 lih.A4.3 tuhl.A4.1 breth.B4.4 wi.A4.2 teik.B4.8 -.8 "
            "ihz.A4.2 ter.F#4.3 ning.E4.1 ihn.F#4.2 tu.E4.2 myu.F#4.4 zihk.E4.2 nau.E4.12 -.4",
            "ri.F#4.2 mihks.F#4.2 dhuh.E4.2 mou.F#4.4 muhnt.E4.2 meik.D4.2 iht.E4.2 main.D4.10 -.6 "
            "peint.A4.3 ev.A4.1 ri.F#4.2 kuh.A4.3 ler.A4.1 ihn.F#4.2 yor.F#4.4 lait.E4.12 -.4",
        ),
        "pre-chorus": (
            "mai.G4.2 hart.G4.4 ihz.F#4.2 bi.G4.2 ting.G4.2 faes.A4.2 ter.G4.2 nau.A4.8 -.8 "
            "mai.B4.2 fit.B4.4 ar.A4.2 li.B4.2 ving.C#5.2 dhuh.B4.4 "
            "graund.D5.6 -.2 sou.C#5.2 tern.C#5.2 iht.D5.2 uhp.E5.2",
        ),
        "chorus": (
            _EN_CHORUS + "ev.F#5.2 ri.F#5.2 bo.E5.2 di.D5.2 daens.D5.4 -.2 wihth.D5.2 mi.C#5.12 -.4",
            _EN_CHORUS + "ev.F#5.2 ri.F#5.2 bo.E5.2 di.D5.2 daens.D5.4 -.2 wihth.E5.2 mi.F#5.14 -.2",
        ),
        "bridge": ("stei.B4.14 -.2 hir.C#5.12 -.4 yu.B4.8 aend.G4.4 -.4 ai.E5.14 -.2",),
        "outro": (
            "sing.D5.4 iht.B4.2 uh.D5.2 gen.D5.6 -.2 e.C#5.3 ni.C#5.3 wei.A4.2 yu.E5.2 laik.E5.4 -.2 "
            "sing.D5.6 iht.D5.2 uh.D5.4 gen.E5.4 ou.D5.10 -.6",
        ),
    },
}

_VELOCITIES: Final[Mapping[str, float]] = {
    "verse": 0.72, "pre-chorus": 0.85, "chorus": 1.0, "bridge": 0.85, "outro": 0.9,
}  # fmt: skip
_HARMONISED: Final = ("chorus", "outro")
_DOUBLE: Final = 0.32
_BELOW: Final = 0.42


def sung_breaths(section: Section, language: str) -> list[Breath]:
    """Everything sung in a section: the lead, and in choruses a double and a harmony beside it."""
    versions = _LINES[language].get(section.label)
    if versions is None:
        return []
    text = versions[min(section.time, len(versions) - 1)]
    syllables = [
        Syllable(
            text=word,
            beat=beat,
            beats=beats,
            pitch=pitch,
            velocity=1.0,
            seed=seed_of("vocals", language, section.label, section.time, place),
        )
        for place, (beat, beats, pitch, word) in enumerate(melody(text, section))
    ]
    velocity = _VELOCITIES[section.label]
    breaths = []
    for run in _runs(syllables):
        breaths.append(Breath(syllables=run, velocity=velocity, pan=0.0))
        if section.label in _HARMONISED:
            double = tuple(replace(one, seed=one.seed ^ seed_of("double")) for one in run)
            below = tuple(_below(one, section) for one in run)
            breaths.append(Breath(syllables=double, velocity=velocity * _DOUBLE, pan=0.7))
            breaths.append(Breath(syllables=below, velocity=velocity * _BELOW, pan=-0.7))
    return breaths


def _runs(syllables: list[Syllable]) -> Iterator[tuple[Syllable, ...]]:
    """Cut where there is a rest."""
    run: list[Syllable] = []
    for syllable in syllables:
        if run and syllable.beat > run[-1].end_beat + 1e-9:
            yield tuple(run)
            run = []
        run.append(syllable)
    if run:
        yield tuple(run)


def _below(syllable: Syllable, section: Section) -> Syllable:
    """The same syllable on the nearest chord tone at least a minor third below."""
    tones = voicing(section.chord_at(syllable.beat))
    near = [tone + 12 * octave for tone in tones for octave in (-1, 0, 1)]
    pitch = max(tone for tone in near if tone <= syllable.pitch - 3)
    return replace(syllable, pitch=pitch, seed=syllable.seed ^ seed_of("below"))
