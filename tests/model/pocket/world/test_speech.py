"""Speech for training: the same for the same list, and no held-out voice in it."""

from __future__ import annotations

import numpy as np
import pytest

from deskhand.model.pocket.world import speech
from deskhand.model.pocket.world.acoustics import LONGEST, no_speech, noise, recorded, varied
from deskhand.model.pocket.world.speech import SpeechError
from deskhand.model.pocket.world.voices import ACCENTS, HELD_OUT_VARIANTS, VARIANTS, Utterance, utterance
from deskhand.model.types import SAMPLE_RATE


@pytest.fixture(scope="module")
def speaker() -> speech.Speaker:
    return speech.speaker()


def test_the_same_list_sounds_the_same_whatever_was_said_before(speaker):
    rng = np.random.default_rng(0)
    wanted = [utterance("set a timer for ten minutes", rng) for _ in range(4)]
    first = speaker.say(wanted)
    speaker.say([utterance("something else", rng, held=True)])
    again = speaker.say(wanted)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_another_process_says_it_the_same_way(speaker):
    wanted = [Utterance("open it", "en+f3", 150, 40), Utterance("close it", "en-us+klatt", 160, 60)]
    other = speech.Speaker()
    try:
        for one, two in zip(speaker.say(wanted), other.say(wanted), strict=True):
            np.testing.assert_array_equal(one, two)
    finally:
        other.close()


def test_a_faster_voice_takes_less_time_and_a_longer_sentence_more(speaker):
    slow, fast, longer = speaker.say(
        [Utterance("open firefox", "en-us", speed, 50) for speed in (120, 200)]
        + [Utterance("open firefox and then the calculator", "en-us", 200, 50)]
    )
    assert fast.size < slow.size < 3 * SAMPLE_RATE
    assert longer.size > fast.size
    assert 0.1 < np.abs(slow).max() <= 1


def test_resampling_keeps_the_pitch(speaker):
    (wave,) = speaker.say([Utterance("aaaaaaah", "en-us", 120, 50)])
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(wave.size)))
    loudest = np.fft.rfftfreq(wave.size, 1 / SAMPLE_RATE)[spectrum.argmax()]
    assert 60 < loudest < 1200


def test_every_voice_is_there_and_they_differ(speaker):
    said = speaker.say(
        [Utterance("yes", f"en-us+{variant}", 160, 50) for variant in (*VARIANTS[1:], *HELD_OUT_VARIANTS)]
    )
    assert len({wave.tobytes() for wave in said}) == len(VARIANTS) - 1 + len(HELD_OUT_VARIANTS)
    assert all(wave.size for wave in speaker.say([Utterance("yes", accent, 160, 50) for accent in ACCENTS]))


def test_held_out_voices_and_speeds_are_never_those_of_training():
    rng = np.random.default_rng(1)
    trained = [utterance("x", rng) for _ in range(500)]
    kept = [utterance("x", rng, held=True) for _ in range(500)]
    assert not {u.voice.partition("+")[2] for u in trained} & {u.voice.partition("+")[2] for u in kept}
    assert not {u.speed for u in trained} & {u.speed for u in kept}
    assert not {u.pitch for u in trained} & {u.pitch for u in kept}


def test_a_voice_that_is_missing_is_named_as_the_likely_cause(speaker):
    with pytest.raises(SpeechError, match="voice"):
        speaker.say([Utterance("yes", "xx-none", 160, 50)])


@pytest.mark.parametrize("kind", ["white", "pink", "brown", "hum"])
def test_noise_has_the_asked_distance_from_speech(kind, speaker):
    rng = np.random.default_rng(2)
    assert np.square(noise(kind, 16_000, rng)).mean() == pytest.approx(1, rel=1e-3)
    (wave,) = speaker.say([Utterance("set a timer for ten minutes", "en-us", 160, 50)])
    clean = recorded(wave, np.random.default_rng(3), snr=None)
    noisy = recorded(wave, np.random.default_rng(3), snr=0.0, kind=kind)
    assert clean.size == noisy.size
    assert np.abs(noisy).max() <= 1
    # At 0 dB noise and speech have the same power, so about half of what is heard does not follow the speech.
    assert 0.5 < np.corrcoef(clean, noisy)[0, 1] < 0.85


def test_clips_are_never_longer_than_the_limit():
    made = recorded(np.ones(20 * SAMPLE_RATE, np.float32), np.random.default_rng(4), snr=None, room=True)
    assert made.size == LONGEST * SAMPLE_RATE


@pytest.mark.parametrize("held", [False, True])
def test_what_is_no_speech_is_finite_and_in_range(held):
    rng = np.random.default_rng(5)
    for _ in range(30):
        made = no_speech(rng, held=held)
        assert np.isfinite(made).all()
        assert np.abs(made).max() <= 1
        assert 0.5 * SAMPLE_RATE <= made.size <= 3 * SAMPLE_RATE


def test_speech_may_sound_of_another_mouth_and_stays_as_loud_as_samples_can_be():
    time = np.arange(16000) / 16000
    tone = (0.9 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    rng = np.random.default_rng(6)
    pitches = []
    for _ in range(8):
        made = varied(tone, rng)
        assert np.isfinite(made).all()
        assert np.abs(made).max() <= 1
        pitch = np.abs(np.fft.rfft(made * np.hanning(made.size))).argmax() * 16000 / made.size
        assert abs(pitch * made.size / tone.size - 440) < 6
        pitches.append(pitch)
    assert min(pitches) < 430
    assert max(pitches) > 450
