import numpy as np

def track(
    segments: np.ndarray,
    notes: np.ndarray,
    flows: np.ndarray,
    halves: np.ndarray,
    slots: np.ndarray,
    cells: np.ndarray,
    services: np.ndarray,
    count: int,
    attempt_ns: int = 0,
) -> int: ...
def rebuild(flows: np.ndarray, slots: np.ndarray, count: int) -> None: ...
