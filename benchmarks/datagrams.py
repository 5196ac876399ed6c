"""Many UDP packets with one system call: sendmmsg and recvmmsg through ctypes, their structures built as numpy arrays.

The kernel reads and writes the arrays in place; per batch Python does a handful of vectorised assignments and one call.
Arrival times are the kernel's own (SO_TIMESTAMPNS), so that whoever reads late does not measure his own lateness.
Linux on 64 bit only: the layout of `struct mmsghdr` is written down here.
"""

import ctypes
import os
import socket
from typing import Any

import numpy as np
import numpy.typing as npt

_LIBC = ctypes.CDLL(None, use_errno=True)
_MMSGHDR = np.dtype(
    [("name", "u8"), ("namelen", "u4"), ("_1", "u4"), ("iov", "u8"), ("iovlen", "u8"), ("control", "u8"),
     ("controllen", "u8"), ("flags", "i4"), ("_2", "u4"), ("len", "u4"), ("_3", "u4")]
)  # fmt: skip
_IOVEC = np.dtype([("base", "u8"), ("len", "u8")])
_SOCKADDR = np.dtype([("family", "u2"), ("port", ">u2"), ("address", ">u4"), ("_", "u8")])
_CONTROL = np.dtype(
    [("len", "u8"), ("level", "i4"), ("type", "i4"), ("seconds", "i8"), ("nanoseconds", "i8")]
)
_SO_TIMESTAMPNS = 35
_SO_RCVBUFFORCE = 33
_WAITING_BYTES = 64 << 20
"""What may wait in the kernel: a quarter of a second of 80,000 packets, should this process be held up."""

Array = npt.NDArray[Any]


def bound(address: str, port: int = 0) -> socket.socket:
    """A socket that stamps what arrives and loses nothing while its reader is busy."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    try:
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _WAITING_BYTES)
    except PermissionError:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WAITING_BYTES)
    opened.bind((address, port))
    opened.setblocking(False)
    return opened


class Batch:
    """Room for `size` packets of at most `width` bytes, with the address of each."""

    def __init__(self, size: int, width: int) -> None:
        self.size = size
        self.data: npt.NDArray[np.uint8] = np.zeros((size, width), np.uint8)
        """One packet a row."""
        self.peers: Array = np.zeros(size, _SOCKADDR)
        """Where each goes, or came from: `port`, `address`."""
        self._control: Array = np.zeros(size, _CONTROL)
        self._iovec: Array = np.zeros(size, _IOVEC)
        self._headers: Array = np.zeros(size, _MMSGHDR)
        self.peers["family"] = socket.AF_INET
        self._iovec["base"] = self.data.ctypes.data + np.arange(size, dtype=np.uint64) * np.uint64(width)
        self._iovec["len"] = width
        self._headers["name"] = self.peers.ctypes.data + np.arange(size) * _SOCKADDR.itemsize
        self._headers["namelen"] = _SOCKADDR.itemsize
        self._headers["iov"] = self._iovec.ctypes.data + np.arange(size) * _IOVEC.itemsize
        self._headers["iovlen"] = 1
        self._controls_at = self._control.ctypes.data + np.arange(size) * _CONTROL.itemsize
        self._address = self._headers.ctypes.data
        self.lengths: Array = self._headers["len"]
        """Bytes of each packet that has arrived."""

    def send(self, descriptor: int, begin: int, end: int) -> int:
        """Send the rows from `begin` to before `end` in full width; how many the kernel took."""
        sent = 0
        while begin < end:
            took = _LIBC.sendmmsg(
                descriptor, ctypes.c_void_p(self._address + begin * _MMSGHDR.itemsize), end - begin, 0
            )
            sent += max(took, 0)
            begin += max(took, 1)  # one that the kernel refuses counts as lost; the rest goes on
        return sent

    def receive(self, descriptor: int) -> int:
        """Take what waits, at most `size`; how many came."""
        self._headers["namelen"] = _SOCKADDR.itemsize
        self._headers["control"] = self._controls_at
        self._headers["controllen"] = _CONTROL.itemsize
        came = int(
            _LIBC.recvmmsg(descriptor, ctypes.c_void_p(self._address), self.size, socket.MSG_DONTWAIT, None)
        )
        if came < 0 and ctypes.get_errno() not in (11, 4, 111):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return max(came, 0)

    def arrived_ns(self, count: int) -> npt.NDArray[np.int64]:
        """When the kernel took each of the first `count`, in nanoseconds since 1970."""
        control = self._control[:count]
        stamps: npt.NDArray[np.int64] = control["seconds"] * 1_000_000_000 + control["nanoseconds"]
        return stamps
