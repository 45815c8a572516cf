"""The compiled kernel: one module a noun, from `ext/NOUN.pyx`.

Importing it checks that this CPU has the instructions it was built with.
"""

from remixd._kernel import simd

simd.check()
