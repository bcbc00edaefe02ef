"""Files that papers' authors published: named arrays in MATLAB's or NumPy's format."""

from pathlib import Path

import numpy as np

from toolkit.errors import UserError

READABLE = ".mat or .npz"


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The numeric arrays of a .mat (every version that SciPy reads) or .npz file, by name.

    UserError where there is no such file, it is damaged, or it holds no numbers.
    """
    if path.suffix not in (".mat", ".npz"):
        raise UserError(f"{str(path)!r} is no published data that can be read: give {READABLE}.")
    try:
        content = _read_mat(path) if path.suffix == ".mat" else _read_npz(path)
    except OSError as error:
        raise UserError(f"Cannot read {str(path)!r}: {error.strerror or error}.") from None
    except NotImplementedError:
        raise UserError(
            f"{str(path)!r} is a MATLAB file of version 7.3 (HDF5); save it with -v7."
        ) from None
    except Exception as error:  # SciPy's reader raises whatever the bytes lead it to
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(f"{str(path)!r} is damaged ({said}); get the file again.") from None
    arrays = {key: value for key, value in content.items() if value.dtype.kind in "biuf"}
    if not arrays:
        raise UserError(f"{str(path)!r} holds no arrays of numbers; give another file.")
    return arrays


def _read_mat(path: Path) -> dict[str, np.ndarray]:
    from scipy.io import loadmat

    with path.open("rb") as file:
        found = loadmat(file, appendmat=False)
    return {key: np.asarray(value) for key, value in found.items() if not key.startswith("__")}


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    with path.open("rb") as raw, np.lib.npyio.NpzFile(raw, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}
