"""What is wrong with a gradient, said in words that the numbers bear out; or nothing."""

from autograd.checking.diagnosis.context import Context
from autograd.checking.diagnosis.evidence import Hypothesis
from autograd.checking.diagnosis.ranking import diagnose

__all__ = ["Context", "Hypothesis", "diagnose"]
