import wave

import av
import numpy as np
import pytest

from deskhand.model import sound
from deskhand.model.errors import PromptError
from deskhand.model.types import Audio


def clip(samples) -> Audio:
    return Audio(np.asarray(samples, "<f4").tobytes())


def tone(seconds: float, rate: int = 16_000) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)).astype("<f4")


@pytest.mark.parametrize(("samples", "tokens"), [(0, 1), (1, 1), (639, 1), (640, 1), (641, 2), (160_000, 250)])
def test_one_token_for_each_begun_frame(samples, tokens):
    audio = clip(np.ones(samples))
    assert sound.audio_tokens(audio) == tokens
    (piece,) = sound.pieces(audio)
    assert piece.shape == (tokens, 640)
    assert piece.ravel()[:samples].all()
    assert not piece.ravel()[samples:].any()


def test_broken_samples_become_silence():
    samples = sound.samples_of(clip([0.5, np.nan, np.inf, -np.inf, 2.0, -3.0]))
    np.testing.assert_array_equal(samples, [0.5, 0, 0, 0, 1, -1])


def test_ten_minutes_are_cut_into_pieces_that_add_up():
    samples = np.random.default_rng(0).uniform(-1, 1, 600 * 16_000).astype("<f4")
    pieces = sound.pieces(clip(samples))
    assert all(len(piece) <= sound.PIECE_FRAMES for piece in pieces)
    assert sum(map(len, pieces)) == sound.audio_tokens(clip(samples)) == 15_000
    np.testing.assert_array_equal(np.concatenate(pieces).ravel(), samples)


def test_a_long_clip_is_cut_in_its_pause():
    samples = np.concatenate([tone(24), np.zeros(8_000, "<f4"), tone(20)])
    first, second = sound.pieces(clip(samples))
    cut = first.size / 16_000
    assert 24 < cut < 24.5
    assert first.size + second.size >= samples.size


def test_silence_is_cut_as_late_as_allowed():
    first, _ = sound.pieces(clip(np.zeros(40 * 16_000)))
    assert sound.PIECE_FRAMES - 5 <= len(first) <= sound.PIECE_FRAMES


def test_reads_wave_files_of_any_rate(tmp_path):
    path = tmp_path / "a.wav"
    stereo = np.repeat((tone(1, 44_100) * 32767).astype("<i2"), 2)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(stereo.tobytes())
    samples = np.frombuffer(sound.read_audio(path).samples, "<f4")
    assert abs(samples.size - 16_000) < 40
    assert np.corrcoef(samples[200:15_000], tone(1)[200:15_000])[0, 1] > 0.999


@pytest.mark.parametrize(("suffix", "codec"), [("flac", "flac"), ("ogg", "libopus"), ("mp3", "libmp3lame")])
def test_reads_compressed_files(tmp_path, suffix, codec):
    path = tmp_path / f"a.{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray((tone(1, 48_000) * 32767).astype("<i2")[None], format="s16", layout="mono")
        frame.rate = 48_000
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=48_000)
        fifo = av.AudioFifo()
        for block in resampler.resample(frame):
            fifo.write(block)
        size = stream.frame_size or 1024
        while (block := fifo.read(size, partial=True)) is not None:
            container.mux(stream.encode(block))
        container.mux(stream.encode(None))
    samples = np.frombuffer(sound.read_audio(path).samples, "<f4")
    assert abs(samples.size - 16_000) < 2_000
    assert 0.3 < samples.std() < 0.4


def test_bad_files_are_refused_in_words(tmp_path):
    with pytest.raises(PromptError, match="There is no sound file"):
        sound.read_audio(tmp_path / "none.wav")
    text = tmp_path / "text.wav"
    text.write_text("not a sound")
    with pytest.raises(PromptError, match="not a sound file"):
        sound.read_audio(text)
    long = tmp_path / "long.wav"
    with wave.open(str(long), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(64_000))
    with pytest.raises(PromptError, match="Please cut it"):
        sound.read_audio(long, limit_seconds=1)


def test_a_clip_without_its_tail_ends_after_its_last_loud_frame():
    said = np.zeros(32_000, "<f4")
    said[8000:16_000] = 0.5
    cut = sound.without_tail(Audio(said.tobytes()), 0.1)
    assert len(cut.samples) == 4 * (16_000 + 1600)
    assert cut.samples == said[: 16_000 + 1600].tobytes()
    assert sound.without_tail(cut, 0.1) is cut


@pytest.mark.parametrize("level", [0.0, 0.1])
def test_silence_and_steady_noise_stay_whole(level):
    noise = (level * np.random.default_rng(0).standard_normal(16_001)).astype("<f4")
    clip = Audio(noise.tobytes())
    assert sound.without_tail(clip, 0.0).samples[: 4 * 15_360] == noise[:15_360].tobytes()
    empty = Audio(b"")
    assert sound.without_tail(empty, 0.0) is empty
