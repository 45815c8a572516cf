import os
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from recordings import add_sound, hits, sine, write_coded, write_float_wav, write_wav

from remixd.analysis.decode import Source, decode, describe, survey
from remixd.errors import BadAudio


def source(path: Path) -> Source:
    return Source(path=path, name=path.name)


def decoded(path: Path) -> np.ndarray:
    return np.concatenate([part.block for part in decode(source(path))])


def on_grid(samples: np.ndarray, bits: int) -> np.ndarray:
    return (np.rint(samples * 2.0 ** (bits - 1)) / 2.0 ** (bits - 1)).astype(np.float32)


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_integers_of_a_wav_come_back_exactly(tmp_path: Path, bits: int) -> None:
    samples = hits(0.5, 120)
    path = write_wav(tmp_path / "a.wav", samples, bits=bits)
    expected = on_grid(samples, bits) if bits < 32 else samples.astype(np.float32)
    np.testing.assert_allclose(decoded(path), expected, rtol=0, atol=0 if bits < 32 else 2.0**-25)


def test_a_flac_and_a_float_wav_come_back_exactly(tmp_path: Path) -> None:
    samples = 3 * hits(0.5, 120)
    np.testing.assert_array_equal(
        decoded(write_float_wav(tmp_path / "a.wav", samples)), samples.astype(np.float32)
    )
    quiet = on_grid(hits(2.0, 120), 16)
    np.testing.assert_array_equal(decoded(write_coded(tmp_path / "a.flac", quiet)), quiet)


@pytest.mark.parametrize(("name", "rate_hz"), [("a.mp3", 44_100), ("a.ogg", 48_000)])
def test_a_lossy_file_keeps_its_length_and_its_place(tmp_path: Path, name: str, rate_hz: int) -> None:
    samples = hits(2.0, 120, rate_hz)
    back = decoded(write_coded(tmp_path / name, samples, rate_hz))
    assert len(back) == len(samples)
    lags = np.fft.irfft(np.fft.rfft(back[:, 0]) * np.conj(np.fft.rfft(samples[:, 0])))
    assert int(lags.argmax()) == 0


def test_a_wrong_suffix_does_not_matter(tmp_path: Path) -> None:
    samples = on_grid(hits(0.5, 120), 16)
    path = write_wav(tmp_path / "a.wav", samples).rename(tmp_path / "a.mp3")
    np.testing.assert_array_equal(decoded(path), samples)


def test_mono_becomes_stereo_at_the_same_level(tmp_path: Path) -> None:
    mono = on_grid(sine(0.3, 440)[:, :1], 16)
    path = write_wav(tmp_path / "a.wav", mono)
    back = decoded(path)
    np.testing.assert_array_equal(back, np.repeat(mono, 2, axis=1))
    assert survey(source(path)).notes == ("a.wav is mono: made stereo",)


def test_more_channels_are_folded(tmp_path: Path) -> None:
    six = np.zeros((4000, 6))
    six[:, 0] = six[:, 2] = 0.25
    path = write_wav(tmp_path / "a.wav", six)
    back = decoded(path)
    np.testing.assert_allclose(
        back[:, 0] / back[:, 1], 1 + np.sqrt(2), rtol=1e-3
    )  # left + centre, and centre
    assert survey(source(path)).notes[0] == "a.wav has 6 channels: folded to stereo"


@pytest.mark.parametrize("frames", [1, 2, 441, 11_025])
def test_short_files_are_whole(tmp_path: Path, frames: int) -> None:
    path = write_wav(tmp_path / "a.wav", np.full((frames, 2), 0.25))
    found = survey(source(path))
    assert (found.frames, found.high, found.low, found.rate_hz) == (frames, 0.25, 0.0, 44_100)


def test_silence_is_told(tmp_path: Path) -> None:
    assert survey(source(write_wav(tmp_path / "a.wav", np.zeros((900, 2))))).notes == ("a.wav is silent",)


