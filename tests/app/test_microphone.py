"""Real recordings through PortAudio from a PulseAudio daemon of the tests' own."""

import json
import os
import subprocess
import sys
import wave
from types import SimpleNamespace

import numpy as np
import pytest

from deskhand.app import portaudio, virtual
from deskhand.app.microphone import Recorder, is_silent, level_of
from deskhand.model.types import SAMPLE_RATE, Audio


def in_child(code, environment, *, quiet=True):
    """Run Python where PortAudio starts anew: it reads the server's address once."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" or not quiet
    return json.loads(done.stdout)


RECORD = """
import json, sys, time
from pathlib import Path
import numpy as np
from deskhand.app import microphone, virtual
levels = []
recorder = microphone.Recorder(most_seconds={most}, on_end=lambda: None)
recorder.start(levels.append)
{during}
percept = recorder.stop()
samples = np.frombuffer(percept.audio.samples, "<f4")
print(json.dumps(dict(
    seconds=percept.audio.seconds, energy=float(np.sqrt(np.mean(samples ** 2))),
    levels=len(levels), loudest=max(levels),
    silent=microphone.is_silent(percept.audio), note=recorder.note, source=percept.source,
    first=int(np.argmax(np.abs(samples) > 0.02)), status=microphone.status())))
"""


@pytest.fixture(scope="session")
def speech(tmp_path_factory):
    path = virtual.speak("Remind me in ten minutes to stretch.", tmp_path_factory.mktemp("speech") / "speech.wav")
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
        return path, file.getnframes() / file.getframerate(), float(np.sqrt(np.mean(samples**2)))


def test_records_all_of_what_is_said(microphone, speech):
    path, seconds, energy = speech
    during = f"virtual.play(Path({str(path)!r})); time.sleep(0.4)"
    heard = in_child(RECORD.format(most=30, during=during), microphone)
    # paplay takes a moment to connect and to drain; nothing of the speech itself may be missing.
    assert seconds <= heard["seconds"] < seconds + 5
    assert heard["energy"] == pytest.approx(energy * (seconds / heard["seconds"]) ** 0.5, rel=0.15)
    assert heard["levels"] >= heard["seconds"] * 20
    assert 0.4 < heard["loudest"] <= 1
    assert not heard["silent"]
    assert heard["note"] == ""
    assert heard["status"][0] is True


def test_a_silent_microphone_is_noticed(microphone):
    heard = in_child(RECORD.format(most=30, during="while recorder.seconds <= 0.3: time.sleep(0.02)"), microphone)
    assert heard["silent"]
    assert heard["seconds"] > 0.3
    assert heard["loudest"] == 0


def test_ends_by_itself_at_the_longest_length(microphone):
    during = "while not recorder.note: time.sleep(0.02)"
    heard = in_child(RECORD.format(most=0.5, during=during), microphone)
    assert heard["seconds"] == 0.5
    assert "Ended after" in heard["note"]


def test_a_microphone_that_goes_away_keeps_what_was_said(speech):
    path, seconds, _ = speech
    # A daemon of this test's own, ended by its id in the middle of the recording.
    code = f"""
import json, os, time
from pathlib import Path
from deskhand.app import virtual
import psutil
with virtual.microphone() as environment:
    os.environ.update(environment)
    from deskhand.app import microphone
    recorder = microphone.Recorder(on_end=lambda: None)
    recorder.start()
    virtual.play(Path({str(path)!r}))
    (daemon,) = [child for child in psutil.Process().children() if child.name() == 'pulseaudio']
    daemon.kill()
    while not recorder.note: time.sleep(0.05)
    percept = recorder.stop()
    silent = microphone.is_silent(percept.audio)
    print(json.dumps(dict(seconds=percept.audio.seconds, note=recorder.note, silent=silent)))
"""
    # PortAudio's own thread complains when its device goes.
    heard = in_child(code, {}, quiet=False)
    assert heard["seconds"] > seconds * 0.8
    assert not heard["silent"]
    assert "unplugged" in heard["note"]


def test_a_headset_whose_channels_have_opposite_polarity_is_heard(microphone, speech, tmp_path):
    """Report 7 for what is recorded: a sound server's own mix to mono would be silence."""
    path, _, energy = speech
    with wave.open(str(path)) as file:
        rate, voice = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2")
    opposite = tmp_path / "opposite.wav"
    with wave.open(str(opposite), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.stack([voice, -voice], axis=1).tobytes())
    load = ["pactl", "load-module", "module-null-sink", "sink_name=headset", "rate=16000", "channels=2"]
    environment = {**os.environ, **microphone}
    module = subprocess.run(load, env=environment, capture_output=True, text=True, check=True).stdout.strip()
    try:
        during = f"virtual.play(Path({str(opposite)!r})); time.sleep(0.4)"
        devices = {"PULSE_SINK": "headset", "PULSE_SOURCE": "headset.monitor"}
        heard = in_child(RECORD.format(most=30, during=during), {**microphone, **devices})
    finally:
        subprocess.run(["pactl", "unload-module", module], env=environment, check=True)
    assert not heard["silent"]
    assert heard["energy"] > energy / 3


