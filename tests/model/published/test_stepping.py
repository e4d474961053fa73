from __future__ import annotations

import pytest
import torch
from model.published.networks import CONFIGS, network, tiny

from musicvae.model.published.stepping import PackedConductor, PackedCore

TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-5, torch.bfloat16: 0.5}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", CONFIGS)
def test_a_packed_core_steps_as_the_core_does(name: str, dtype: torch.dtype) -> None:
    vae = network(tiny(name))
    source = torch.Generator().manual_seed(2)
    for core in vae.cores:
        packed = PackedCore(core.float() if dtype == torch.float32 else core, dtype)
        core = core.double()
        told = torch.randn(7, core.told, generator=source)
        controls = torch.randn(7, core.steps, core.control_depth, generator=source) if core.control_depth else None
        with torch.no_grad():
            context, state = core.prepare(told.double(), None if controls is None else controls.double())
            own_context, own_state = packed.prepare(told, controls)
            for t in range(core.steps):
                if vae.config.head == "categorical":
                    fed = torch.randint(-1, 4, (7, len(core.head.widths)), generator=source)
                else:
                    fed = torch.rand(7, core.head.depth, generator=source)
                outputs, state = core.step(fed, context[t], state)
                own_outputs, own_state = packed.step(fed, own_context[t], own_state)
                assert own_outputs.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
                torch.testing.assert_close(own_outputs.double(), outputs, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", ["hierdec-mel_16bar", "hier-multiperf_vel_1bar_med"])
def test_a_packed_conductor_gives_the_conductor_s_embeddings(name: str, dtype: torch.dtype) -> None:
    vae = network(tiny(name)).to(dtype)
    z = torch.randn(5, vae.config.z_size, dtype=dtype)
    with torch.no_grad():
        torch.testing.assert_close(PackedConductor(vae.conductor, dtype)(z), vae.conduct(z), rtol=0, atol=TOLERANCE[dtype])
