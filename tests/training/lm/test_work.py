"""How the end of a run is told to somebody who did not write the program."""

import errno

import pytest

from training.lm.work import DISK_IS_FULL, in_words


@pytest.mark.bar("R13")
@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        SystemError("<function BaseTuner.__init__ at 0x7f> returned NULL without setting an exception"),
    ],
)
def test_whatever_a_lack_of_memory_looks_like_it_is_called_so(error):
    assert in_words(error) == "Not enough memory: choose a smaller batch or a smaller model."


@pytest.mark.bar("R13")
def test_a_full_disk_is_called_so_and_all_else_by_its_name():
    assert in_words(OSError(errno.ENOSPC, "No space left on device")) == DISK_IS_FULL
    assert in_words(ValueError("odd")) == "ValueError: odd"
