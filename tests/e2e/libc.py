# SPDX-License-Identifier: MIT
"""libc's functions as a program in C calls them."""

import ctypes
import errno

libc = ctypes.CDLL(None, use_errno=True)
# No call sets it, so that "kept" can be told from "set".
UNTOUCHED = 4000


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint),
                ("iov", ctypes.c_void_p), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int)]


class Mmsghdr(ctypes.Structure):
    _fields_ = [("msg", Msghdr), ("len", ctypes.c_uint)]


def call(function, *arguments):
    """What a function answers, and the errno that it leaves."""
    ctypes.set_errno(UNTOUCHED)
    result = getattr(libc, function)(*arguments)
    error = ctypes.get_errno()
    return result, errno.errorcode.get(error, error)
