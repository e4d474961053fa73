"""Checkpoints and magenta.js folders made from their formats' descriptions alone: nothing here uses the readers."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np

from musicvae.model.published.presets import PUBLISHED

SIZES = {"encoder_sizes": 6, "decoder_sizes": 5, "conductor_sizes": 4, "control_sizes": 3}
TYPE_NUMBERS = {"float32": 1, "float64": 2, "int32": 3, "string": 7, "int64": 9, "bfloat16": 14, "float16": 19}


def tiny(preset, **changes):
    """The configuration of a preset with as many layers, all of different small widths."""
    config = PUBLISHED[preset].config
    widths = {name: tuple(range(size, size + len(getattr(config, name)))) for name, size in SIZES.items()}
    return replace(config, z_size=7, nade_size=8 if config.head == "nade" else 0, **{**widths, **changes})


def variables(config, seed=0):
    """Random weights of a network under their published names."""
    rng = np.random.default_rng(seed)
    found = {}

    def add(name, *shape):
        found[name] = rng.normal(0, 0.5, shape).astype(np.float32)

    def lstm(name, inputs, size):
        add(f"{name}/lstm_cell/kernel", inputs + size, 4 * size)
        add(f"{name}/lstm_cell/bias", 4 * size)

    def dense(name, inputs, outputs):
        add(f"{name}/kernel", inputs, outputs)
        add(f"{name}/bias", outputs)

    def bidirectional(name, inputs, size):
        for way in ("fw", "bw"):
            lstm(f"{name}/bidirectional_rnn/{way}/multi_rnn_cell/cell_0", inputs, size)

    width = config.input_depth + config.control_depth
    if config.encoder_levels:
        size = config.encoder_sizes[0]
        for level in range(len(config.encoder_levels)):
            bidirectional(f"encoder/hierarchical_level_{level}/cell_0", width, size)
            width = 2 * size
    else:
        for layer, size in enumerate(config.encoder_sizes):
            bidirectional(f"encoder/cell_{layer}", width, size)
            width = 2 * size
    dense("encoder/mu", width, config.z_size)
    dense("encoder/sigma", width, config.z_size)
    told, prefix = config.z_size, ""
    if config.conductor_sizes:
        dense("decoder/hierarchical_level_0/initial_state", config.z_size, 2 * sum(config.conductor_sizes))
        width = 1
        for layer, size in enumerate(config.conductor_sizes):
            lstm(f"decoder/hierarchical_level_0/cell_{layer}", width, size)
            width = size
        told, prefix = width, "core_decoder/"
    control = config.control_depth
    for layer, size in enumerate(config.control_sizes):
        bidirectional(f"control_preprocessing/cell_{layer}", control, size)
        control = 2 * size
    cores = [(f"{prefix}core_decoder_{k}/", width) for k, width in enumerate(config.outputs)]
    for core, depth in cores if config.separate else [(prefix, sum(config.outputs))]:
        dense(f"{core}decoder/z_to_initial_state", told, 2 * sum(config.decoder_sizes))
        width = depth + told + control
        for layer, size in enumerate(config.decoder_sizes):
            lstm(f"{core}decoder/multi_rnn_cell/cell_{layer}", width, size)
            width = size
        dense(f"{core}decoder/output_projection", width, depth + config.nade_size)
        if config.head == "nade":
            add(f"{core}decoder/nade/w_enc", depth, 1, config.nade_size)
            add(f"{core}decoder/nade/w_dec_t", depth, config.nade_size, 1)
    return found


# -- TensorFlow checkpoints


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number, value):
    """A protocol buffer field: integers as varints, bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def _crc_table():
    def remainder(byte):
        for _ in range(8):
            byte = byte >> 1 ^ 0x82F63B78 * (byte & 1)
        return byte

    return [remainder(byte) for byte in range(256)]


_CRCS = _crc_table()