@pytest.mark.parametrize(
    ("value", "word"), [(np.nan, "not a number"), (np.inf, "infinite"), (-np.inf, "infinite")]
)
def test_a_sample_that_is_no_number_is_found_with_its_place(tmp_path: Path, value: float, word: str) -> None:
    samples = np.zeros((100_000, 2))
    samples[88_200, 1] = value
    with pytest.raises(BadAudio, match=rf"a\.wav.*{word} at 2\.000 s \(frame 88200\)"):
        survey(source(write_float_wav(tmp_path / "a.wav", samples)))


def test_numbers_that_are_no_audio_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadAudio, match=r"a\.wav peaks"):
        survey(source(write_float_wav(tmp_path / "a.wav", np.full((100, 2), 32_768.0))))


@pytest.mark.parametrize("rate_hz", [1, 7999, 400_000])
def test_rates_that_nobody_uses_are_refused(tmp_path: Path, rate_hz: int) -> None:
    with pytest.raises(BadAudio, match=rf"a\.wav.*{rate_hz} Hz"):
        survey(source(write_wav(tmp_path / "a.wav", np.zeros((100, 2)), rate_hz)))


def test_a_song_is_not_read_beyond_the_longest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remixd.analysis.decode.LONGEST_S", 2)
    path = write_wav(tmp_path / "a.wav", np.full((2 * 8000, 1), 0.1), 8000)
    assert survey(source(path)).frames == 16_000
    path = write_wav(tmp_path / "a.wav", np.full((2 * 8000 + 1, 1), 0.1), 8000)
    with pytest.raises(BadAudio, match=r"a\.wav is longer than"):
        survey(source(path))


@pytest.mark.parametrize("name", ["a.wav", "float.wav", "a.flac", "a.mp3", "a.ogg", "a.m4a"])
@pytest.mark.parametrize("share", [0.3, 0.66, 0.97])
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, name: str, share: float) -> None:
    path = tmp_path / name
    rate_hz = 48_000 if name == "a.ogg" else 44_100
    samples = hits(6.0, 120, rate_hz)
    if name == "float.wav":
        write_float_wav(path, samples)
    else:
        (write_wav if name == "a.wav" else write_coded)(path, samples, rate_hz)
    assert survey(source(path)).frames >= len(samples)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(BadAudio, match=name):
        survey(source(path))


@pytest.mark.parametrize("junk", [bytes(5000), b"garbage " * 600, b"TAG" + bytes(125)])
def test_junk_after_an_mp3_is_left_out_but_not_within(tmp_path: Path, junk: bytes) -> None:
    path = write_coded(tmp_path / "a.mp3", hits(2.0, 120))
    whole = path.read_bytes()
    path.write_bytes(whole + junk)
    assert 0 <= survey(source(path)).frames - 2 * 44_100 < 1152  # a frame: FFmpeg may keep the padding then
    path.write_bytes(whole + bytes(5000) + whole)
    with pytest.raises(BadAudio, match=r"a\.mp3 is damaged at 2\.0"):
        survey(source(path))


@pytest.mark.parametrize("name", ["a.flac", "a.ogg"])
def test_a_flipped_bit_never_moves_the_music(tmp_path: Path, name: str) -> None:
    path = write_coded(tmp_path / name, hits(4.0, 120, 48_000), 48_000)
    whole = path.read_bytes()
    for at in np.linspace(len(whole) // 4, len(whole) - 100, 12).astype(int):
        flipped = bytearray(whole)
        flipped[at] ^= 0x10
        path.write_bytes(bytes(flipped))
        with pytest.raises(BadAudio, match=name):
            survey(source(path))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF",
        b"RIFF\xff\xff\xff\xffWAVE" + b"fmt \x00\x00\x00\x00" * 2000,
        b"hello, this is not audio\n" * 50,
        bytes(range(256)) * 40,
        b"\0" * 100_000,
        b"OggS" * 100,
        b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + b"\0" * 100,
        b"fLaC" + b"\0" * 60,
    ],
)
def test_what_is_no_audio_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(BadAudio, match=r"a\.wav") as refused:
        survey(source(path))
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{there}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{there}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{there}'\n",
        "ffconcat version 1.0\nfile there.wav\n",
    ],
)
@pytest.mark.parametrize("suffix", ["mp3", "m3u8"])
def test_a_playlist_opens_no_other_file(tmp_path: Path, playlist: str, suffix: str) -> None:
    there = write_wav(tmp_path / "there.wav", hits(0.5, 120))
    path = tmp_path / f"a.{suffix}"
    path.write_text(playlist.format(there=there))
    with pytest.raises(BadAudio, match=path.name):
        survey(source(path))


