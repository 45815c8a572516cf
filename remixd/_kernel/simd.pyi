from typing import Final

LEVEL: Final[str]

def check() -> None: ...
