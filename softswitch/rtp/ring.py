"""The bare io_uring: setup, memory and system calls through ctypes, its rings seen as numpy arrays (io_uring_setup(2)).

Owns no meaning: whoever uses it fills submission entries, names those to submit, and reads completions. It is built for
one thread that submits a batch of requests which all complete at once; nothing is ever left in flight, so no
barriers are needed beyond the system call itself, and a completion queue as long as the submission queue cannot overflow.
"""

import ctypes
import errno
import mmap
import os
from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

OP_SEND: Final = 26
OP_RECV: Final = 27
FIXED_FILE: Final = 1
"""Flag of an entry: its `fd` is a row of the registered files."""

SUBMISSION: Final = np.dtype(
    [
        ("opcode", "u1"), ("flags", "u1"), ("ioprio", "<u2"), ("fd", "<i4"), ("off", "<u8"), ("addr", "<u8"),
        ("len", "<u4"), ("op_flags", "<u4"), ("user_data", "<u8"), ("buf", "<u2"), ("personality", "<u2"),
        ("splice", "<i4"), ("addr3", "<u8"), ("pad", "<u8"),
    ]
)  # fmt: skip
COMPLETION: Final = np.dtype([("user_data", "<u8"), ("res", "<i4"), ("flags", "<u4")])
"""`res` is the bytes moved, or a negative error number."""

_SETUP, _ENTER, _REGISTER = 425, 426, 427
"""System call numbers, the same on every architecture."""
_SETUP_CQSIZE, _SETUP_CLAMP, _SETUP_SUBMIT_ALL = 1 << 3, 1 << 4, 1 << 7
_SETUP_SINGLE_ISSUER, _SETUP_DEFER_TASKRUN = 1 << 12, 1 << 13
_FEAT_SINGLE_MMAP = 1
_ENTER_GETEVENTS = 1
_REGISTER_FILES2, _REGISTER_FILES_UPDATE = 13, 6
_RSRC_SPARSE = 1
_OFF_RINGS, _OFF_ENTRIES = 0, 0x1000_0000

_libc = ctypes.PyDLL(None, use_errno=True)
"""PyDLL keeps the interpreter's lock: giving it away at each tick costs more than the prompt loader's thread gains."""
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long


class _Offsets(ctypes.Structure):
    """`io_sqring_offsets` and `io_cqring_offsets`, whose fields differ in name only as far as they are used here."""

    _fields_ = [
        *((name, ctypes.c_uint32) for name in ("head", "tail", "mask", "entries", "a", "b", "c", "d")),
        ("user", ctypes.c_uint64),
    ]


class _Params(ctypes.Structure):
    _fields_ = [
        *(
            (name, ctypes.c_uint32)
            for name in ("sq_entries", "cq_entries", "flags", "cpu", "idle", "features")
        ),
        ("wq_fd", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 3),
        ("sq", _Offsets),
        ("cq", _Offsets),
    ]


