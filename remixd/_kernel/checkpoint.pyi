from typing import Final

from typing_extensions import Buffer

SIZE_BYTES: Final[int]

class CheckpointMemory:
    def __init__(self, memory: Buffer, create: bool = False) -> None: ...
    def read(self) -> bytes | None: ...

def quantum_of(checkpoint: bytes) -> int: ...
