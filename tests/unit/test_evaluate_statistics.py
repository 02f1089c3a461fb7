"""Paired bootstrap: chance is told from change."""

import numpy as np
import pytest

from llm.evaluate.statistics import paired_change


def test_the_same_values_have_not_changed():
    change = paired_change([0.1, 0.5, 0.9], [0.1, 0.5, 0.9])
    assert (change.mean, change.low, change.high) == (0, 0, 0)
    assert not change.is_rise
    assert not change.is_fall


def test_a_rise_of_every_value_is_proven():
    change = paired_change([0.1, 0.2, 0.3, 0.4], [0.6, 0.6, 0.9, 0.7])
    assert change.mean == pytest.approx(0.45)
    assert change.is_rise
    assert paired_change([0.6, 0.6, 0.9, 0.7], [0.1, 0.2, 0.3, 0.4]).is_fall


def test_one_better_answer_of_many_is_not_proven():
    before, after = [0.0] * 20, [1.0] + [0.0] * 19
    assert not paired_change(before, after).is_rise


def test_noise_is_called_a_change_as_rarely_as_promised():
    random = np.random.default_rng(3)
    found = [paired_change(random.normal(size=40), random.normal(size=40)) for _ in range(60)]
    assert sum(change.is_rise or change.is_fall for change in found) <= 9  # 5 % of 60 is 3


def test_the_verdict_does_not_change_with_the_run():
    assert paired_change([0, 0, 1], [1, 0, 1]) == paired_change([0, 0, 1], [1, 0, 1])


def test_nothing_was_asked():
    assert not paired_change([], []).is_rise
    with pytest.raises(ValueError, match="1 values before, 2 after"):
        paired_change([1], [1, 2])
