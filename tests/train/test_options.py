import pytest

from musicvae.train.options import MachineOptions, TrainOptions


def test_options_survive_the_way_through_a_dictionary():
    options = TrainOptions(seed=4, max_minutes=3.5, target_bits=None)
    assert TrainOptions.from_dict(options.to_dict()) == options


def test_unknown_options_are_refused():
    with pytest.raises(ValueError, match=r"unknown training options \['learning_rate'\]"):
        TrainOptions.from_dict({"learning_rate": 1.0})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"input_dropout": 1.0}, "input_dropout must be a share from 0 to below 1, got 1.0"),
        ({"target_bits": -1.0}, "target_bits must be above 0, got -1.0"),
        ({"lr": 0.0}, "lr must be above 0"),
        ({"max_steps": None}, "a run needs an end: give max_steps, max_minutes or both"),
    ],
)
def test_options_out_of_range_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        TrainOptions(**values)


def test_machine_options_out_of_range_are_refused():
    with pytest.raises(ValueError, match="threads must be at least 1, got 0"):
        MachineOptions(threads=0)
