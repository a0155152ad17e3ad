"""Run as a script before an embedded server: `launch.py <parent pid> <death signal> <user or -> command…`.

A script of its own, with the standard library only: what it does must happen after the fork and before the server,
and Python between fork and exec of a threaded parent may hang.
"""

import contextlib
import ctypes
import os
import pwd
import signal
import sys
from pathlib import Path

SET_DEATH_SIGNAL, KEEP_CAPABILITIES, AMBIENT, AMBIENT_RAISE = 1, 8, 47, 2
CAPABILITY_VERSION_3 = 0x20080522
DAC_OVERRIDE, DAC_READ_SEARCH = 1, 2


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def _prctl(option: int, *values: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, *[ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]):
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _permitted() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapPrm")), 16)


def _keep(capability: int) -> None:
    mask = 1 << capability
    header, data = _Header(CAPABILITY_VERSION_3, 0), (_Data * 2)(_Data(mask, mask, mask), _Data(0, 0, 0))
    if ctypes.CDLL(None, use_errno=True).capset(ctypes.byref(header), data):
        raise OSError(ctypes.get_errno(), "capset")
    _prctl(AMBIENT, AMBIENT_RAISE, capability)


def become(name: str) -> None:
    """Another user than root, but one that still finds the way to binaries and data below a closed home directory."""
    user, held = pwd.getpwnam(name), _permitted()
    search = next((c for c in (DAC_READ_SEARCH, DAC_OVERRIDE) if held >> c & 1), None)
    _prctl(KEEP_CAPABILITIES, 1)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    if search is not None:
        with contextlib.suppress(OSError):  # where the kernel forbids it, folders that let others pass still do
            _keep(search)


def main() -> None:
    parent, death_signal, user, *command = sys.argv[1:]
    if user != "-":
        become(user)
    if sys.platform == "linux":
        _prctl(SET_DEATH_SIGNAL, signal.Signals[death_signal])  # last: a change of user clears it
        if os.getppid() != int(parent):
            sys.exit("the parent is gone already")
    try:
        os.execv(command[0], command)  # noqa: S606
    except PermissionError:
        sys.exit(f"The user {user} cannot reach {command[0]}: do not run this as root, or let others pass its folders")


main()
