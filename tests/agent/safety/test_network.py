"""F3: what a box that may use the network reaches: other machines, and not this one's screen, bus and services."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

from deskhand.agent.mcp import box, config, pins
from deskhand.agent.safety import network, sandbox, seccomp

SHOT = """
import socket, struct, sys
# The X protocol by hand: set up, and a picture of the root window; as the display's abstract socket, or its file.
def shot(address):
    with socket.socket(socket.AF_UNIX) as x:
        x.connect(address)
        x.sendall(struct.pack('<BxHHHHxx', ord('l'), 11, 0, 0, 0))
        status, size = struct.unpack('<B5xH', x.recv(8, socket.MSG_WAITALL))
        if status != 1:
            return 'no'
        setup = x.recv(size * 4, socket.MSG_WAITALL)
        vendor, formats = struct.unpack_from('<H', setup, 16)[0], setup[21]
        root = struct.unpack_from('<I', setup, 32 + (vendor + 3 & ~3) + 8 * formats)[0]
        x.sendall(struct.pack('<BBHIhhHHI', 73, 2, 5, root, 0, 0, 10, 10, 0xFFFFFFFF))
        return 'shot' if x.recv(32, socket.MSG_WAITALL)[0] == 1 else 'no'
def bus(address):
    with socket.socket(socket.AF_UNIX) as d:
        d.connect(address)
        d.sendall(b'\\0AUTH EXTERNAL\\r\\n')
        return 'bus' if d.recv(10) else 'no'
def tried(act, address):
    try:
        return act(address)
    except OSError as error:
        return type(error).__name__
number, name = sys.argv[1:]
print(tried(shot, f'\\0/tmp/.X11-unix/X{number}'), tried(shot, f'/tmp/.X11-unix/X{number}'), tried(bus, f'\\0{name}'))
"""


def python(code: str, *arguments: object) -> list[str]:
    return [str(sandbox.interpreter()), "-I", "-S", "-c", textwrap.dedent(code), *map(str, arguments)]


def said(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def bus():
    """A real bus on an abstract socket; its name."""
    name = f"deskhand-bus-{os.getpid()}"
    with subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address", f"--address=unix:abstract={name}"],
        stdout=subprocess.PIPE,
    ) as daemon:
        assert daemon.stdout is not None
        assert name in daemon.stdout.readline().decode()
        yield name
        daemon.terminate()


def test_no_box_takes_a_picture_of_the_screen_or_speaks_on_the_bus(x_display, bus):
    attack = python(SHOT, x_display.lstrip(":"), bus)
    # Without a box it works, so what is tried is the real thing.
    assert said(attack) == "shot shot bus"
    for given in (False, True, network.chosen(True)):
        wrapped = sandbox.wrap(attack, read=[Path("/tmp/.X11-unix")], network=given)
        assert said(wrapped) == "OSError OSError OSError"


@pytest.fixture
def service():
    """A server on this machine's loopback and all its addresses; its port, and who has come."""
    came: list[str] = []
    with socket.create_server(("0.0.0.0", 0)) as server:

        def answer():
            while True:
                try:
                    each, address = server.accept()
                except OSError:
                    return
                came.append(address[0])
                each.close()

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1], came
        server.shutdown(socket.SHUT_RDWR)


def own_addresses() -> list[str]:
    every = [each for addresses in psutil.net_if_addrs().values() for each in addresses]
    return [each.address for each in every if each.family is socket.AF_INET]


REACH = """
import socket, sys
reached = 0
for address in sys.argv[2:]:
    with socket.socket() as each:
        each.settimeout(3)
        reached += each.connect_ex((address, int(sys.argv[1]))) == 0
print(reached, sum('tap' in line for line in open('/proc/net/route')), 'nameserver' in open('/etc/resolv.conf').read())
"""


def test_this_machines_own_services_are_reached_only_where_the_consent_says_so(service):
    port, came = service
    addresses = [*dict.fromkeys(["127.0.0.1", "127.1.2.3", *own_addresses()])]
    attack = python(REACH, port, *addresses, "10.0.2.2")
    reached, routes, names = said(sandbox.wrap(attack, network=network.chosen(True))).split()
    assert names == "True"
    if network.status().works:
        assert (reached, came) == ("0", [])
        assert int(routes) >= 1
        assert network.words(True) == "other machines, but no services that only this one has"
    else:
        assert int(reached) >= len(addresses)
        assert network.words(True) == "any machine, and services on this one"
        assert "slirp4netns" in network.status().text


