"""The words that fans say about the sound, in English and Korean, and the emoji. Tables only.

English entries are phrases of words as `words` leaves them: lower case, without apostrophes and fillers.
Korean ones are stems: particles and endings follow them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

DIMENSIONS_SAID: Final[Mapping[str, str]] = MappingProxyType(
    {
        "vocals": "vocals vocal voice voices singing singer singers lyrics rap rapping rapper",
        "drums": "drums drum beat beats percussion kick kicks snare hihat hihats cymbal cymbals rhythm",
        "bass": "bass bassline sub subs subwoofer lowend",
        "other": "other instruments instrument guitar guitars piano keys synth synths strings melody band "
        "backing accompaniment",
        "tempo": "tempo speed bpm pace",
        "pitch": "pitch key tuning",
        "brightness": "brightness treble highs tilt",
        "space": "space reverb echo echoes room ambience ambiance",
        "drive": "drive distortion saturation overdrive grit",
        "density": "density layers layer",
    }
)
"""What dimensions are called."""

DIMENSIONS_SAID_KO: Final[Mapping[str, str]] = MappingProxyType(
    {
        "vocals": "보컬 목소리 보이스 가사 가수 랩",
        "drums": "드럼 비트 퍼커션 타악기 리듬",
        "bass": "베이스 저음",
        "other": "반주 기타 멜로디 신스 피아노 악기 건반",
        "tempo": "템포 속도 빠르기 박자",
        "pitch": "음정 음높이 피치",
        "brightness": "밝기 고음",
        "space": "공간감 울림 리버브 에코 잔향",
        "drive": "왜곡 디스토션 드라이브",
        "density": "밀도 레이어",
    }
)

QUALITIES: Final[Mapping[str, tuple[str, float]]] = MappingProxyType(
    {
        "faster": ("tempo", 1.0), "fast": ("tempo", 1.0), "quick": ("tempo", 1.0), "quicker": ("tempo", 1.0),
        "speed up": ("tempo", 1.0), "hurry": ("tempo", 1.0), "hurry up": ("tempo", 1.0),
        "slower": ("tempo", -1.0), "slow": ("tempo", -1.0), "slow down": ("tempo", -1.0),
        "slowed": ("tempo", -1.0), "slowly": ("tempo", -1.0),
        "brighter": ("brightness", 1.0), "bright": ("brightness", 1.0), "brighten": ("brightness", 1.0),
        "brighten up": ("brightness", 1.0), "crisp": ("brightness", 1.0), "crisper": ("brightness", 1.0),
        "darker": ("brightness", -1.0), "dark": ("brightness", -1.0), "muffled": ("brightness", -1.0),
        "darken": ("brightness", -1.0), "duller": ("brightness", -1.0),
        "bassier": ("bass", 1.0), "boomy": ("bass", 1.0), "boomier": ("bass", 1.0),
        "echoey": ("space", 1.0), "roomier": ("space", 1.0), "wetter": ("space", 1.0), "wet": ("space", 1.0),
        "drier": ("space", -1.0), "dryer": ("space", -1.0), "dry": ("space", -1.0),
        "distorted": ("drive", 1.0), "dirtier": ("drive", 1.0), "dirty": ("drive", 1.0),
        "grittier": ("drive", 1.0), "gritty": ("drive", 1.0), "crunchier": ("drive", 1.0),
        "clean": ("drive", -1.0), "cleaner": ("drive", -1.0),
        "fuller": ("density", 1.0), "full": ("density", 1.0), "busier": ("density", 1.0),
        "busy": ("density", 1.0), "sparse": ("density", -1.0), "sparser": ("density", -1.0),
        "minimal": ("density", -1.0), "simpler": ("density", -1.0), "stripped": ("density", -1.0),
        "빠르게": ("tempo", 1.0), "빨리": ("tempo", 1.0), "빨라": ("tempo", 1.0), "빠른": ("tempo", 1.0),
        "빠르": ("tempo", 1.0), "느리": ("tempo", -1.0), "느린": ("tempo", -1.0), "느려": ("tempo", -1.0),
        "천천히": ("tempo", -1.0), "밝게": ("brightness", 1.0), "밝은": ("brightness", 1.0),
        "밝아": ("brightness", 1.0), "어둡": ("brightness", -1.0), "어두": ("brightness", -1.0),
        "거칠": ("drive", 1.0), "거친": ("drive", 1.0), "깨끗": ("drive", -1.0), "꽉 찬": ("density", 1.0),
        "단순": ("density", -1.0), "심플": ("density", -1.0),
    }
)  # fmt: skip
"""One dimension's qualities: which, and which way."""

