"""Weights that others published: files of TensorFlow and of magenta.js, read without either."""
