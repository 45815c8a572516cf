"""Racks: effects that lie outside the kernel, called with the GIL once a quantum.

What comes out goes through a queue, since some effects give fewer frames than they take: it begins with as
many zeros as they may ever owe. A callable that raises, or gives what is no sound, is never called again:
what it gave last is turned about its end, so that it goes on without a kink, and fades within RACK_FADE.

Thread: [render] for the C functions; the class is made and freed by [housekeeping].
"""
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer
from cpython.exc cimport PyErr_SetInterrupt
from libc.float cimport FLT_MAX
from libc.math cimport fabsf
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

import numpy as np

from remixd._kernel.mailbox cimport REASON_NONFINITE, REASON_RAISED, REASON_SHAPE
from remixd._kernel.reader cimport QUANTUM

DELAY_MOST = RACK_DELAY_MOST


cdef void _fail(RackState* rack, int reason) noexcept nogil:
    rack.fault = reason
    rack.fault_fed = rack.fed - QUANTUM
    rack.good = rack.written


cdef void _make_up(RackState* rack) noexcept nogil:
    """A quantum more of what a faulty rack gave last, turned about its end: neither value nor slope jumps.

    line[e + k] = 2 line[e] - line[e - k]
    """
    cdef int64_t end = rack.good - 1, at
    cdef const float* last = rack.line + 2 * (end & (RACK_LINE - 1))
    cdef const float* back
    cdef float* here
    for at in range(rack.written, rack.written + QUANTUM):
        here = rack.line + 2 * (at & (RACK_LINE - 1))
        back = rack.line + 2 * ((2 * end - at) & (RACK_LINE - 1))
        if 2 * end >= at and at <= end + 2 * RACK_FADE:
            here[0] = 2.0 * last[0] - back[0]
            here[1] = 2.0 * last[1] - back[1]
        else:
            here[0] = 0.0
            here[1] = 0.0
    rack.written += QUANTUM


cdef void _call(RackState* rack, Beat beat) noexcept with gil:
    (<Rack>rack.owner).run(beat)


cdef void rack_feed(RackState* rack, const float* block, Beat beat) noexcept nogil:
    """Give a rack a quantum, interleaved stereo; `line` has an answer to it then. Takes the GIL."""
    cdef Py_ssize_t i
    rack.fed += QUANTUM
    if rack.fault == 0:
        for i in range(QUANTUM):
            rack.planar[i] = block[2 * i]
            rack.planar[QUANTUM + i] = block[2 * i + 1]
        _call(rack, beat)
        if rack.fault == 0 and rack.written < rack.fed:
            _fail(rack, REASON_SHAPE)
    while rack.written < rack.fed:
        _make_up(rack)


cdef void rack_read(const RackState* rack, int64_t late, float* out) noexcept nogil:
    """What it gave to the newest quantum, or so many frames ago; silence from before it began."""
    cdef int64_t first = rack.fed - QUANTUM - late
    cdef Py_ssize_t i
    cdef int64_t at
    for i in range(QUANTUM):
        at = (first + i) & (RACK_LINE - 1)
        out[2 * i] = rack.line[2 * at] if first + i >= 0 and late >= 0 else 0.0
        out[2 * i + 1] = rack.line[2 * at + 1] if first + i >= 0 and late >= 0 else 0.0


cdef float rack_health(const RackState* rack, int frame) noexcept nogil:
    """1 while it works; once it does not, what is left of it at a frame of the newest quantum: down to 0."""
    cdef float share
    cdef int64_t done
    if rack.fault == 0:
        return 1.0
    done = rack.fed - QUANTUM - rack.fault_fed + frame + 1
    if done >= RACK_FADE:
        return 0.0
    share = <float>done / RACK_FADE
    return 1.0 - share * share * (3.0 - 2.0 * share)


cdef class Rack:
    """A callable made ready for a session.

    Args:
        call: `call(block, beat, beats_a_frame)`: `block` is float32 (2, 64), the same array every time; the
            beat is the place's, at its first frame. It returns float32 (2, n), n at most 64, and may change
            and return `block`.
        key: what control calls it.
        delay_frames: from what goes in to what comes out, `owed_frames` included; 0 to 4,800.
        owed_frames: the most frames by which it is ever behind with what it returns.

    Raises ValueError if these do not fit together, MemoryError. Thread: [housekeeping].
    """

    def __cinit__(self, object call not None, uint32_t key, *, int delay_frames=0, int owed_frames=0):
        cdef float[:, ::1] planar
        if not callable(call):
            raise ValueError("a rack is a callable")
        if not 0 <= owed_frames <= delay_frames <= RACK_DELAY_MOST:
            raise ValueError(f"a rack delays by 0 to {RACK_DELAY_MOST} frames, those that it owes among them")
        memset(&self.state, 0, sizeof(RackState))
        self.call = call
        self.block = np.zeros((2, QUANTUM), np.float32)
        planar = self.block
        self.state.planar = &planar[0, 0]
        self.state.line = <float*>calloc(RACK_LINE, 2 * sizeof(float))
        if self.state.line == NULL:
            raise MemoryError("no memory for a rack")
        self.state.key = key
        self.state.delay = delay_frames
        self.state.written = owed_frames
        self.state.owner = <void*>self

    def __dealloc__(self):
        free(self.state.line)

    @property
    def key(self) -> int:
        """What control calls it."""
        return self.state.key

    @property
    def delay_frames(self) -> int:
        """From what goes in to what comes out."""
        return self.state.delay

    @property
    def fault(self) -> int:
        """Why it is passed by, a reason of the mailbox; 0 while it works."""
        return self.state.fault

    cdef void run(self, Beat beat) noexcept:
        """Have the quantum in `planar` computed. Thread: [render], with the GIL."""
        try:
            self._take_array(self.call(self.block, beat.beat, beat.beats_a_frame))
        except KeyboardInterrupt:
            PyErr_SetInterrupt()                        # meant for the program, not for us: it comes again
            _fail(&self.state, REASON_RAISED)
        except BaseException:
            _fail(&self.state, REASON_RAISED)

    cdef int _take_array(self, object out) except -1:
        """Check what came out, and lay it into the line."""
        cdef Py_buffer view
        cdef bint fits
        PyObject_GetBuffer(out, &view, PyBUF_STRIDES | PyBUF_FORMAT)
        fits = (view.ndim == 2 and view.itemsize == 4 and view.format[0] == c"f" and view.format[1] == 0
                and view.shape[0] == 2 and view.shape[1] <= QUANTUM
                and (view.strides[1] == 4 or view.shape[1] == 0)
                and self.state.written + view.shape[1] <= self.state.fed + RACK_DELAY_MOST)
        if not fits:
            _fail(&self.state, REASON_SHAPE)
        elif not self._take(<const float*>view.buf, <const float*>(<const char*>view.buf + view.strides[0]),
                            view.shape[1]):
            _fail(&self.state, REASON_NONFINITE)
        PyBuffer_Release(&view)
        return 0

    cdef bint _take(self, const float* left, const float* right, Py_ssize_t frames) noexcept:
        """Lay so many frames into the line; False, and nothing, if any of them is not finite."""
        cdef bint finite = True
        cdef float* here
        cdef Py_ssize_t i
        for i in range(frames):
            finite &= (fabsf(left[i]) <= FLT_MAX) & (fabsf(right[i]) <= FLT_MAX)
        if not finite:
            return False
        for i in range(frames):
            here = self.state.line + 2 * ((self.state.written + i) & (RACK_LINE - 1))
            here[0] = left[i]
            here[1] = right[i]
        self.state.written += frames
        return True
