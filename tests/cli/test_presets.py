import json
import subprocess
import sys

from musicvae.model.config import PRESETS
from musicvae.model.pieces.config import PIECE_PRESETS
from musicvae.model.published.presets import PUBLISHED


def test_every_preset_has_its_line(run):
    code, out, err = run("presets")
    assert (code, err) == (0, "")
    lines = {line.split()[0]: line for line in out.splitlines()[1:]}
    assert list(lines) == [*PUBLISHED, *PRESETS, *PIECE_PRESETS]
    assert lines["hierdec-mel_16bar"].split()[1:5] == ["melody", "16", "512", "176.057"]
    assert lines["hierdec-mel_16bar"].endswith("16-bar melodies, a conductor plans the bars")
    assert lines["hier-multiperf_vel_1bar_med"].split()[1:4] == ["performance", "1", "512"]
    assert lines["trio-bass"].split()[1:4] == ["trio", "16", "208"]
    assert lines["groovae_4bar"].split()[1:4] == ["groove", "4", "256"]


def test_all_numbers_as_json(run):
    code, out, err = run("presets", "--json")
    assert (code, err) == (0, "")
    presets = {preset["name"]: preset for preset in json.loads(out)["presets"]}
    small = presets["cat-mel_2bar_small"]
    assert (small["family"], small["bars"], small["z_size"]) == ("published", 2, 256)
    assert small["parameters"] == 4_423_770
    assert (small["recipe"]["max_beta"], small["config"]["encoder_sizes"]) == (0.2, [512])
    assert (presets["tiny"]["family"], presets["tiny"]["config"]["max_bars"]) == ("own", 16)


def test_no_network_library_is_needed():
    script = "import sys; from musicvae.cli.main import main; main(['presets']); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60, capture_output=True)