def test_it_works_here_if_slirp4netns_is_installed_and_may_be_used():
    """A machine that can do it must not say that it can't."""
    able = shutil.which("slirp4netns") is not None and os.access("/dev/net/tun", os.R_OK | os.W_OK)
    assert network.status().works == able, network.status()


def test_what_carries_the_network_ends_with_the_box():
    if not network.status().works:
        assert network.chosen(True) is True
        return
    with subprocess.Popen(
        sandbox.wrap(python("import time; print('runs', flush=True); time.sleep(100)"), network=network.chosen(True)),
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"runs\n"
        below = psutil.Process(process.pid).children(recursive=True)
        assert "slirp4netns" in {each.name() for each in below}
        os.kill(process.pid, signal.SIGKILL)
    gone, left = psutil.wait_procs(below, 20)
    assert not left
    assert len(gone) == len(below)


@pytest.mark.parametrize("fails", ["at once", "without a word", "later"])
def test_a_box_whose_network_fails_does_not_start_in_another(tmp_path, fails):
    slirp = tmp_path / "slirp4netns"
    how = {"at once": "exit 1", "without a word": "exit 0", "later": "sleep 1; exit 1"}[fails]
    slirp.write_text(f"#!/bin/sh\n{how}\n")
    slirp.chmod(0o755)
    done = subprocess.run(
        sandbox.wrap(python("print('ran')"), network=slirp), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "got no network of its own: slirp4netns could not connect it" in done.stderr


def test_who_is_given_this_machines_services_reaches_them_and_the_consent_says_so(service):
    """And not the screen, which needs no network to be closed."""
    port, came = service
    assert said(sandbox.wrap(python(REACH, port, "127.0.0.1"), network=network.chosen("machine"))).startswith("1 ")
    assert came == ["127.0.0.1"]
    server = config.checked("x", {"command": "true", "deskhand": {"network": "machine"}})
    assert box.touches(server)[-1] == "network: any machine, and services on this one"
    assert network.words(False) == "none"
    assert network.chosen(False) is False


@pytest.mark.parametrize("why", ["missing", "broken", "no sandbox"])
def test_what_does_not_hold_is_said(monkeypatch, tmp_path, why):
    if why == "missing":
        monkeypatch.setattr(network.shutil, "which", lambda _name: None)
    elif why == "broken":
        (tmp_path / "slirp4netns").write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / "slirp4netns").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    else:
        monkeypatch.setattr(sandbox, "status", lambda: sandbox.Status(works=False, text="none"))
    status = network.status.__wrapped__()
    assert not status.works
    expected = {"missing": "is not installed", "broken": "does not work here", "no sandbox": "servers do not start"}[
        why
    ]
    assert expected in status.text
    monkeypatch.setattr(network, "status", lambda: status)
    assert network.chosen(True) is True
    assert network.words(True) == "any machine, and services on this one"


def test_the_consent_says_what_the_network_is_and_asks_again_when_that_changes(monkeypatch):
    server = config.checked("x", {"command": "true", "deskhand": {"network": True}})
    before = {}
    for works in (True, False):
        monkeypatch.setattr(network, "status", lambda works=works: network.Status(works, ""))
        before[works] = (pins.of_config(server), box.touches(server)[-1])
    assert before[True][1] == "network: other machines, but no services that only this one has"
    assert before[False][1] == "network: any machine, and services on this one"
    assert before[True][0] != before[False][0]
    # A processor without a filter of system calls: abstract sockets are in the machine's network.
    monkeypatch.setattr(seccomp, "path", lambda: "")
    assert box.touches(server)[-1].endswith("; it can see and control your screen")
    monkeypatch.setattr(network, "status", lambda: network.Status(works=True, text=""))
    assert "screen" not in box.touches(server)[-1]


def test_a_box_with_network_waits_for_nothing_that_is_not_there():
    began = time.monotonic()
    assert said(sandbox.wrap(python("print(1)"), network=network.chosen(True))) == "1"
    assert time.monotonic() - began < 60
