"""Inserts: blocks go to another process and come back a fixed number of blocks later; if not, all sounds dry.

The dry sound is delayed as much as the wet one, so that one may take the other's place at any time. When an
answer is missing there is nothing left of the wet sound to fade out. It is made up: the last of it, mirrored
at its end in time and in value, `x(T + k) = x(T) + c(k) (x(T) - x(T - k))`, whose value and slope go on
without a step and whose second difference is hardly larger than it was before (c falls from 1 to 0 as a
smoothstep). A mirror needs no model of the sound, and lasts for the 5 ms until the dry sound has taken over.

Gains move along cubic Hermite polynomials: a fade that is turned round goes on with the slope it has.
"""
from libc.math cimport fabsf
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memmove

import numpy as np

from remixd._kernel.exchange cimport (
    EXCHANGE_FRAMES, EXCHANGE_SLOTS, Exchange, desk_hand, desk_take, desk_wait_for,
)

cdef enum:
    FADE = 240                      # frames from wet to dry and back: 5 ms
    PAST = 256                      # frames of wet sound that are remembered
    DELAY_MOST = 48000              # frames
    FRAMES = EXCHANGE_FRAMES
    BETWEEN_MOST = EXCHANGE_SLOTS // 2
    SETTLE = 16                     # blocks in a row in time before the wet sound comes back: 21 ms

cdef float _loudest = 31.6          # linear, +30 dBFS

cdef struct Fade:                   # a gain on its way, a cubic whose slope never jumps
    float gain_from
    float slope                     # at its start, a fade
    float gain_to
    int done                        # frames; FADE: it is over

cdef struct DryLine:                # the dry sound, planar
    float* left
    float* right
    int64_t frames                  # of each; a power of two
    int64_t delay

FADE_FRAMES = FADE
LOUDEST = _loudest


cdef float _gain(const Fade* fade, int frame) noexcept nogil:
    """The gain at a frame of a fade, 0 to FADE."""
    cdef float t = <float>frame / FADE
    if frame >= FADE:
        return fade.gain_to
    return (fade.gain_to + (fade.gain_from - fade.gain_to) * (t * t * (2 * t - 3) + 1)
            + fade.slope * t * (1 - t) * (1 - t))


cdef void _turn(Fade* fade, float gain_to) noexcept nogil:
    """Begin to move to another gain, with the value and the slope there are now."""
    cdef float t = <float>fade.done / FADE
    cdef float gain = _gain(fade, fade.done)
    cdef float slope = 0
    if fade.done < FADE:
        slope = (fade.gain_from - fade.gain_to) * 6 * t * (t - 1) + fade.slope * (1 - t) * (1 - 3 * t)
    fade.gain_from = gain
    fade.slope = slope
    fade.gain_to = gain_to
    fade.done = 0


cdef bint _is_sound(const float* block) noexcept nogil:
    """Whether a block is finite, and no louder than anything is."""
    cdef int i
    for i in range(2 * FRAMES):
        if not fabsf(block[i]) <= _loudest:
            return False
    return True


