from typing import Final

CEILING_DBTP: Final[float]
DELAY_FRAMES: Final[int]
