"""Where the time of a computation goes: by op, forward and backward apart, and on a time line."""

from autograd.profiling.conversions import LostGradientWarning
from autograd.profiling.debugging import debug
from autograd.profiling.report import Profile, Row, Sent, profile

__all__ = ["LostGradientWarning", "Profile", "Row", "Sent", "debug", "profile"]
