"""The filter, run by a small machine of our own for both kinds of processors; test_escapes runs it in the kernel."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.agent.safety import seccomp

ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026


def run(program, machine, number, first=0, second=0):
    """Classic BPF as the kernel runs it on ``struct seccomp_data``; returns the action and how many steps it took."""
    data = struct.pack("=iIQQQQQQQ", number - (1 << 32) * (number >> 31), machine, 0, first, second, 0, 0, 0, 0)
    steps = list(struct.iter_unpack("=HBBI", program))
    at = accumulator = taken = 0
    while True:
        code, yes, no, value = steps[at]
        at, taken = at + 1, taken + 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif code == 0x06:
            return value, taken
        else:
            holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
            at += yes if holds else no


@pytest.fixture(params=seccomp.MACHINES)
def machine(request):
    program = seccomp.program(request.param)
    return list(seccomp.MACHINES).index(request.param), lambda *call: run(
        program, seccomp.MACHINES[request.param], *call
    )[0]


def test_what_is_denied_is_refused_and_the_rest_allowed(machine):
    row, call = machine
    denied = {numbers[row] for numbers in seccomp.DENIED.values()}
    x86 = {172, 173, 154, 134, 156, 136} if row == 0 else set()
    for number in range(500):
        expected = ENOSYS if number == 435 else EPERM if number in denied | x86 else ALLOW
        assert call(number) == expected, number


def test_clone_makes_threads_and_processes_but_no_namespaces(machine):
    row, call = machine
    clone = seccomp.CLONE[row]
    assert call(clone, 0x003D0F00) == ALLOW  # a thread of glibc
    assert call(clone, 0x01200011) == ALLOW  # fork
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert call(clone, flag | 17) == EPERM


def test_nobody_types_into_the_terminal(machine):
    row, call = machine
    ioctl = seccomp.IOCTL[row]
    assert call(ioctl, 0, 0x5413) == ALLOW
    assert call(ioctl, 0, 0x5412) == call(ioctl, 0, 0x541C) == EPERM
    # The kernel takes the lower half of the request only.
    assert call(ioctl, 0, 0xFF_0000_5412) == EPERM


def test_x86_64_has_no_second_numbers():
    program = seccomp.program("x86_64")
    for number in (0x40000000, 0x40000000 + 101, 0xFFFFFFFF):
        assert run(program, seccomp.MACHINES["x86_64"], number)[0] == ENOSYS


def test_another_calling_convention_is_the_end():
    for name, other in (("x86_64", 0x40000003), ("aarch64", 0x40000028)):
        assert run(seccomp.program(name), other, 0)[0] == KILL


@given(
    st.sampled_from(list(seccomp.MACHINES)),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1),
)
def test_every_call_comes_to_an_end(name, number, first, second):
    action, taken = run(seccomp.program(name), seccomp.MACHINES[name], number, first, second)
    assert action in {ALLOW, EPERM, ENOSYS}
    assert taken < 200


def test_the_filter_can_be_read_by_children_and_is_nobodys_to_change():
    import subprocess

    read = subprocess.run(["cat", seccomp.path()], capture_output=True, check=True).stdout
    assert read in {seccomp.program(name) for name in seccomp.MACHINES}
