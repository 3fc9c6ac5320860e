"""Backward passes that were written by hand, run as they are beside the tape."""

from autograd.checking.backward.entry import check_backward
from autograd.checking.backward.report import BackwardReport, Step

__all__ = ["BackwardReport", "Step", "check_backward"]
