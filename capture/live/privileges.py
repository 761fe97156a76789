"""Rights: giving them up once the interfaces are open, and what to do without them.

Opening an interface takes CAP_NET_RAW (and CAP_NET_ADMIN for promiscuous mode); reading packets from it
takes nothing. So all that parses what strangers sent, and all that writes files, runs without rights:

    capture = LiveCapture(["eth0"])
    give_up(invoking_user())  # between the two, and before any thread is started
    recording = Recording("x.pcapng", capture.interfaces)

Sources: capabilities(7), prctl(2), packet(7).
"""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass

from synsight.capture.source import CaptureError

_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 24, 38, 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
_HIGHEST_CAPABILITY = 63


@dataclass(frozen=True, slots=True)
class User:
    """Whom to become."""

    name: str
    uid: int
    gid: int
    home: str


def no_permission(interface: str) -> str:
    """One line for whoever may not capture."""
    python = os.path.realpath(sys.executable)
    return (
        f"{interface}: no permission to capture; use sudo, or allow it to this Python once and for all: "
        f"sudo setcap cap_net_raw,cap_net_admin=eip {python}"
    )


def invoking_user(asked: str | None = None) -> User | None:
    """Whom to become: `asked`, else whoever ran sudo; None to stay who we are. Raises CaptureError."""
    import pwd

    try:
        if asked is not None:
            entry = pwd.getpwnam(asked)
        elif os.geteuid() == 0 and os.environ.get("SUDO_UID", "").isdecimal():
            entry = pwd.getpwuid(int(os.environ["SUDO_UID"]))
        else:
            return None
    except KeyError:
        who = asked if asked is not None else f"number {os.environ['SUDO_UID']} (SUDO_UID)"
        raise CaptureError(f"user {who}: not known on this host; name another with --user") from None
    if entry.pw_uid == os.geteuid():
        return None
    if os.geteuid() != 0:
        raise CaptureError(f"user {entry.pw_name}: only root can become somebody else; leave out --user")
    gid = os.environ.get("SUDO_GID", "")
    same = asked is None and gid.isdecimal()
    return User(entry.pw_name, entry.pw_uid, int(gid) if same else entry.pw_gid, entry.pw_dir)


def give_up(user: User | None) -> None:
    """Become `user` for good, without supplementary groups and capabilities; before any thread is started.

    No program started later gets rights either, not through sudo, not through file capabilities. Without a
    user, root stays root (it has nobody to become), and anybody else gives up what capabilities this Python
    has. Raises CaptureError when the kernel refuses.
    """
    if user is None and os.geteuid() == 0:
        return
    try:
        _empty_bounding_set()
        if user is not None:
            os.setgroups([])
            os.setresgid(user.gid, user.gid, user.gid)
            os.setresuid(user.uid, user.uid, user.uid)
            os.environ.update(HOME=user.home, USER=user.name, LOGNAME=user.name)
        _drop_capabilities()
    except OSError as problem:
        raise CaptureError(f"rights could not be given up: {problem.strerror}; stopped") from None
    if user is not None:
        _check_python(user)


def _check_python(user: User) -> None:
    """Modules that are not imported yet must be in reach. Raises CaptureError."""
    for needed in (os.__file__, __file__):
        if not os.access(needed, os.R_OK):
            raise CaptureError(
                f"user {user.name} cannot read {os.path.dirname(needed)}, which synsight needs; "
                "install it where everybody can, name another user with --user, or stay root with --user root"
            )


def _empty_bounding_set() -> None:
    """Only who has CAP_SETPCAP can; others cannot gain anything from the set: see PR_SET_NO_NEW_PRIVS."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(_HIGHEST_CAPABILITY + 1):
        if libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0):
            return  # past the last one, or not allowed


def _drop_capabilities() -> None:
    """Empty every set of this thread. Raises OSError."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    if libc.capset(header, none) or libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
