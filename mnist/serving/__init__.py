"""The page: draw a digit in a browser and watch a trained network at work."""

from mnist.serving.server import ServerError, make_server, serve

__all__ = ["ServerError", "make_server", "serve"]