def test_an_unknown_codec_is_refused(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", hits(0.5, 120))
    raw = bytearray(path.read_bytes())
    raw[20:22] = b"\x99\x99"  # the format tag
    path.write_bytes(bytes(raw))
    with pytest.raises(BadAudio, match=r"a\.wav.*codec"):
        survey(source(path))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "folder.wav").mkdir()
    for name in ("pipe.wav", "folder.wav", "nowhere.wav", "/dev/zero"):
        with pytest.raises(BadAudio, match=r"is not a file|is missing"):
            survey(source(tmp_path / name))


def test_tags_are_read_as_one_line(tmp_path: Path) -> None:
    path = write_coded(tmp_path / "a.mp3", hits(0.5, 120), title="A\nSong", artist="Some\x07body")
    assert (describe(path).title, describe(path).artist) == ("A Song", "Some body")
    assert describe(write_wav(tmp_path / "b.wav", hits(0.5, 120))).title == ""


def lag_frames(found: np.ndarray, truth: np.ndarray) -> int:
    """By how much a sound comes late, from the peak of its correlation with the truth."""
    size = 2 ** int(np.ceil(np.log2(len(found) + len(truth))))
    spectra = [np.fft.rfft(sound[:, 0], size) for sound in (found, truth)]
    peak = int(np.argmax(np.fft.irfft(spectra[0] * spectra[1].conj())))
    return peak - size if peak > size // 2 else peak


@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".ogg"])
def test_an_encoders_delay_is_left_out(tmp_path: Path, suffix: str) -> None:
    rate_hz = 48_000 if suffix == ".ogg" else 44_100
    samples = hits(3.0, 97, rate_hz)
    path = write_coded(tmp_path / f"a{suffix}", samples, rate_hz)
    assert lag_frames(decoded(path), samples) == 0
    assert not any("delay" in note for note in survey(source(path)).notes)


def test_a_delay_that_nothing_tells_is_noted(tmp_path: Path) -> None:
    samples = hits(3.0, 97)
    raw = write_coded(tmp_path / "a.mp3", samples).read_bytes()
    first = raw.index(b"\xff\xfb")
    bare = tmp_path / "bare.mp3"
    bare.write_bytes(
        raw[raw.index(b"\xff\xfb", first + 100) :]
    )  # without the frame that holds the Info header
    assert 0.01 < lag_frames(decoded(bare), samples) / 44_100 < 0.05
    assert survey(source(bare)).notes == (
        "bare.mp3 does not tell its encoder's delay: it may come 10 to 50 ms late",
    )


def test_a_cover_picture_is_no_sound(tmp_path: Path) -> None:
    samples = hits(1.0, 120)
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w", format="mp4") as out:
        picture: Any = out.add_stream("mjpeg", rate=1)
        picture.width, picture.height, picture.pix_fmt = 64, 64, "yuvj420p"
        sound: Any = out.add_stream("aac", rate=44_100, layout="stereo")
        sound.codec_context.format = "fltp"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        out.mux(picture.encode(frame.reformat(format="yuvj420p")))
        out.mux(picture.encode(None))
        add_sound(out, sound, samples)
    assert describe(path).streams == 1
    assert lag_frames(decoded(path), samples) == 0