cdef class Insert:
    """A callable that hands blocks to an exchange, and returns what came back, delayed by `delay_frames`.

    Args:
        blocks_between: how many blocks later the answer is used, 1 to 32: at least as many as are rendered in
            one go.
        latency_frames: the delay of the answers themselves, 0 to 40,000.

    Attributes:
        wait_s: how long a call waits for an answer: 0 while it plays live, more where time does not count.
        late_blocks: answers that were not there when they were due.
        refused_blocks: answers not finite, or above +30 dBFS; after one the exchange is no longer used.
        heard: what the last call returned.

    Raises ValueError, MemoryError. Thread: [render] calls it, [housekeeping] the rest, both under the GIL.
    """

    cdef DryLine dry
    cdef Fade fade
    cdef float[:, ::1] past         # the newest wet sound that was heard, or could have been
    cdef float[:, ::1] wet
    cdef float[:, ::1] out
    cdef readonly object heard      # `out`, as numpy knows it
    cdef Exchange exchange
    cdef int blocks_between
    cdef int64_t settle_blocks
    cdef int64_t clock              # frames so far
    cdef uint64_t handed            # blocks, to this exchange
    cdef int64_t on_time            # blocks in a row
    cdef int64_t gone_on            # frames since the wet sound stopped, while it still fades; -1: it has not
    cdef public double wait_s
    cdef readonly int64_t late_blocks
    cdef readonly int64_t refused_blocks

    def __cinit__(self, int blocks_between, int latency_frames=0):
        if not 1 <= blocks_between <= BETWEEN_MOST:
            raise ValueError(f"an answer is used 1 to {BETWEEN_MOST} blocks later, not {blocks_between}")
        self.dry.delay = blocks_between * FRAMES + latency_frames
        if latency_frames < 0 or self.dry.delay > DELAY_MOST:
            raise ValueError(f"a latency of {latency_frames} frames cannot be made up for")
        self.dry.frames = 1
        while self.dry.frames < self.dry.delay + FRAMES:
            self.dry.frames *= 2
        self.dry.left = <float*>calloc(2 * self.dry.frames, sizeof(float))
        if self.dry.left == NULL:
            raise MemoryError("no memory for a delay line")
        self.dry.right = self.dry.left + self.dry.frames
        self.past = np.zeros((2, PAST), np.float32)
        self.wet = np.zeros((2, FRAMES), np.float32)
        self.heard = np.zeros((2, FRAMES), np.float32)
        self.out = self.heard
        self.fade = Fade(0, 0, 0, FADE)
        self.blocks_between = blocks_between
        self.settle_blocks = blocks_between + SETTLE + (latency_frames + FRAMES - 1) // FRAMES
        self.gone_on = -1

    def __dealloc__(self):
        free(self.dry.left)

    def join(self, Exchange exchange, bint wet_at_once=False) -> None:
        """Use another exchange that nobody has used yet, or none. Thread: [housekeeping].

        Args:
            exchange: its answers are heard once enough of them came in time.
            wet_at_once: from the first on, with no fade: before anything plays.
        """
        self.exchange = exchange
        self.handed = 0
        self.on_time = 0
        if wet_at_once:
            self.fade = Fade(1, 0, 1, FADE)

    @property
    def delay_frames(self) -> int:
        """From what goes in to what comes out, wet or dry."""
        return self.dry.delay

    @property
    def is_wet(self) -> bool:
        """Whether the other process is heard, or about to be."""
        return self.fade.gain_to > 0

    @property
    def on_time_blocks(self) -> int:
        """Blocks in a row whose answer was there when it was due."""
        return self.on_time

    def __call__(self, const float[:, ::1] block not None, double beat=0.0, double beats_per_frame=0.0):
        """Put one block in, and get one out; it is overwritten by the next call.

        Args:
            block: float32 (2, 64), planar.
            beat, beats_per_frame: the musical time, which hosted plug-ins are not told.

        Raises ValueError for another shape. Thread: [render]; never waits while `wait_s` is 0.
        """
        if block.shape[0] != 2 or block.shape[1] != FRAMES:
            raise ValueError(f"a block is (2, {FRAMES}), not ({block.shape[0]}, {block.shape[1]})")
        self._delay(&block[0, 0])
        if self._exchange_block(&block[0, 0]):
            self.on_time += 1
            if self.fade.gain_to == 0 and self.on_time > self.settle_blocks and self.gone_on < 0:
                _turn(&self.fade, 1)
        else:
            self.on_time = 0
            if self.fade.gain_to > 0:
                _turn(&self.fade, 0)
                self.gone_on = 0
        if self.gone_on < 0:
            self._remember()
        else:
            self._go_on()
        self._blend()
        self.clock += FRAMES
        return self.heard

    cdef void _delay(self, const float* block) noexcept:
        """Put a block into the delay line, and what comes out of it into `out`."""
        cdef int64_t mask = self.dry.frames - 1, start = self.clock, frame
        cdef int i
        for i in range(FRAMES):
            self.dry.left[(start + i) & mask] = block[i]
            self.dry.right[(start + i) & mask] = block[FRAMES + i]
        for i in range(FRAMES):
            frame = (start + i - self.dry.delay) & mask
            self.out[0, i] = self.dry.left[frame]
            self.out[1, i] = self.dry.right[frame]

    cdef bint _exchange_block(self, const float* block):
        """Hand a block over, and get the answer that is due into `wet`; False if there is none of use."""
        cdef bint there
        cdef uint64_t due
        cdef int64_t wait_ns
        cdef Exchange exchange = self.exchange  # housekeeping may take it away while this waits
        if exchange is None:
            return False
        if not desk_hand(&exchange.desk, block):
            self.late_blocks += 1
            return False
        self.handed += 1
        if self.handed <= <uint64_t>self.blocks_between:
            self.wet[:, :] = 0
            return True
        due = self.handed - 1 - self.blocks_between
        there = desk_take(&exchange.desk, due, &self.wet[0, 0])
        if not there and self.wait_s > 0:
            wait_ns = <int64_t>(self.wait_s * 1e9)
            with nogil:
                there = desk_wait_for(&exchange.desk, due, wait_ns)
            there = there and desk_take(&exchange.desk, due, &self.wet[0, 0])
        if not there:
            self.late_blocks += 1
        elif not _is_sound(&self.wet[0, 0]):
            self.refused_blocks += 1
            self.exchange = None
            return False
        return there

    cdef void _remember(self) noexcept:
        cdef int c
        for c in range(2):
            memmove(&self.past[c, 0], &self.past[c, FRAMES], (PAST - FRAMES) * sizeof(float))
            memcpy(&self.past[c, PAST - FRAMES], &self.wet[c, 0], FRAMES * sizeof(float))

    cdef void _go_on(self) noexcept:
        """Make up the wet sound that is missing, from what is remembered of it."""
        cdef int c, i
        cdef int64_t k
        cdef float last, t
        for i in range(FRAMES):
            k = self.gone_on + i + 1
            if k >= FADE:
                self.wet[0, i] = 0
                self.wet[1, i] = 0
                continue
            t = <float>k / FADE
            for c in range(2):
                last = self.past[c, PAST - 1]
                self.wet[c, i] = last + (t * t * (2 * t - 3) + 1) * (last - self.past[c, PAST - 1 - k])
        self.gone_on += FRAMES
        if self.gone_on >= FADE:
            self.gone_on = -1

    cdef void _blend(self) noexcept:
        """Mix `wet` into `out`, as far as the fade is."""
        cdef int c, i
        cdef float gain
        if self.fade.done >= FADE and self.fade.gain_to == 0:
            return
        for i in range(FRAMES):
            gain = _gain(&self.fade, self.fade.done + i)
            for c in range(2):
                if gain == 1:
                    self.out[c, i] = self.wet[c, i]
                else:
                    self.out[c, i] += gain * (self.wet[c, i] - self.out[c, i])
        self.fade.done = min(self.fade.done + FRAMES, FADE)
