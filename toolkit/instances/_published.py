"""Files that papers' authors published: named arrays in MATLAB's or NumPy's format."""

from pathlib import Path

import numpy as np

from toolkit.errors import UserError

READABLE = ".mat or .npz"
NUMBERS = "biuf"
KINDS = {"b": "booleans", "c": "complex numbers", "U": "text", "S": "text", "V": "a struct"}
PLAIN = "save plain, full arrays of real numbers"


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a .mat (every version that SciPy reads) or .npz file, by name.

    What is no plain array of numbers comes as it is, objects as an array of the kind "O".
    UserError where there is no such file, it is damaged, or it holds nothing.
    """
    if path.suffix not in (".mat", ".npz"):
        raise UserError(f"{str(path)!r} is no published data that can be read: give {READABLE}.")
    try:
        content = _read_mat(path) if path.suffix == ".mat" else _read_npz(path)
    except OSError as error:
        if error.strerror is None:  # SciPy's word for a file that ends too soon
            raise _damaged(path, error) from None
        raise UserError(f"Cannot read {str(path)!r}: {error.strerror}.") from None
    except NotImplementedError:
        raise UserError(
            f"{str(path)!r} is a MATLAB file of version 7.3 (HDF5); save it with -v7."
        ) from None
    except Exception as error:  # SciPy's reader raises whatever the bytes lead it to
        raise _damaged(path, error) from None
    if not any(value.dtype.kind in NUMBERS for value in content.values()):
        said = ", ".join(f"{key}: {in_words(value)}" for key, value in content.items())
        raise UserError(
            f"{str(path)!r} holds no arrays of numbers{said and f' ({said})'}; {PLAIN}."
        )
    return content


def in_words(value: np.ndarray) -> str:
    """What an array holds that is no plain array of numbers."""
    if value.dtype.kind == "O" and hasattr(value[()], "toarray"):
        return "a sparse matrix"
    return KINDS.get(value.dtype.kind, "objects such as cells")


def _damaged(path: Path, error: Exception) -> UserError:
    said = f"{type(error).__name__}: {error}".splitlines()[0]
    return UserError(f"{str(path)!r} is damaged ({said}); get the file again.")


def _read_mat(path: Path) -> dict[str, np.ndarray]:
    from scipy.io import loadmat

    with path.open("rb") as file:
        found = loadmat(file, appendmat=False)
    return {key: np.asarray(value) for key, value in found.items() if not key.startswith("__")}


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    with path.open("rb") as raw, np.lib.npyio.NpzFile(raw, allow_pickle=False) as file:
        return {key: _member(file, key) for key in file.files}


def _member(file: np.lib.npyio.NpzFile, key: str) -> np.ndarray:
    """An array of the archive; for objects, which are not read, None."""
    try:
        return np.asarray(file[key])
    except ValueError as error:
        if "allow_pickle" in str(error):
            return np.array(None)
        raise
