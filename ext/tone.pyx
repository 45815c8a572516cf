"""What the whole mix goes through before the limiter: drive, then tilt, then the room.

Each moves on a ramp from any sample on, without a kink (see `knob.pyx`). With nothing turned, and the room's
tail over, a block is left alone, to the bit. Thread: [render], except `tone_init` and `tone_free`.
"""
from libc.math cimport isfinite
from libc.stdint cimport int64_t

import numpy as np

from remixd._kernel.denormals cimport flush_to_zero, restore
from remixd._kernel.drive cimport drive_init, drive_is_neutral, drive_process
from remixd._kernel.knob cimport knob_move
from remixd._kernel.reader cimport QUANTUM
from remixd._kernel.space cimport space_free, space_init, space_is_neutral, space_process, space_start
from remixd._kernel.strip cimport RAMP_STRAIGHT
from remixd._kernel.tilt cimport tilt_init, tilt_is_neutral, tilt_process

RANGES = ((-12.0, 12.0), (0.0, 1.0), (0.0, 1.0))


cdef int tone_init(Tone* tone) except -1:
    """Nothing turned. Raises MemoryError. Thread: [housekeeping]."""
    drive_init(&tone.drive, 0.0)
    tilt_init(&tone.tilt, 0.0)
    return space_init(&tone.space, 0.0)


cdef void tone_free(Tone* tone) noexcept:
    """Thread: [housekeeping]."""
    space_free(&tone.space)


cdef void tone_start(Tone* tone, int which, float value) noexcept nogil:
    """Let one stand at a value, where nothing sounded before."""
    if which == TONE_BRIGHTNESS:
        tilt_init(&tone.tilt, value)
    elif which == TONE_SPACE:
        space_start(&tone.space, value)
    else:
        drive_init(&tone.drive, value)
    tone.rests = False


cdef void tone_move(Tone* tone, int which, float value, int64_t sample, int64_t frames) noexcept nogil:
    """Move one in a straight line, from a sample of the quantum to be processed next; see `knob_move`."""
    knob_move(tone_knob(tone, which), value, sample, frames, RAMP_STRAIGHT)
    tone.rests = False


cdef Knob* tone_knob(Tone* tone, int which) noexcept nogil:
    """The knob of TONE_BRIGHTNESS, TONE_SPACE or TONE_DRIVE, to be read."""
    if which == TONE_BRIGHTNESS:
        return &tone.tilt.knob
    if which == TONE_SPACE:
        return &tone.space.send
    return &tone.drive.amount


cdef float tone_heard(const Tone* tone, int which) noexcept nogil:
    """Where one stood at the end of the newest quantum."""
    return tone_knob(<Tone*>tone, which).values[QUANTUM - 1]


cdef bint _is_neutral(const Tone* tone, int64_t sample) noexcept nogil:
    return (
        drive_is_neutral(&tone.drive, sample)
        and tilt_is_neutral(&tone.tilt, sample)
        and space_is_neutral(&tone.space, sample)
    )


cdef void tone_process(Tone* tone, float* block, int64_t sample) noexcept nogil:
    """One quantum, interleaved stereo, in place; `sample` is a multiple of QUANTUM."""
    if tone.rests:
        return
    drive_process(&tone.drive, block, sample)
    tilt_process(&tone.tilt, block, sample)
    space_process(&tone.space, block, sample)
    tone.rests = _is_neutral(tone, sample + QUANTUM)


cdef class ToneChain:
    """All three by themselves, for offline use and tests. Raises MemoryError. Thread: one at a time."""

    def __cinit__(self):
        tone_init(&self.tone)
        self.pending = []
        self.rest = np.zeros((0, 2), dtype=np.float32)

    def __dealloc__(self):
        tone_free(&self.tone)

    @property
    def is_neutral(self) -> bool:
        """Whether the next quantum passes untouched, as long as nothing is moved."""
        return _is_neutral(&self.tone, self.clock)

    def start(self, int which, double value) -> None:
        """Stand at a value from the first frame on; before anything is processed. Raises as `move` does."""
        tone_start(&self.tone, which, <float>_checked(which, value))

    def move(self, int which, double value, int64_t sample, int64_t ramp_frames=480) -> None:
        """Move brightness (0, dB), space (1) or drive (2) from `sample` on.

        Raises ValueError if there is no such thing, or the value is outside its range.
        """
        self.pending.append((sample, which, _checked(which, value), ramp_frames))
        self.pending.sort(key=lambda move: move[0])

    def process(self, pcm):
        """What comes out of float32 (n, 2): of the quanta complete so far, what is left over is kept."""
        cdef float[:, ::1] block
        cdef int64_t at = 0
        cdef unsigned before
        joined = np.concatenate([self.rest, np.asarray(pcm, dtype=np.float32)])
        whole = len(joined) // QUANTUM * QUANTUM
        self.rest = joined[whole:]
        out = joined[:whole].copy()
        block = out
        before = flush_to_zero()
        try:
            while at < whole:
                while self.pending and self.pending[0][0] < self.clock + QUANTUM:
                    sample, which, value, ramp_frames = self.pending.pop(0)
                    sample = min(max(sample, self.clock), self.clock + QUANTUM - 1)
                    tone_move(&self.tone, which, <float>value, sample, ramp_frames)
                tone_process(&self.tone, &block[at, 0], self.clock)
                self.clock += QUANTUM
                at += QUANTUM
        finally:
            restore(before)
        return out


cdef double _checked(int which, double value) except? -1.0:
    if not 0 <= which < TONES or not isfinite(value) or not RANGES[which][0] <= value <= RANGES[which][1]:
        raise ValueError(f"tone {which} cannot be {value}")
    return value
