"""Which system calls a boxed program may not make, as a classic BPF program for bubblewrap's ``--seccomp``.

A list of what is denied and not of what is allowed: tools are Python, Node and whatever a skill brings, and a new
libc must not break them. Denied is what has let programs out of boxes before (kernel keys, BPF, io_uring, user
namespaces and mounts of one's own, userfaultfd, performance events), what looks into other processes, what takes
memory or disk that no limit counts, and every socket but those of the internet (docs/adr/0034). Numbers: Linux 6.18,
``arch/x86/entry/syscalls/syscall_64.tbl`` and ``include/uapi/asm-generic/unistd.h``; layout and return values:
``include/uapi/linux/seccomp.h``.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Iterable
from errno import EAFNOSUPPORT, EINVAL, ENOSYS, EOPNOTSUPP, EPERM, EPROTONOSUPPORT, EPROTOTYPE
from functools import lru_cache

_X86_64, _AARCH64 = 0xC000003E, 0xC00000B7
MACHINES = {"x86_64": _X86_64, "aarch64": _AARCH64}
"""Machines the filter is written for, with the kernel's number for their calling convention."""

DENIED: dict[str, tuple[int, int]] = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "bpf": (321, 280), "userfaultfd": (323, 282), "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "quotactl": (179, 60),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "swapon": (167, 224), "swapoff": (168, 225), "reboot": (169, 142), "acct": (163, 89),
    "syslog": (103, 116), "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266),
    "adjtimex": (159, 171), "vhangup": (153, 58), "lookup_dcookie": (212, 18), "vmsplice": (278, 75),
}  # fmt: skip
"""System calls that are refused, with their numbers on x86_64 and aarch64."""

ABSENT: dict[str, tuple[int, int]] = {
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "semget": (64, 190),
    "msgget": (68, 186),
}  # fmt: skip
"""Likewise, memory that belongs to no process and so counts for none: as if the kernel had no such calls."""

UNSUPPORTED: dict[str, tuple[int, int]] = {
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "setxattrat": (463, 463),
}  # fmt: skip
"""Likewise, what takes room on some disks that no size tells: as if the disk had no extended attributes."""

_DENIED_X86 = {"iopl": 172, "ioperm": 173, "modify_ldt": 154, "uselib": 134, "_sysctl": 156, "ustat": 136}
CLONE, _CLONE3, IOCTL = (56, 220), (435, 435), (16, 29)
SOCKET, SOCKETPAIR, SETSOCKOPT = (41, 198), (53, 199), (54, 208)
MMAP, CLOSE_RANGE, PRCTL = (9, 222), (436, 436), (157, 167)
_NEW_NAMESPACES = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET (``include/uapi/linux/sched.h``)."""
_THREAD, _FILES = 0x00010000, 0x00000400
"""CLONE_THREAD and CLONE_FILES: a thread with open files of its own would hide them from who counts them."""
_SHARED_NAMELESS, _HUGE = 0x21, 0x40000
"""MAP_SHARED with MAP_ANONYMOUS, memory that stays when nobody has it mapped; MAP_HUGETLB, which counts nowhere."""
_INTERNET, _NETLINK, _PROTOCOLS = (2, 10), 16, (0, 1, 6, 17, 58)
"""AF_INET and AF_INET6 with any, ICMP, TCP, UDP, ICMPv6; of AF_NETLINK its protocol 0, which tells the addresses."""
_DATAGRAM, _TYPE = 2, 0xF
"""SOCK_DGRAM: a socket of a pair of these can still be sent from to any name, those of streams can't."""
_SOL_SOCKET, _BUFFERS = 1, (7, 8, 32, 33)
"""SO_SNDBUF, SO_RCVBUF and the two that force it: memory that belongs to no process."""
_TERMINAL = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX, with which a program types into the terminal it was started from."""
_X32 = 0x40000000
"""Bit of the numbers of x86_64's second calling convention, by which denied numbers could be reached."""

_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCH, _FIRST, _SECOND, _THIRD, _FOURTH = 0, 4, 16, 24, 32, 40
"""Offsets in ``struct seccomp_data``: the number, the machine, and the lower halves of the first four arguments."""

_Instruction = tuple[int, int, int, int]