MOODS: Final[Mapping[str, Mapping[str, float]]] = MappingProxyType(
    {
        "dreamy": {"space": 2.0, "brightness": -1.0},
        "energetic": {"drums": 1.0, "bass": 1.0, "tempo": 1.0, "density": 1.0},
        "calm": {"drums": -2.0, "tempo": -1.0, "density": -1.0},
        "warm": {"brightness": -1.0, "bass": 1.0},
        "dark mood": {"brightness": -2.0, "pitch": -1.0},
        "party": {"drums": 2.0, "bass": 2.0, "density": 1.0},
        "heavy": {"drive": 2.0, "bass": 1.0, "drums": 1.0},
        "soft": {"drums": -1.0, "drive": -1.0, "brightness": -1.0},
        "airy": {"space": 1.0, "brightness": 1.0},
        "intimate": {"space": -1.0, "vocals": 1.0, "density": -1.0},
        "epic": {"space": 2.0, "drums": 1.0, "density": 1.0},
        "lo-fi": {"brightness": -2.0, "drive": 1.0, "tempo": -1.0},
        "sad": {"tempo": -1.0, "brightness": -1.0},
        "happy": {"brightness": 1.0, "tempo": 1.0},
    }
)
"""What moods come to, in steps."""

MOODS_SAID: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "dreamy": ("dreamy", "dreamier", "dreamlike", "ethereal", "floaty", "hazy", "trippy", "psychedelic",
                   "spacey", "spacy", "몽환", "꿈같", "꿈꾸"),
        "energetic": ("energetic", "energy", "hype", "hyped", "hype up", "pump up", "upbeat", "lively",
                      "livelier", "liven up", "powerful", "punchy", "punchier", "intense", "exciting",
                      "신나", "신난", "에너지", "활기", "힘차", "강렬"),
        "calm": ("calm", "calmer", "calm down", "chill", "chiller", "chill out", "chilled", "relaxed",
                 "relaxing", "mellow", "mellower", "peaceful", "sleepy", "wind down", "cool down", "gentle",
                 "gentler", "차분", "잔잔", "편안", "조용"),
        "warm": ("warm", "warmer", "warmth", "warm up", "cosy", "cozy", "따뜻", "따듯", "포근"),
        "dark mood": ("gloomy", "moody", "sinister", "spooky", "evil", "음산", "우울한 분위기"),
        "party": ("party", "danceable", "dance", "dancing", "dancier", "clubby", "club", "파티", "클럽"),
        "heavy": ("heavy", "heavier", "aggressive", "metal", "hardcore", "헤비", "묵직"),
        "soft": ("soft", "softer", "smooth", "smoother", "부드러", "부드럽"),
        "airy": ("airy", "airier", "lighter", "open", "시원", "상쾌"),
        "intimate": ("intimate", "close", "closer", "up close", "unplugged", "acoustic", "어쿠스틱"),
        "epic": ("epic", "huge", "massive", "cinematic", "stadium", "anthemic", "웅장", "장엄"),
        "lo-fi": ("lofi", "lo fi", "vintage", "retro", "dusty", "로파이", "빈티지", "레트로"),
        "sad": ("sad", "sadder", "melancholic", "melancholy", "슬프", "슬픈", "우울"),
        "happy": ("happy", "happier", "cheerful", "sunny", "joyful", "lighten up", "행복", "즐겁", "즐거"),
    }
)  # fmt: skip
"""What moods are called."""