def crc32c(data):
    """CRC-32C, byte by byte."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRCS[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def masked_crc(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def snappy(data):
    """A Snappy block with short and long literals and a copy wherever the last four bytes came just before."""
    out, at = bytearray(varint(len(data))), 0
    while at < len(data):
        run = 0
        while at >= 4 and run < 60 and data[at + run : at + run + 1] == data[at + run - 4 : at + run - 3] != b"":
            run += 1
        if run >= 4:
            out += bytes([run - 1 << 2 | 2]) + struct.pack("<H", 4)
            at += run
            continue
        piece = data[at : at + (70 if at % 3 else 9)]
        out += (bytes([len(piece) - 1 << 2]) if len(piece) <= 60 else bytes([60 << 2, len(piece) - 1])) + piece
        at += len(piece)
    return bytes(out)


def table(entries, *, block_entries=1000, restart=16, compress=False):
    """A sorted string table of (key, value) pairs."""
    out, index = bytearray(), []

    def write(content):
        kind = bytes([compress])
        content = snappy(content) if compress else content
        handle = varint(len(out)) + varint(len(content))
        out.extend(content + kind + struct.pack("<I", masked_crc(content + kind)))
        return handle

    entries = sorted(entries)
    for first in range(0, len(entries), block_entries):
        part = entries[first : first + block_entries]
        index.append((part[-1][0], write(_block(part, restart))))
    meta = write(_block([], restart))
    footer = meta + write(_block(index, 1))
    return bytes(out) + footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def _block(entries, restart):
    out, restarts, before = bytearray(), [], b""
    for number, (key, value) in enumerate(entries):
        shared = 0
        if number % restart == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(key), len(before)) and key[shared] == before[shared]:
                shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    restarts = restarts or [0]
    return bytes(out) + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


def raw_bytes(values, kind, big_endian=False):
    order = ">" if big_endian else "<"
    if kind == "bfloat16":
        return (np.ascontiguousarray(values, "<f4").view("<u4") >> 16).astype(f"{order}u2").tobytes()
    return np.ascontiguousarray(values).astype(np.dtype(kind).newbyteorder(order)).tobytes()


def entry(kind, shape, shard, offset, raw, crc=None, extra=b""):
    dims = b"".join(field(2, field(1, size)) for size in shape)
    crc = masked_crc(raw) if crc is None else crc
    place = b"".join(field(number, value) for number, value in ((3, shard), (4, offset), (5, len(raw))) if value)
    return field(1, TYPE_NUMBERS[kind]) + field(2, dims) + place + varint(6 << 3 | 5) + struct.pack("<I", crc) + extra


def write_checkpoint(folder, tensors, *, name="model.ckpt", shards=1, kind="float32", big_endian=False, extra=(), **options):
    """Write an index and its shards; extra: further (key, value) entries of the index. Returns the prefix."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    data = [bytearray() for _ in range(shards)]
    entries = [(b"", field(1, shards) + (field(2, 1) if big_endian else b"") + field(3, field(1, 1))), *extra]
    for number, (tensor, values) in enumerate(sorted(tensors.items())):
        values = np.asarray(values)
        its = kind if values.dtype == np.float32 else str(values.dtype)
        raw = raw_bytes(values, its, big_endian)
        shard = number % shards
        entries.append((tensor.encode(), entry(its, values.shape, shard, len(data[shard]), raw)))
        data[shard] += raw
    Path(folder, f"{name}.index").write_bytes(table(entries, **options))
    for shard, content in enumerate(data):
        Path(folder, f"{name}.data-{shard:05d}-of-{shards:05d}").write_bytes(content)
    return Path(folder, name)


def with_training_state(tensors):
    """The same, as a training run saves them: with Adam's slots and counters."""
    slots = {f"{name}/{slot}": np.zeros_like(values) for name, values in tensors.items() for slot in ("Adam", "Adam_1")}
    counters = {"global_step": np.array(25_000), "beta1_power": np.float32(0.5), "beta2_power": np.float32(0.9)}
    return {**tensors, **slots, **counters}


# -- magenta.js folders


def quantised(values, kind):
    """Numbers as TensorFlow.js packs them, how the manifest describes it, and the values that come out again."""
    if kind == "float16":
        packed = values.astype(np.float16)
        return packed, {"dtype": "float16"}, packed.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    scale = (high - low) / np.iinfo(kind).max or 1.0
    packed = np.round((values.astype(np.float64) - low) / scale).astype(kind)
    unpacked = np.array([int(q) * scale + low for q in packed.ravel()], np.float64).astype(np.float32).reshape(values.shape)
    return packed, {"dtype": kind, "min": low, "scale": scale}, unpacked


