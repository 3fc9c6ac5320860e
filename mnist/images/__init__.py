"""Pictures of digits from anywhere, brought into MNIST's form."""

from mnist.images.digits import Digit, from_ink, to_mnist
from mnist.images.pictures import PictureError, read_picture

__all__ = ["Digit", "PictureError", "from_ink", "read_picture", "to_mnist"]