EXPLAINED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "dreamy": ("dreamy", "floating in the clouds", "drifting through the sky", "like being in a dream"),
        "energetic": ("energetic", "pump it up", "give me more power", "wake me up"),
        "calm": ("calm and relaxing", "soothing and peaceful", "I want to fall asleep", "help me unwind"),
        "warm": ("a warm and cosy sound", "like sitting by the fire place"),
        "dark mood": ("gloomy and sinister", "like a horror film at night"),
        "party": ("I want to dance", "get this party started", "the club on a saturday night"),
        "heavy": ("heavy and aggressive", "like a metal concert"),
        "airy": ("airy and open", "like a fresh breeze"),
        "intimate": ("intimate and close", "as if you sang only for me"),
        "epic": ("epic and huge", "like a big stadium", "the soundtrack of a film"),
        "lo-fi": ("lo-fi", "like an old vinyl record", "like an old radio"),
        "sad": ("sad", "I feel like crying", "my heart is broken"),
        "happy": ("happy", "I feel good", "sunshine and smiles"),
    }
)
"""Sentences that moods are recognised by, where a sentence is similar to one of them."""

LOUDER: Final = (
    "up", "louder", "loud", "raise", "increase", "boost", "turn up", "crank up", "crank", "bring up",
    "higher", "high", "stronger", "strong", "bigger", "harder", "hard", "add", "amplify", "push",
    "키워", "키우", "올려", "올리", "높여", "높이", "높게", "크게", "커지", "커졌", "강하", "강조", "세게",
    "늘려", "늘리", "추가", "많게", "안 들려", "안 들린", "안들려", "안들린", "커", "컸", "업",
)  # fmt: skip
"""More of what they stand beside."""

QUIETER: Final = (
    "down", "quieter", "quiet", "lower", "low", "reduce", "decrease", "turn down", "bring down", "drop",
    "weaker", "weak", "smaller", "soften", "tone down", "dial down", "dial back", "cut", "cut back",
    "줄여", "줄이", "내려", "내리", "낮춰", "낮추", "낮게", "작게", "작아", "약하", "약하게", "적게",
    "시끄러", "다운",
)  # fmt: skip

MORE: Final = ("more", "extra", "want", "need", "give me", "too little", "too few", "cant hear", "더", "보다")
LESS: Final = ("less", "fewer", "too much", "too many", "hate", "annoying", "sick of", "덜", "싫")
"""Degrees: they turn a quality round, as in `less loud`."""

OFF: Final = (
    "no", "no more", "without", "off", "mute", "muted", "remove", "kill", "silence", "get rid of", "take out",
    "take away", "dont want", "do not want", "turn off", "lose", "drop out", "stop",
    "빼", "빼줘", "빼고", "빼자", "빼주", "없애", "없이", "없는", "없었", "꺼", "꺼줘", "꺼주", "끄고",
    "제거", "음소거", "뮤트",
)  # fmt: skip
NORMAL: Final = (
    "normal", "back", "bring back", "reset", "original", "unmute", "on", "turn on", "default", "as it was",
    "원래", "원래대로", "되돌려", "돌려놔", "켜", "켜줘",
)  # fmt: skip

SCALES: Final[Mapping[str, float]] = MappingProxyType(
    {
        "a bit": 0.5, "bit": 0.5, "a little": 0.5, "a little bit": 0.5, "little": 0.5, "slightly": 0.5,
        "a touch": 0.5, "a tad": 0.5, "somewhat": 0.5, "subtly": 0.5, "kind of": 0.5, "a hair": 0.25,
        "much": 2.0, "a lot": 2.0, "lots": 2.0, "lots of": 2.0, "a lot of": 2.0, "way": 3.0, "far": 2.0,
        "very": 2.0, "really": 2.0, "super": 3.0, "extremely": 4.0, "totally": 4.0, "completely": 4.0,
        "tons": 3.0, "tons of": 3.0, "maximum": 4.0, "max": 4.0, "plenty": 2.0, "loads of": 2.0,
        "조금": 0.5, "약간": 0.5, "살짝": 0.5, "많이": 2.0, "훨씬": 3.0, "엄청": 3.0, "아주": 2.0,
        "매우": 2.0, "완전": 4.0, "확": 2.0, "진짜": 2.0, "최대": 4.0,
    }
)  # fmt: skip
"""How much: of what is said, in steps."""

