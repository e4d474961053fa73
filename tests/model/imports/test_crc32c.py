import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model.imports.maker import crc32c as bytewise
from model.imports.maker import masked_crc

from musicvae.model.imports.crc32c import _DISTANCES, _MULTIPLES, crc32c, unmasked

# RFC 3720, appendix B.4
KNOWN = {
    b"123456789": 0xE3069283, bytes(32): 0x8A9136AA, b"\xff" * 32: 0x62A8AB43, bytes(range(32)): 0x46DD794E,
    bytes(range(31, -1, -1)): 0x113FDB5C, b"": 0,
}  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), KNOWN.items())
def test_known_checksums(data, expected):
    assert crc32c(data) == expected == bytewise(data)


@given(st.binary(max_size=5000))
def test_short_data_as_byte_by_byte(data):
    assert crc32c(data) == bytewise(data)


# around the lengths at which one multiple of the polynomial hands over to the next, and a piece to the next
@pytest.mark.parametrize("size", [8 * tops[0] + extra for tops in _MULTIPLES for extra in (-8, -1, 0, 1, 8, 4000)] + [(8 << 18) + 77])
def test_long_data_as_byte_by_byte(size):
    data = np.random.default_rng(size).integers(0, 256, size, np.uint8)
    assert crc32c(data) == bytewise(data.tobytes())


def test_the_multiples_are_multiples():
    """Each polynomial of few terms leaves no remainder, by long division."""
    for exponents in _MULTIPLES:
        value = sum(1 << exponent for exponent in exponents)
        while value.bit_length() > 32:
            value ^= 0x11EDC6F41 << value.bit_length() - 33
        assert value == 0
    assert all(distances[0] == min(distances) and distances[-1] == max(distances) for distances in _DISTANCES)


def test_arrays_count_by_their_bytes_and_stay_as_they_are():
    values = np.random.default_rng(0).normal(size=(300, 41)).astype(np.float32)
    before = values.copy()
    values.flags.writeable = False
    assert crc32c(values) == bytewise(values.tobytes())
    np.testing.assert_array_equal(values, before)


@given(st.binary(max_size=40))
def test_masks_come_off(data):
    assert unmasked(masked_crc(data)) == bytewise(data)
