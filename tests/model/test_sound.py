import wave
from pathlib import Path

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


def speech(seconds: float = 2.0) -> np.ndarray:
    """Noise in syllables: as broad and as broken as speech."""
    at = np.arange(int(seconds * 16_000)) / 16_000
    noise = np.random.default_rng(1).normal(0, 0.1, at.size)
    return (noise * np.clip(np.sin(2 * np.pi * 3 * at), 0, 1)).astype("<f4")


def decibels(of: np.ndarray, to: np.ndarray) -> float:
    return 10 * np.log10(np.square(of, dtype=float).mean() / np.square(to, dtype=float).mean() + 1e-30)


def written(path, *channels) -> Path:
    """A WAV file of these channels."""
    data = np.clip(np.stack(channels, axis=1) * 32767, -32768, 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(data.shape[1])
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(data.tobytes())
    return path


VOICE = speech()
NOTHING = np.zeros_like(VOICE)
OTHER = np.roll(VOICE, 16_000 // 3)


@pytest.mark.parametrize(
    "channels",
    [
        (VOICE, -VOICE),
        (VOICE, -0.8 * VOICE),
        (VOICE + 0.2, 0.2 - VOICE),
        (VOICE, NOTHING),
        (NOTHING, VOICE),
        (VOICE, VOICE),
        (VOICE, OTHER),
        (VOICE, -np.roll(VOICE, 2)),
        (NOTHING, NOTHING, VOICE),
        (NOTHING, NOTHING, NOTHING, VOICE, NOTHING, NOTHING),
        (VOICE, -VOICE, VOICE, -VOICE),
        (NOTHING,) * 7 + (VOICE,),
    ],
    ids=lambda channels: str(len(channels)),
)
def test_nothing_that_is_in_one_channel_is_lost(tmp_path, channels):
    """Report 7: opposite polarity, one silent channel, sound in the channel for low tones or at the back only."""
    heard = sound.samples_of(sound.read_audio(written(tmp_path / "a.wav", *channels)))
    assert abs(decibels(heard - heard.mean(), VOICE)) < 6.1


def test_channels_that_turn_round_in_the_middle_are_heard_again_soon(tmp_path):
    voice = speech(8)
    turned = np.concatenate([voice[: 4 * 16_000], -voice[4 * 16_000 :]])
    heard = sound.samples_of(sound.read_audio(written(tmp_path / "a.wav", voice, turned)))
    assert abs(decibels(heard[: 4 * 16_000], voice[: 4 * 16_000])) < 6.1
    assert abs(decibels(heard[7 * 16_000 :], voice[7 * 16_000 :])) < 6.1


def test_one_channel_stays_as_it_is_to_the_bit():
    block = VOICE.reshape(-1, 1)
    np.testing.assert_array_equal(sound.Downmix().feed(block), VOICE)


def test_what_was_mixed_does_not_depend_on_what_follows():
    both = np.stack([VOICE, -OTHER], axis=1)
    whole, begun = sound.Downmix(), sound.Downmix()
    mixed = [whole.feed(both[at : at + 640]) for at in range(0, 12_800, 640)]
    np.testing.assert_array_equal(mixed[:5], [begun.feed(both[at : at + 640]) for at in range(0, 3200, 640)])


@pytest.mark.parametrize("broken", [np.nan, np.inf, 1e30])
def test_a_channel_that_delivers_no_numbers_leaves_the_others(broken):
    both = np.stack([VOICE, np.full_like(VOICE, broken)], axis=1)
    assert np.isfinite(sound.Downmix().feed(both)).all()


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


def test_recordings_joined_to_one_file_are_all_heard(tmp_path):
    """Report 7: the number of channels changes in the middle."""
    joined = b""
    for layout, channels in (("mono", 1), ("stereo", 2), ("mono", 1)):
        path = tmp_path / f"{layout}.aac"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=16_000, layout=layout)
            frame = av.AudioFrame.from_ndarray(
                np.stack([speech(1).astype("f4")] * channels), format="fltp", layout=layout
            )
            frame.rate = 16_000
            for packet in (*stream.encode(frame), *stream.encode(None)):
                container.mux(packet)
        joined += path.read_bytes()
    (tmp_path / "joined.aac").write_bytes(joined)
    heard = np.frombuffer(sound.read_audio(tmp_path / "joined.aac").samples, "<f4")
    assert heard.size > 3 * 16_000
    for part in np.array_split(heard, 3):
        assert abs(decibels(part, speech(1))) < 6
