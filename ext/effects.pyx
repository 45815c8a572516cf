"""Effects of our own that keep to the beat, called as a rack is: a quantum, its beat, beats a frame.

They work in place, on float32 (2, 64). Thread: [render], with the GIL; made by [housekeeping].
"""
from libc.math cimport M_PI, cos, fabs, isfinite
from libc.string cimport memset

from remixd._kernel.echo cimport (
    ECHO_DAMPING,
    ECHO_DELAY,
    ECHO_FEEDBACK,
    ECHO_FRAMES_MOST,
    echo_free,
    echo_init,
    echo_move,
    echo_process,
)
from remixd._kernel.reader cimport QUANTUM

cdef double _idle_beats = 2.0 / 48000.0     # a frame, where there is no beat: 120 a minute
cdef double _steady = 0.005     # a delay that is off by less stays: beats of played music waver
cdef double _settle = 0.996     # of a tremolo's offset is left a frame later: 5 ms


cdef _check(block):
    if block.shape[0] != 2 or block.shape[1] != QUANTUM:
        raise ValueError(f"an effect is given (2, {QUANTUM}) frames, not {block.shape}")


cdef class Delay:
    """An echo whose time keeps to the beat, or is fixed; a new time is faded to, and nothing bends in pitch.

    Args:
        beats: from one repeat to the next; where that is more than 2 s, half of it, and so on. 0: by seconds.
        delay_seconds: the same, by seconds: 0.003 to 2.
        feedback: of each repeat, what goes round again: 0 to 0.9.
        mix: 0 is dry, 1 is nothing but repeats.
        damping_hz: cutoff of the low pass in the loop, 200 to 20,000.

    Raises ValueError for what is not finite or not within these, MemoryError.
    """

    def __cinit__(self, *, double beats=0.0, double delay_seconds=0.5, double feedback=0.4, double mix=0.3,
                  double damping_hz=6000.0):
        memset(&self.echo, 0, sizeof(Echo))
        for value, low, high in ((beats, 0.0, 64.0), (delay_seconds, 0.003, 2.0), (feedback, 0.0, 0.9),
                                 (mix, 0.0, 1.0), (damping_hz, 200.0, 20000.0)):
            if not low <= value <= high:
                raise ValueError(f"a delay takes {low:g} to {high:g} here, not {value:g}")
        echo_init(&self.echo)
        self.beats = beats
        self.delay_frames = delay_seconds * 48000.0
        self.mix = mix
        echo_move(&self.echo, ECHO_DELAY, self.delay_frames, 0, 0)
        echo_move(&self.echo, ECHO_FEEDBACK, feedback, 0, 0)
        echo_move(&self.echo, ECHO_DAMPING, damping_hz, 0, 0)

    def __dealloc__(self):
        echo_free(&self.echo)

    cdef void _keep_time(self, double beats_a_frame) noexcept:
        cdef double wanted = self.beats / (fabs(beats_a_frame) if beats_a_frame else _idle_beats)
        while wanted > ECHO_FRAMES_MOST:
            wanted *= 0.5
        if fabs(wanted - self.delay_frames) > _steady * self.delay_frames:
            self.delay_frames = wanted
            echo_move(&self.echo, ECHO_DELAY, wanted, self.echo.clock, 0)

    def __call__(self, block, double beat, double beats_a_frame):
        """The next quantum, in place."""
        cdef float[:, ::1] sound = block
        cdef float[2 * QUANTUM] sent
        cdef float[2 * QUANTUM] wet
        cdef int i, channel
        _check(block)
        if self.beats:
            self._keep_time(beats_a_frame)
        memset(wet, 0, sizeof(wet))
        for channel in range(2):
            for i in range(QUANTUM):
                sent[2 * i + channel] = sound[channel, i]
        echo_process(&self.echo, sent, wet, QUANTUM)
        for channel in range(2):
            for i in range(QUANTUM):
                sound[channel, i] += self.mix * (wet[2 * i + channel] - sound[channel, i])
        return block


cdef class Tremolo:
    """A level that swings with the beat: full on it, least half way to the next swing.

    Where the music jumps, the swing goes over to its new place within some 5 ms.

    Args:
        beats: of one swing, 1/16 to 64.
        depth: how much of the level is gone where it is least: 0 to 1.

    Raises ValueError for what is not finite or not within these.
    """

    def __cinit__(self, *, double beats=0.25, double depth=0.5):
        for value, low, high in ((beats, 0.0625, 64.0), (depth, 0.0, 1.0)):
            if not low <= value <= high:
                raise ValueError(f"a tremolo takes {low:g} to {high:g} here, not {value:g}")
        self.beats = beats
        self.depth = depth

    cdef double _gain(self, double beat) noexcept nogil:
        return 1.0 - self.depth * (0.5 - 0.5 * cos(2.0 * M_PI * beat / self.beats))

    def __call__(self, block, double beat, double beats_a_frame):
        """The next quantum, in place."""
        cdef float[:, ::1] sound = block
        cdef float gain
        cdef int i
        _check(block)
        if not isfinite(beat) or not isfinite(beats_a_frame):
            beat = beats_a_frame = 0.0
        if self.begun:
            self.offset += self.coming - self._gain(beat)
        for i in range(QUANTUM):
            gain = <float>(self._gain(beat + i * beats_a_frame) + self.offset)
            sound[0, i] *= gain
            sound[1, i] *= gain
            self.offset *= _settle
        self.coming = self._gain(beat + QUANTUM * beats_a_frame)
        self.begun = True
        return block
