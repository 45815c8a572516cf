"""Whether this CPU can run the kernel. Built without wide instructions, so that it can say no.

Thread: [control] and [housekeeping], at import only.
"""

cdef extern from *:
    """
    #ifndef REMIXD_WIDE
    #define REMIXD_WIDE 0
    #endif
    static int remixd_cpu_is_wide(void) {
    #if REMIXD_WIDE
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
            && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    #else
        return 1;
    #endif
    }
    """
    const int REMIXD_WIDE
    int remixd_cpu_is_wide() nogil


LEVEL = "x86-64-v3" if REMIXD_WIDE else "baseline"
"""The instruction set the kernel was built for."""


def check() -> None:
    """Raise ImportError with a sentence if this CPU lacks instructions that the kernel was built with."""
    if not remixd_cpu_is_wide():
        raise ImportError(
            "this build of remixd needs a CPU with AVX2 and FMA (x86-64-v3); "
            "build it for this machine with REMIXD_SIMD=baseline"
        )
