"""Connects a box to the network and starts it: ``netns.py SLIRP BWRAP ARGUMENT…``. A script of its own.

bubblewrap makes the box with a network of its own and waits; slirp4netns carries packets out of that, and nothing to
the loopback of this machine. This machine's other addresses become the box's own, so that they lead nowhere else. If
any of it fails the box does not start. Constants: ``linux/nsfs.h``, ``linux/sockios.h``, ``linux/sched.h``,
``linux/prctl.h``.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys

_NS_GET_USERNS = 0xB701
_SIOCGIFCONF, _SIOCSIFADDR = 0x8912, 0x8916
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4
_MOST_INTERFACES = 200
NAMESERVER = "10.0.2.3"
"""At which slirp4netns answers with this machine's own name server (slirp4netns(1))."""


def main() -> None:
    """Start the box, connect it, let it go on, and end with it."""
    slirp, bwrap, *arguments = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    told, telling = os.pipe()
    waiting, going = os.pipe()
    names = os.memfd_create("resolv.conf")
    os.write(names, f"nameserver {NAMESERVER}\n".encode())
    os.lseek(names, 0, os.SEEK_SET)
    box = os.fork()
    if box == 0:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        for descriptor in (telling, waiting, names):
            os.set_inheritable(descriptor, True)
        own = ["--info-fd", str(telling), "--block-fd", str(waiting), "--ro-bind-data", str(names), "/etc/resolv.conf"]
        os.execv(bwrap, [bwrap, *own, *arguments])  # noqa: S606 - no shell
    for descriptor in (telling, waiting, names):
        os.close(descriptor)
    # What the box says is not ours to hold open.
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    ends = [box]
    try:
        inside = _first(told)
        # It would go on without bubblewrap, of which it does not yet know whether it lives.
        ends.insert(0, inside)
        guide = _guide(inside, libc)
        carrier = _connect(slirp, guide, libc)
        os.kill(guide, signal.SIGKILL)
        os.waitpid(guide, 0)
    except (OSError, ValueError, KeyError) as error:
        for each in ends:
            os.kill(each, signal.SIGKILL)
        os.waitpid(box, 0)
        sys.stderr.write(f"The sandbox got no network of its own: {error}\n")
        sys.exit(1)
    os.write(going, b"\n")
    _, status = os.waitpid(box, 0)
    carrier.kill()
    code = os.waitstatus_to_exitcode(status)
    sys.exit(code if code >= 0 else 128 - code)


def _first(told: int) -> int:
    """The first process of the box, as bubblewrap tells it."""
    text = b""
    while chunk := os.read(told, 4096):
        text += chunk
    return json.loads(text)["child-pid"]


def _connect(slirp: str, guide: int, libc: ctypes.CDLL) -> subprocess.Popen[bytes]:
    """Start slirp4netns in the namespaces of ``guide`` and wait until it carries."""
    ready, done = os.pipe()
    options = ["--configure", "--mtu=65520", "--disable-host-loopback", "--enable-sandbox", f"--ready-fd={done}"]
    carrier = subprocess.Popen(
        [slirp, *options, str(guide), "tap0"],
        env={},
        pass_fds=(done,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0),  # noqa: PLW1509 - one thread only
    )
    os.close(done)
    if os.read(ready, 1) != b"1":
        raise OSError("slirp4netns could not connect it")
    os.close(ready)
    return carrier


def _addresses() -> list[bytes]:
    """The IPv4 addresses of this machine, but for its loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        room = ctypes.create_string_buffer(40 * _MOST_INTERFACES)
        request = struct.pack("iP", len(room), ctypes.addressof(room))
        (size, _) = struct.unpack("iP", fcntl.ioctl(asking, _SIOCGIFCONF, request))
    found = [room.raw[at + 20 : at + 24] for at in range(0, size, 40)]
    return [address for address in found if address[0] != 127]


def _guide(inside: int, libc: ctypes.CDLL) -> int:
    """Start a process in the box's network and the user namespace that this belongs to; bubblewrap is in an inner one.

    It gives the loopback of the box this machine's addresses, and shows slirp4netns the way.
    """
    net = os.open(f"/proc/{inside}/ns/net", os.O_RDONLY)
    user = fcntl.ioctl(net, _NS_GET_USERNS)
    addresses = _addresses()
    there, arrived = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if libc.setns(user, _CLONE_NEWUSER) == libc.setns(net, _CLONE_NEWNET) == 0:
                # Without this only root could look at it.
                libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
                _claim(addresses)
                os.write(arrived, b"1")
                signal.pause()
        finally:
            os._exit(1)
    os.close(arrived)
    if os.read(there, 1) != b"1":
        raise OSError("this machine's own addresses could not be closed")
    return child


def _claim(addresses: list[bytes]) -> None:
    """Give the loopback of where this process is these addresses too."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for number, address in enumerate(addresses):
            where = struct.pack("HH4s8x", socket.AF_INET, 0, address)
            fcntl.ioctl(asking, _SIOCSIFADDR, struct.pack("16s16s8x", f"lo:{number}".encode(), where))


if __name__ == "__main__":
    main()
