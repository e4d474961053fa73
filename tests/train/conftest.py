import pytest
from train.corpora import make_corpus

from musicvae.corpus.store import Corpus


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    return make_corpus()