TOO: Final = ("too", "overly", "너무")
NOT: Final = (
    "not", "dont", "do not", "never", "isnt", "arent", "wasnt", "doesnt", "not so", "not that", "not as",
    "안", "못", "말고", "말아", "하지마", "하지 마", "않", "지마", "지 마", "마", "마라",
)  # fmt: skip
ENOUGH: Final = ("enough", "충분히")

REACTIONS_SAID: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "love": ("love", "adore", "amazing", "perfect", "awesome", "best", "fantastic", "brilliant", "banger",
                 "사랑", "최고", "대박", "완벽"),
        "like": ("like", "nice", "good", "great", "cool", "enjoy", "enjoying", "yes", "yeah", "fine", "sweet",
                 "좋아", "좋네", "좋다", "좋은", "굿"),
        "dislike": ("dislike", "awful", "terrible", "bad", "boring", "ugly", "horrible", "sucks", "suck",
                    "별로", "나쁘", "지루", "구려"),
        "skip": ("skip", "next", "next song", "next please", "스킵", "다음", "넘겨"),
        "replay": ("replay", "again", "repeat", "once more", "one more time", "다시", "한번 더", "한 번 더"),
        "better": ("better", "improved", "much better", "나아졌", "낫다", "나아"),
        "worse": ("worse", "ruined", "나빠", "망했", "망쳤"),
    }
)  # fmt: skip
"""What is felt."""

AND: Final = ("and", "plus", "also", "n", "both", "그리고", "랑", "하고", "또")
BUT: Final = ("but", "then", "while", "though", "yet", "however", "하지만", "근데", "그런데")
"""What stands between one thing and another."""

FILLERS: Final = """
    the a an it its this that these those there here please pls plz could can you would will i im id ill me my
    we us our u just make made making let lets get have has be is are was were am song songs music track
    tune sound sounds sounding sounded something some any of to for in with at by so as now again today
    bro man dude guys dj hey hi ok okay oh ooh well maybe think feel feels feeling vibe vibes mood part parts
    section thing stuff level levels volume turn put bring go going gimme give do does did if
    all whole mix remix one pretty quite kinda sorta gonna wanna should must from
    tone version thanks thank into over than even keep still
    좀 소리 노래 음악 곡 이 그 저 제발 주세요 해주세요 해줘 해줘요 해 해요 줘 줘요 주라 부탁 부탁해 부탁해요
    부탁합니다 합시다 했으면 하면 좋겠어 좋겠어요 좋겠다 지금 이거 이것 그냥 분위기 느낌 느낌으로 분위기로
    하자 되게 있게 있는 듣고 싶어 싶어요 싶다 나는 나 내 볼륨 음량 쪽 부분 수 것 게
"""
"""What says nothing about the sound, blanks between."""

EMOJI: Final[Mapping[str, str]] = MappingProxyType(
    {
        "❤": "love", "😍": "love", "🤩": "love", "👍": "like", "😊": "like", "🙂": "like", "👏": "like",
        "👎": "dislike", "😒": "dislike", "😡": "dislike", "⏭": "skip", "🔁": "replay",
        "🔥": "energetic", "⚡": "energetic", "🚀": "energetic", "🎉": "party", "💃": "party", "🕺": "party",
        "😌": "calm", "😴": "calm", "🧘": "calm", "☁": "dreamy", "🌌": "dreamy", "💭": "dreamy",
        "☕": "warm", "🤘": "heavy", "🏟": "epic", "📼": "lofi", "😢": "sad", "🌈": "happy",
        "🥁": "more drums", "🎤": "more vocals", "🎸": "more guitar", "🎹": "more piano",
        "🎻": "more strings",
        "🔊": "more bass", "🌞": "brighter", "☀": "brighter", "🌑": "darker", "🌙": "darker",
        "🐢": "slower", "🐌": "slower", "🐇": "faster", "🏃": "faster", "⛪": "more reverb",
        "🤐": "no vocals", "🙊": "no vocals",
    }
)  # fmt: skip
"""What an emoji says, in words; variations and skin tones do not matter."""
