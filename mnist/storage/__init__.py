"""Checkpoints and weights on disk: written whole or not at all, read as if made to do harm."""

from mnist.storage.checkpoints import CheckpointError
from mnist.storage.weights import Trained, load_trained, load_weights, save_safetensors

__all__ = ["CheckpointError", "Trained", "load_trained", "load_weights", "save_safetensors"]
