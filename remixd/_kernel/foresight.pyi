from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd._kernel.session import Session

COLUMNS: Final[tuple[str, ...]]

def look_ahead(session: Session, until: int) -> NDArray[np.float64]: ...