def program(machine: str) -> bytes:
    """The filter for ``machine``, a key of `MACHINES`: instructions of eight bytes."""
    row = list(MACHINES).index(machine)
    code: list[_Instruction] = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, MACHINES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        code += _if(_AT_LEAST, _X32, ENOSYS)
        code += [step for number in _DENIED_X86.values() for step in _if(_EQUAL, number, EPERM)]
    # Its flags are behind a pointer, which no filter can follow; told that there is none, libc takes clone.
    code += _if(_EQUAL, _CLONE3[row], ENOSYS)
    for calls, errno in ((DENIED, EPERM), (ABSENT, ENOSYS), (UNSUPPORTED, EOPNOTSUPP)):
        for numbers in calls.values():
            code += _if(_EQUAL, numbers[row], errno)
    for numbers, tests in _arguments():
        steps = [*tests, (_RETURN, 0, 0, _ALLOW)]
        code += [(_EQUAL, 0, len(steps), numbers[row]), *steps]
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in code)


def _arguments() -> Iterable[tuple[tuple[int, int], list[_Instruction]]]:
    """Calls that depend on their arguments, each with its tests; what these do not refuse is allowed."""
    first, second, third, fourth = ((_LOAD, 0, 0, offset) for offset in (_FIRST, _SECOND, _THIRD, _FOURTH))
    own_files = [(_AND, 0, 0, _THREAD | _FILES), *_if(_EQUAL, _THREAD, EPERM)]
    yield CLONE, [first, *_if(_ANY_BIT, _NEW_NAMESPACES, EPERM), *own_files]
    yield IOCTL, [second, *(step for each in _TERMINAL for step in _if(_EQUAL, each, EPERM))]
    yield (
        MMAP,
        [
            fourth,
            *_if(_ANY_BIT, _HUGE, EPERM),
            (_AND, 0, 0, _SHARED_NAMELESS),
            *_if(_EQUAL, _SHARED_NAMELESS, EPERM),
        ],
    )
    yield CLOSE_RANGE, [third, *_if(_ANY_BIT, 2, EINVAL)]  # CLOSE_RANGE_UNSHARE: as _FILES
    yield (
        SOCKETPAIR,
        [
            second,
            (_AND, 0, 0, _TYPE),
            (_EQUAL, 2, 0, _DATAGRAM),
            (_EQUAL, 1, 0, 3),  # SOCK_RAW, which is the same here
            (_RETURN, 0, 0, _ALLOW),
            (_RETURN, 0, 0, _ERRNO | EPROTOTYPE),
        ],
    )
    unknown = (_RETURN, 0, 0, _ERRNO | EPROTONOSUPPORT)
    netlink, internet = ([third, *_unless(known), unknown] for known in ((0,), _PROTOCOLS))
    yield (
        SOCKET,
        [
            first,
            (_EQUAL, 3 + len(netlink), 0, _INTERNET[0]),
            (_EQUAL, 2 + len(netlink), 0, _INTERNET[1]),
            (_EQUAL, 1, 0, _NETLINK),
            (_RETURN, 0, 0, _ERRNO | EAFNOSUPPORT),
            *netlink,
            *internet,
        ],
    )
    # PR_SET_DUMPABLE, which hides from who counts what a process has open. Told that it was done, as below.
    yield PRCTL, [first, *_if(_EQUAL, 4, 0)]
    # Told that it was done: who asks for a larger buffer must work with what it gets anyway.
    yield (
        SETSOCKOPT,
        [
            second,
            (_EQUAL, 1, 0, _SOL_SOCKET),
            (_RETURN, 0, 0, _ALLOW),
            third,
            *(step for each in _BUFFERS for step in _if(_EQUAL, each, 0)),
        ],
    )


def _if(test: int, value: int, errno: int) -> list[_Instruction]:
    """Refuse with ``errno`` if the test holds for what was loaded."""
    return [(test, 0, 1, value), (_RETURN, 0, 0, _ERRNO | errno)]


def _unless(values: Iterable[int]) -> list[_Instruction]:
    """Allow if what was loaded is one of ``values``, else go on."""
    return [step for value in values for step in ((_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ALLOW))]


@lru_cache(maxsize=1)
def path() -> str:
    """A path from which a child of this process can read the filter; empty where there is none for this machine.

    A file of memory that lasts as long as this process: nobody can put another one in its place.
    """
    machine = platform.machine()
    if machine not in MACHINES or ctypes.sizeof(ctypes.c_void_p) != 8:
        return ""
    descriptor = os.memfd_create("seccomp", os.MFD_CLOEXEC)
    os.write(descriptor, program(machine))
    return f"/proc/{os.getpid()}/fd/{descriptor}"
