"""Resampling in blocks is resampling in one go, to the bit, and no alias comes of it."""

import numpy as np
import pytest

from deskhand.app.resampling import Resampler
from deskhand.model.types import SAMPLE_RATE


def resampled(samples, rate, block=None):
    """What has come out after each block, and after the end."""
    resampler, out, so_far = Resampler(rate), np.empty(0, np.float32), []
    for at in range(0, samples.size, block or samples.size):
        out = np.concatenate([out, resampler.feed(samples[at : at + (block or samples.size)])])
        so_far.append(out)
    return [*so_far, np.concatenate([out, resampler.end()])]


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_blocks_give_the_bits_of_the_whole_and_no_bit_changes_later(rate):
    noise = np.random.default_rng(rate).normal(0, 0.2, 2 * rate + 7).astype(np.float32)
    whole = resampled(noise, rate)[-1]
    so_far = resampled(noise, rate, block=round(rate * 0.04))
    assert so_far[-1].dtype == np.float32
    np.testing.assert_array_equal(so_far[-1], whole)
    assert abs(whole.size - noise.size * SAMPLE_RATE / rate) < 40
    for sofar in so_far:
        np.testing.assert_array_equal(sofar, whole[: sofar.size])
    # It keeps no more than a frame back.
    assert so_far[-1].size - so_far[-2].size < 640


def test_pitch_stays_and_no_alias_comes():
    rate = 44_100
    time = np.arange(rate) / rate
    tone = np.sin(2 * np.pi * 440 * time).astype(np.float32)
    hiss = np.sin(2 * np.pi * 15_000 * time).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(resampled(tone, rate, 1764)[-1][:SAMPLE_RATE], SAMPLE_RATE))
    assert int(np.argmax(spectrum)) == 440
    # 15 kHz lies above what 16 kHz can hold and would come back as 1 kHz.
    assert np.sqrt(np.mean(resampled(hiss, rate, 1764)[-1][200:-200] ** 2)) < 0.01


def test_nothing_gives_nothing():
    for rate in (SAMPLE_RATE, 44_100):
        assert [out.size for out in resampled(np.empty(0, np.float32), rate, 1)] == [0]
        assert Resampler(rate).feed(np.empty(0, np.float32)).size == 0
