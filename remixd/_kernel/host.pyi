from typing import Final

from remixd._kernel.mailbox import Mailbox
from remixd._kernel.ring import PacketRing
from remixd._kernel.session import Session

SESSIONS_MAX: Final[int]

class Host:
    def __init__(self) -> None: ...
    def add(
        self,
        session: Session,
        commands: Mailbox,
        ring: PacketRing,
        lead_ns: int,
        paced: bool = True,
        anchor_ns: int = 0,
    ) -> None: ...
    def leave(self, key: int) -> bool: ...
    def release(self, key: int) -> bool: ...
    def wait_until_free(self, key: int) -> bool: ...
    def stop(self) -> None: ...
    def run(self) -> None: ...
