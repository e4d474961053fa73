from musicvae.compose.seeds import derived_seed, window_seed
from musicvae.model.noise import MAX_SEED, piece_seed


def test_seeds_are_stable_in_range_and_apart():
    made = [derived_seed(seed, purpose) for seed in range(50) for purpose in ("key 1", "key 2", "window 1")]
    assert len(set(made)) == len(made)
    assert all(0 <= seed <= MAX_SEED for seed in made)
    assert derived_seed(3, "key 1") == derived_seed(3, "key 1")


def test_the_first_window_has_the_piece_s_own_seed_and_windows_are_no_pieces():
    assert window_seed(7, 0) == 7
    assert window_seed(7, 1) not in {piece_seed(7, piece) for piece in range(100)}