class _Files(ctypes.Structure):
    """`io_uring_rsrc_register`."""

    _fields_ = [
        ("count", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("reserved", ctypes.c_uint64),
        ("data", ctypes.c_uint64),
        ("tags", ctypes.c_uint64),
    ]


class _FilesUpdate(ctypes.Structure):
    """`io_uring_files_update`."""

    _fields_ = [("offset", ctypes.c_uint32), ("reserved", ctypes.c_uint32), ("fds", ctypes.c_uint64)]


def _call(number: int, *arguments: object) -> int:
    result: int = _syscall(number, *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


class Ring:
    """`entries` submissions at most at once; raises OSError where the kernel or a sandbox says no."""

    def __init__(self, entries: int, files: int) -> None:
        self.fd, params = _set_up(entries)
        try:
            self._map(params)
            table = _Files(count=files, flags=_RSRC_SPARSE)
            _call(_REGISTER, self.fd, _REGISTER_FILES2, ctypes.byref(table), ctypes.sizeof(table))
        except BaseException:
            os.close(self.fd)
            raise
        self._fds = (ctypes.c_int32 * 1)()
        self._update = _FilesUpdate(fds=ctypes.addressof(self._fds))
        self._update_at = ctypes.byref(self._update)

    def _map(self, params: _Params) -> None:
        if not params.features & _FEAT_SINGLE_MMAP:
            raise OSError(errno.ENOSYS, "io_uring of a kernel before 5.4")
        count, completions, sq, cq = params.sq_entries, params.cq_entries, params.sq, params.cq
        size = max(sq.c + 4 * count, cq.b + COMPLETION.itemsize * completions)
        rings = mmap.mmap(self.fd, size, offset=_OFF_RINGS)
        entries = mmap.mmap(self.fd, count * SUBMISSION.itemsize, offset=_OFF_ENTRIES)

        def word(at: int) -> npt.NDArray[np.uint32]:
            return np.frombuffer(rings, np.uint32, 1, at)

        self._head, self._tail, self._cq_head, self._cq_tail = (
            word(at) for at in (sq.head, sq.tail, cq.head, cq.tail)
        )
        self._wanted = np.frombuffer(rings, np.uint32, count, sq.c)
        self._completions = np.frombuffer(rings, COMPLETION, completions, cq.b)
        self._mask, self._cq_mask = count - 1, completions - 1
        self.count: int = count
        self.entries: npt.NDArray[np.void] = np.frombuffer(entries, SUBMISSION)
        """To be filled; they stay as they are until filled anew."""

    def set_file(self, row: int, fd: int) -> None:
        """Put `fd` into a row of the registered files; -1 takes it out."""
        self._update.offset, self._fds[0] = row, fd
        _call(_REGISTER, self.fd, _REGISTER_FILES_UPDATE, self._update_at, 1)

    def submit(self, which: npt.NDArray[np.uint32]) -> npt.NDArray[np.void]:
        """Carry out the entries `which`, in order; returns the completions, good until the next call.

        Raises OSError when the kernel takes none of them any more, as when it has no memory; those are forgotten.
        """
        tail, mask = int(self._tail[0]), self._mask
        begin = tail & mask
        head = min(len(which), mask + 1 - begin)
        self._wanted[begin : begin + head] = which[:head]
        if head < len(which):
            self._wanted[: len(which) - head] = which[head:]
        self._tail[0] = (tail + len(which)) & 0xFFFF_FFFF
        left = len(which)
        try:
            while left > 0:
                left -= self._enter(left)
        except OSError:
            self._tail[0] = self._head[0]
            self._harvest()
            raise
        return self._harvest()

    def _enter(self, count: int) -> int:
        try:
            return _call(_ENTER, self.fd, count, 0, _ENTER_GETEVENTS, None, 0)
        except InterruptedError:
            return 0

    def _harvest(self) -> npt.NDArray[np.void]:
        head, tail = int(self._cq_head[0]), int(self._cq_tail[0])
        count = (tail - head) & 0xFFFF_FFFF
        begin, mask = head & self._cq_mask, self._cq_mask
        if begin + count <= mask + 1:
            found = self._completions[begin : begin + count]
        else:
            found = np.concatenate((self._completions[begin:], self._completions[: begin + count - mask - 1]))
        self._cq_head[0] = tail
        return found

    def close(self) -> None:
        os.close(self.fd)


def _set_up(entries: int) -> tuple[int, _Params]:
    """The file descriptor of a new ring; without the later flags where the kernel does not know them."""
    wanted: Iterable[int] = (
        _SETUP_SUBMIT_ALL | _SETUP_SINGLE_ISSUER | _SETUP_DEFER_TASKRUN,
        _SETUP_SUBMIT_ALL,
        0,
    )
    for flags in wanted:
        params = _Params(flags=flags | _SETUP_CQSIZE | _SETUP_CLAMP, cq_entries=2 * entries)
        try:
            return _call(_SETUP, entries, ctypes.byref(params)), params
        except OSError as error:
            if error.errno != errno.EINVAL or not flags:
                raise
    raise AssertionError("the last try raises")
