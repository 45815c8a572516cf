from typing import Final

PAIRS_COUNT: Final[int]
