"""Turning many complex numbers at once."""
from libc.stdint cimport uint32_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    typedef float remixd_v8 __attribute__((vector_size(32)));
    typedef int32_t remixd_i8 __attribute__((vector_size(32)));
    /* Turn n (a multiple of 8) complex numbers, each by its angle of 2^32 to a turn. Sine and cosine by the
       even and odd Taylor parts of a quarter turn (fitted, error below 1e-7), the quadrant apart. */
    static void remixd_turn(float *z, const uint32_t *theta, int n) {
        const remixd_i8 lo = {0, 0, 1, 1, 2, 2, 3, 3}, hi = {4, 4, 5, 5, 6, 6, 7, 7};
        const remixd_i8 swap = {1, 0, 3, 2, 5, 4, 7, 6};
        const remixd_v8 sign = {-1, 1, -1, 1, -1, 1, -1, 1};
        for (int k = 0; k < n; k += 8) {
            remixd_i8 t, quadrant, odd;
            remixd_v8 a, x, y, s, c, sine, cosine;
            memcpy(&t, theta + k, 32);
            quadrant = t + 0x20000000;              /* to the nearest quarter, -1/8 to 1/8 turn around it */
            odd = -((quadrant >> 30) & 1);
            t = t - (quadrant & (int32_t)0xC0000000);
            x = __builtin_convertvector(t, remixd_v8) * 1.4629180792671596e-9f;     /* 2 pi / 2^32 */
            y = x * x;
            s = x + x * y * (-1.6666654611e-1f + y * (8.3321608736e-3f + y * -1.9515295891e-4f));
            c = 1.0f + y * (-0.5f + y * (4.166664568298827e-2f
                + y * (-1.388731625493765e-3f + y * 2.443315711809948e-5f)));
            sine = (remixd_v8)(((remixd_i8)c & odd) | ((remixd_i8)s & ~odd));
            cosine = (remixd_v8)(((remixd_i8)s & odd) | ((remixd_i8)c & ~odd));
            /* quadrant 1: (c, s) -> (-s, c); 2: both negative; 3: (s, -c) */
            sine = (remixd_v8)((remixd_i8)sine ^ (quadrant & (int32_t)0x80000000));
            cosine = (remixd_v8)((remixd_i8)cosine
                ^ ((quadrant ^ (quadrant << 1)) & (int32_t)0x80000000));
            memcpy(&a, z + 2 * k, 32);
            a = a * __builtin_shuffle(cosine, lo)
                + __builtin_shuffle(a, swap) * (__builtin_shuffle(sine, lo) * sign);
            memcpy(z + 2 * k, &a, 32);
            memcpy(&a, z + 2 * k + 8, 32);
            a = a * __builtin_shuffle(cosine, hi)
                + __builtin_shuffle(a, swap) * (__builtin_shuffle(sine, hi) * sign);
            memcpy(z + 2 * k + 8, &a, 32);
        }
    }
    """
    void turn_bins "remixd_turn"(float* z, const uint32_t* theta, int n) noexcept nogil