class Device:
    """An audio interface in place of the real ones, whose channels and rates this machine does not have.

    Args:
        channels: that it has.
        takes: numbers of channels that it can be opened with.
        voice: the channel that gives sound.
    """

    PortAudioError = type("PortAudioError", (Exception,), {})

    def __init__(self, channels: int, takes: set[int], voice: int) -> None:
        self.default = SimpleNamespace(device=(0, 0))
        self._own = {"name": "Interface", "max_input_channels": channels, "default_samplerate": 48_000.0}
        self._takes, self._voice = takes, voice

    def query_devices(self, index: int | None = None):
        return [self._own] if index is None else self._own

    def InputStream(self, *, samplerate, blocksize, device, channels, dtype, callback):  # noqa: N802 - PortAudio's name
        assert (device, dtype) == (0, "float32")
        if channels not in self._takes or samplerate != 48_000:
            raise self.PortAudioError("Invalid number of channels [PaErrorCode -9998]")
        block = np.zeros((blocksize, channels), np.float32)
        if self._voice < channels:
            block[:, self._voice] = 0.5 * np.sin(2 * np.pi * 440 * np.arange(blocksize) / samplerate)
        return SimpleNamespace(start=lambda: callback(block, blocksize, None, None), close=lambda ignore_errors: None)


@pytest.mark.parametrize(
    ("channels", "takes", "voice"),
    [(2, {2}, 0), (2, {1, 2}, 1), (4, {4}, 3), (2, {1}, 0), (32, {32}, 1), (1, {1}, 0)],
)
def test_a_device_is_opened_with_the_channels_that_it_takes_and_each_is_heard(monkeypatch, channels, takes, voice):
    """Report E9: a device that refuses mono, and a voice on its second channel."""
    monkeypatch.setattr(portaudio, "_library", lambda: Device(channels, takes, voice))
    recorder = Recorder()
    recorder.start()
    percept = recorder.stop()
    assert not is_silent(percept.audio)
    assert np.abs(np.frombuffer(percept.audio.samples, "<f4")).max() == pytest.approx(0.5, abs=0.1)


def test_a_device_that_takes_nothing_is_told_without_codes(monkeypatch):
    monkeypatch.setattr(portaudio, "_library", lambda: Device(2, set(), 0))
    with pytest.raises(
        portaudio.MicrophoneError, match=r"“Interface” can't be opened \(Invalid number of channels\)\."
    ):
        Recorder().start()


def test_without_a_microphone_a_sentence_says_what_to_do(tmp_path):
    code = """
import json
from deskhand.app import microphone
try:
    microphone.Recorder().start()
except microphone.MicrophoneError as error:
    print(json.dumps([str(error), microphone.devices(), microphone.status()]))
"""
    sentence, devices, (works, words) = in_child(code, {"PULSE_SERVER": f"unix:{tmp_path}/nobody"})
    assert "no microphone" in sentence.lower()
    assert devices == []
    assert not works
    assert words == sentence


def test_what_was_given_while_recording_begins_what_was_recorded(microphone, speech):
    path, seconds, _ = speech
    code = f"""
import json
from pathlib import Path
from deskhand.app import microphone, virtual
given = []
recorder = microphone.Recorder(on_sound=given.append)
recorder.start()
virtual.play(Path({str(path)!r}))
whole = recorder.stop().audio
print(json.dumps(dict(
    seconds=[percept.audio.seconds for percept in given],
    begins=[whole.samples.startswith(percept.audio.samples) for percept in given],
    growing=[percept.audio.growing for percept in given], whole=whole.growing, left=whole.seconds)))
"""
    heard = in_child(code, microphone)
    assert all(heard["begins"])
    assert all(heard["growing"])
    assert not heard["whole"]
    assert len(heard["seconds"]) >= seconds * 4
    # Never less than 200 ms, never much more: a block is 40.
    steps = np.diff([0, *heard["seconds"], heard["left"]])
    assert min(steps[:-1]) > 0.19
    assert max(steps) < 0.28


def test_levels_and_silence():
    assert level_of(np.zeros(640, np.float32)) == 0
    assert level_of(np.ones(640, np.float32)) == 1
    assert level_of(np.full(640, 10 ** (-30 / 20), np.float32)) == pytest.approx(0.5)
    assert level_of(np.empty(0, np.float32)) == 0
    noise = np.random.default_rng(1).standard_normal(SAMPLE_RATE)
    room = Audio((noise * 10 ** (-60 / 20)).astype("<f4").tobytes())
    muted = Audio((noise * 10 ** (-85 / 20)).astype("<f4").tobytes())
    offset = Audio(np.full(SAMPLE_RATE, 0.2, "<f4").tobytes())
    assert [is_silent(sound) for sound in (room, muted, offset, Audio(b""))] == [False, True, True, True]
