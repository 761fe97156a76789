import numpy as np

def check_layouts(frames: np.ndarray, rows: np.ndarray) -> None: ...
def times_of(frames: np.ndarray) -> tuple[int, int, tuple[int, int]]: ...
def decode(
    data: np.ndarray,
    frames: np.ndarray,
    chosen: np.ndarray,
    first_frame: int,
    rows: np.ndarray,
    counters: np.ndarray,
    verify: bool,
    shortcut: bool = True,
) -> int: ...
