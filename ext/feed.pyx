"""Feeds: a session rendered in a sound device's own callback, so that nothing lies between them.

The callback enters with the GIL (PyAudio), takes the waiting commands, and renders without it straight into
the bytes that the device is given. What was rendered also goes into the session's packet ring, for listeners.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from remixd._kernel.apart cimport apart_leave
from remixd._kernel.describe cimport session_describe, session_position
from remixd._kernel.mailbox cimport REPORT_UNDERRUN, Mailbox
from remixd._kernel.ring cimport PacketRing, ring_begin, ring_commit
from remixd._kernel.moves cimport session_report
from remixd._kernel.session cimport Session, session_drain, session_render
from remixd._kernel.stretch cimport scratch_free, scratch_init
from remixd._kernel.trace cimport (
    BLOCK_DEVICE,
    BLOCK_PACED,
    BLOCK_UNDERRUN,
    trace_begin,
    trace_end,
    usage_look,
)

cdef extern from *:
    """
    #include <stdint.h>
    #include <time.h>
    static inline int64_t remixd_feed_now_ns(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    }
    """
    int64_t now_ns "remixd_feed_now_ns"() noexcept nogil

cdef enum:
    FRAMES_MAX = 1 << 16
    RATE_HZ = 48000
    MEAN_FRAMES = 24000     # of the cost: half a second

cdef double GO_SHARE = 0.125    # the weight of the newest go


cdef void _to_ring(FeedState* feed, const float* pcm, int64_t frames, int64_t due_ns,
                   int64_t sample) noexcept nogil:
    """Lay what was rendered from `sample` on into packets; each is published when it is full."""
    cdef int64_t here
    while frames > 0:
        if feed.packet == NULL:
            feed.packet = ring_begin(&feed.ring, &feed.pcm)
            feed.packet.sample = sample
            feed.packet.position = session_position(feed.session, sample)
            feed.packet.due_ns = due_ns
            feed.filled = 0
        here = min(frames, feed.ring.frames - feed.filled)
        memcpy(feed.pcm + 2 * feed.filled, pcm, here * 2 * sizeof(float))
        feed.filled += here
        pcm += 2 * here
        frames -= here
        sample += here
        due_ns += here * 1000000000 // 48000
        if feed.filled == feed.ring.frames:
            feed.packet.rendered_ns = feed.called_ns
            feed.packet.underruns = feed.underruns
            session_describe(feed.session, feed.packet)
            ring_commit(&feed.ring, feed.packet)
            feed.packet = NULL


cdef void _count(FeedState* feed, int64_t frames, int64_t took_ns) noexcept nogil:
    """Note what a block took."""
    cdef double share = <double>took_ns * RATE_HZ / (<double>frames * 1e9)
    feed.cost += (share - feed.cost) * (min(<double>frames / MEAN_FRAMES, 1.0) if feed.cost else 1.0)


cdef void _note_go(FeedState* feed, int64_t frames) noexcept nogil:
    """Follow how many frames the device asks for in one go: in callbacks that come sooner than they play."""
    if feed.called_ns - feed.go_ns < feed.go_frames * 1000000000 // (2 * RATE_HZ):
        feed.go_frames += frames
        return
    feed.together += (feed.go_frames - feed.together) * (GO_SHARE if feed.together else 1.0)
    feed.go_ns = feed.called_ns
    feed.go_frames = frames


cdef void _begin_trace(FeedState* feed, bint underrun) noexcept nogil:
    if feed.usage.cpu_ns == 0:                          # the first block of this thread
        usage_look(&feed.usage)
    trace_begin(feed.session.trace, feed.session.clock, 0,
                BLOCK_PACED | BLOCK_DEVICE | (BLOCK_UNDERRUN if underrun else 0))


cdef void _fill(FeedState* feed, float* out, int64_t frames, int64_t latency_ns,
                bint underrun) noexcept nogil:
    cdef int64_t sample, i, took_ns
    cdef float gain
    if feed.session.trace != NULL:
        _begin_trace(feed, underrun)
    feed.called_ns = now_ns()
    _note_go(feed, frames)
    session_drain(feed.session, feed.commands)
    sample = feed.session.clock
    if feed.leaving and feed.session.apart != NULL:
        apart_leave(feed.session.apart, frames)
    session_render(feed.session, frames, out)
    if feed.leaving:
        for i in range(frames):
            gain = feed.fade_from * (1.0 - <float>(i + 1) / <float>frames)
            out[2 * i] *= gain
            out[2 * i + 1] *= gain
        if feed.fade_end == 0:
            feed.fade_end = sample + frames
            feed.fade_frames = frames
        feed.fade_from = 0.0
    _to_ring(feed, out, frames, feed.called_ns + latency_ns, sample)
    took_ns = now_ns() - feed.called_ns
    _count(feed, frames, took_ns)
    if feed.session.trace != NULL:                      # due when the block before it has been played
        trace_end(feed.session.trace, frames, took_ns - frames * 1000000000 // RATE_HZ, &feed.usage)


cdef class Feed:
    """One session for one device.

    Args:
        session: to be played; nobody else may render it meanwhile.
        commands: the mailbox it is steered by.
        ring: where its packets go.

    Thread: made by [housekeeping]; `fill` runs in the device's callback, one at a time.
    """

    def __cinit__(self, Session session not None, Mailbox commands not None, PacketRing ring not None):
        memset(&self.state, 0, sizeof(FeedState))
        scratch_init(&self.state.scratch)
        self.kept = (session, commands, ring)
        session.state.scratch = &self.state.scratch
        self.state.session = session.state
        self.state.commands = &commands.queue
        self.state.ring = ring.ring
        self.state.fade_from = 1.0

    def __dealloc__(self):
        scratch_free(&self.state.scratch)

    def fill(self, int64_t frames, double latency_s, bint underrun=False) -> bytes:
        """The next `frames` frames as bytes: float32, interleaved stereo.

        Args:
            frames: 1 to 65,536.
            latency_s: how long from now until the first of them is heard.
            underrun: whether the device ran dry since the last call; it is counted and told.

        Allocates the bytes and nothing else. Thread: [render], a device's callback.
        """
        if not 0 < frames < FRAMES_MAX:
            raise ValueError(f"cannot fill {frames} frames")
        if not 0.0 <= latency_s < 60.0:
            latency_s = 0.0
        cdef int64_t latency_ns = <int64_t>(latency_s * 1e9)
        out = PyBytes_FromStringAndSize(NULL, frames * 8)
        cdef float* pcm = <float*>PyBytes_AS_STRING(out)
        with nogil:
            if underrun:
                self.state.underruns += 1
                session_report(self.state.session, NULL, REPORT_UNDERRUN, self.state.session.clock,
                               self.state.session.clock, 0, 0.0, 0, False)
            _fill(&self.state, pcm, frames, latency_ns, underrun)
        return out

    def leave(self) -> None:
        """Let the next block fade out; silence follows."""
        self.state.leaving = True

    @property
    def called_ns(self) -> int:
        """Host time, monotonic, at which the device last asked for sound; 0 before."""
        return self.state.called_ns

    @property
    def cost(self) -> float:
        """The share of a core that `fill` takes, over half a second; 0 before."""
        return self.state.cost

    @property
    def frames_together(self) -> int:
        """Frames that the device asks for in one go, be it in several callbacks; 0 before it is known."""
        return round(self.state.together)

    @property
    def fade(self) -> tuple[int, int]:
        """One past the last sample of the block that faded out, and its frames; (0, 0) before."""
        return self.state.fade_end, self.state.fade_frames