def write_magenta_js(folder, tensors, spec, *, kind=None, shard_bytes=4 << 20, groups=1):
    """Write a magenta.js folder; kind: of quantisation. Returns the values that a reader should find."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    manifest, found, names = [], {}, list(tensors)
    size = math.ceil(len(names) / groups)
    for group in range(groups):
        weights, data = [], b""
        for name in names[group * size : (group + 1) * size]:
            values, packing = tensors[name], None
            found[name] = values
            if kind:
                values, packing, found[name] = quantised(values, kind)
            weights.append({"name": name, "shape": list(values.shape), "dtype": "float32"} | ({"quantization": packing} if packing else {}))
            data += values.astype(values.dtype.newbyteorder("<")).tobytes()
        count = max(1, math.ceil(len(data) / shard_bytes))
        paths = [f"group{group + 1}-shard{shard + 1}of{count}" for shard in range(count)]
        for shard, path in enumerate(paths):
            (folder / path).write_bytes(data[shard * shard_bytes : (shard + 1) * shard_bytes])
        manifest.append({"paths": paths, "weights": weights})
    (folder / "weights_manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    if spec is not None:
        (folder / "config.json").write_text(json.dumps(spec), encoding="utf-8")
    return found


# -- what becomes of them, by the formulas


def state_of(config, tensors):
    """The state that published tensors should become, gate by gate and element by element."""
    state = {}

    def lstm(source, target, idle=0):
        kernel, bias = (tensors[f"{source}/lstm_cell/{part}"].astype(np.float64) for part in ("kernel", "bias"))
        size = len(bias) // 4
        blocks = {gate: slice(k * size, (k + 1) * size) for k, gate in enumerate("ijfo")}  # input, candidate, forget, output
        order = "ifjo"
        inputs = len(kernel) - size
        if inputs - idle:
            state[f"{target}.weight_in"] = np.concatenate([kernel[:inputs, blocks[gate]].T for gate in order])
        state[f"{target}.weight_rec"] = np.concatenate([kernel[inputs:, blocks[gate]].T for gate in order])
        state[f"{target}.bias"] = np.concatenate([bias[blocks[gate]] + (gate == "f") for gate in order])

    def dense(source, target):
        state[f"{target}.weight"], state[f"{target}.bias"] = tensors[f"{source}/kernel"].T, tensors[f"{source}/bias"]

    def bidirectional(source, target):
        for way, cell in (("fw", "forward_cell"), ("bw", "backward_cell")):
            lstm(f"{source}/bidirectional_rnn/{way}/multi_rnn_cell/cell_0", f"{target}.{cell}")

    if config.encoder_levels:
        for level in range(len(config.encoder_levels)):
            bidirectional(f"encoder/hierarchical_level_{level}/cell_0", f"encoder.levels.{level}.0")
    else:
        for layer in range(len(config.encoder_sizes)):
            bidirectional(f"encoder/cell_{layer}", f"encoder.levels.0.{layer}")
    for part in ("mu", "sigma"):
        dense(f"encoder/{part}", f"encoder.{part}")
    if config.conductor_sizes:
        dense("decoder/hierarchical_level_0/initial_state", "conductor.start")
    for layer in range(len(config.conductor_sizes)):
        lstm(f"decoder/hierarchical_level_0/cell_{layer}", f"conductor.cells.{layer}", idle=layer == 0)
    for layer in range(len(config.control_sizes)):
        bidirectional(f"control_preprocessing/cell_{layer}", f"controls.levels.0.{layer}")
    above = "core_decoder/" if config.conductor_sizes else ""
    for core in range(len(config.outputs) if config.separate else 1):
        source = f"{above}core_decoder_{core}/decoder" if config.separate else f"{above}decoder"
        dense(f"{source}/z_to_initial_state", f"cores.{core}.start")
        for layer in range(len(config.decoder_sizes)):
            lstm(f"{source}/multi_rnn_cell/cell_{layer}", f"cores.{core}.cells.{layer}")
        dense(f"{source}/output_projection", f"cores.{core}.output")
        if config.head == "nade":
            state[f"cores.{core}.head.w_enc"] = tensors[f"{source}/nade/w_enc"][:, 0]
            state[f"cores.{core}.head.w_dec"] = tensors[f"{source}/nade/w_dec_t"][:, :, 0]
    return state
