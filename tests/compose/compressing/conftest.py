import pytest
from golden.compressing.make import FEW_DREAMS

from musicvae.compose.compressing import experience


@pytest.fixture(autouse=True)
def few_dreams(monkeypatch):
    """Enough to learn something of a network, in little time."""
    monkeypatch.setattr(experience, "DREAMS", FEW_DREAMS)
