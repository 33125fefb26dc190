"""Taking io_uring away: from one process with a seccomp filter, or from all with the kernel's switch."""
import ctypes
import os
import struct

from .sandbox import CannotRun, libc

SWITCH = "/proc/sys/kernel/io_uring_disabled"

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_SYS_IO_URING_SETUP = 425  # the same number on every architecture
_EPERM = 1


class _SockFprog(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def forbid_by_seccomp():
    """For before_exec of a Process: io_uring_setup(2) fails with EPERM, as under Docker."""
    instructions = (
        (0x20, 0, 0, 0),                            # load the system call's number
        (0x15, 0, 1, _SYS_IO_URING_SETUP),          # that one?
        (0x06, 0, 0, 0x00050000 | _EPERM),          # SECCOMP_RET_ERRNO
        (0x06, 0, 0, 0x7FFF0000),                   # SECCOMP_RET_ALLOW
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *i) for i in instructions))
    program = _SockFprog(len(instructions), ctypes.cast(code, ctypes.c_void_p))
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        os.write(2, b"seccomp failed\n")
        os._exit(127)


class DisabledByKernel:
    """kernel.io_uring_disabled=2 while in the block. Restored also when the test process is killed inside:
    a child that outlives it waits for the end of a pipe."""

    def __enter__(self):
        if not os.path.exists(SWITCH):
            raise CannotRun(f"{SWITCH} comes with Linux 6.6")
        with open(SWITCH, encoding="ascii") as file:
            self.before = file.read().strip()
        read_end, self.write_end = os.pipe()
        self.guard = os.fork()
        if self.guard == 0:
            os.close(self.write_end)
            os.setsid()
            os.read(read_end, 1)
            self._set(self.before)
            os._exit(0)
        os.close(read_end)
        self._set("2")
        return self

    def __exit__(self, *_):
        os.close(self.write_end)
        os.waitpid(self.guard, 0)

    @staticmethod
    def _set(value):
        with open(SWITCH, "w", encoding="ascii") as file:
            file.write(value)
