import numpy as np
import pytest
from evaluate.doubles import random_corpus

from musicvae.evaluate.codec import select_windows
from musicvae.evaluate.ngram import ngram_of


def test_held_out_tunes_are_likelier_than_the_same_notes_in_disorder():
    corpus = random_corpus()
    model, rng = ngram_of(corpus, bars=4), np.random.default_rng(0)
    test = select_windows(corpus, "test", 2, bars=4).tokens
    mixed = rng.permuted(test.reshape(len(test), -1), axis=1).reshape(test.shape)
    assert model.log_probs(test, 2).sum() > model.log_probs(mixed, 2).sum()


def test_a_corpus_without_windows_long_enough_is_refused():
    with pytest.raises(ValueError, match="no windows of 999 bars"):
        ngram_of(random_corpus(), bars=999)
