"""What a rendering thread sets before it computes, and puts back; and what it counts of page faults."""
from libc.stdint cimport uint32_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <sys/resource.h>
    static inline uint32_t remixd_major_faults(void) {
        struct rusage usage;
        return getrusage(RUSAGE_THREAD, &usage) == 0 ? (uint32_t)usage.ru_majflt : 0;
    }
    #if defined(__SSE__)
    #include <immintrin.h>
    static inline unsigned remixd_flush_to_zero(void) {
        unsigned before = _mm_getcsr();
        _mm_setcsr(before | 0x8040);
        return before;
    }
    static inline void remixd_restore(unsigned before) { _mm_setcsr(before); }
    #elif defined(__aarch64__)
    static inline unsigned remixd_flush_to_zero(void) {
        unsigned long before;
        __asm__ volatile("mrs %0, fpcr" : "=r"(before));
        __asm__ volatile("msr fpcr, %0" : : "r"(before | (1ul << 24)));
        return (unsigned)before;
    }
    static inline void remixd_restore(unsigned before) {
        __asm__ volatile("msr fpcr, %0" : : "r"((unsigned long)before));
    }
    #else
    static inline unsigned remixd_flush_to_zero(void) { return 0; }
    static inline void remixd_restore(unsigned before) { (void)before; }
    #endif
    """
    unsigned flush_to_zero "remixd_flush_to_zero"() noexcept nogil
    void restore "remixd_restore"(unsigned before) noexcept nogil
    uint32_t major_faults "remixd_major_faults"() noexcept nogil
