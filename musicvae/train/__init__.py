"""Learning a model from a corpus: batches of windows, the training task, checkpoints, the prior's fit.

The only room that knows Lightning. It reads no music files: a corpus on disk, torch, lightning,
numpy and safetensors are all that a training machine needs. Lightning is imported by the modules,
not by the package. Shapes: N windows, B bars, S steps in a bar, Z latent size; nats unless the
name says bits.
"""
