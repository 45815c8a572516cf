"""The Fourier transform and the window that stretching and its analysis share."""

cdef extern from "<fftw3.h>" nogil:
    ctypedef float fftwf_complex[2]
    void* fftwf_malloc(size_t bytes)
    void fftwf_free(void* memory)

cdef enum:
    FRAME = 4096            # N: frames of one window
    HALF = FRAME // 2
    HOP = 1024              # Hs: synthesis hop
    OVERLAP = FRAME // HOP

cdef bint fft_is_ready() noexcept nogil
cdef void fft_forward(fftwf_complex* z) noexcept nogil
cdef void fft_backward(fftwf_complex* z) noexcept nogil
