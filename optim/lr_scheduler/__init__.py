"""Schedulers: each varies the ``lr`` of an optimizer's groups from step to step.

Most multiply the present ``lr`` (rather than set it), so that several can work on one optimizer.
"""

from .base import LRScheduler as LRScheduler
from .base import LRScheduler as _LRScheduler  # noqa: F401 (its former name, which schedulers of users have as base)
from .combined import ChainedScheduler as ChainedScheduler
from .combined import SequentialLR as SequentialLR
from .cyclic import CyclicLR as CyclicLR
from .cyclic import OneCycleLR as OneCycleLR
from .decays import ConstantLR as ConstantLR
from .decays import CosineAnnealingLR as CosineAnnealingLR
from .decays import CosineAnnealingWarmRestarts as CosineAnnealingWarmRestarts
from .decays import ExponentialLR as ExponentialLR
from .decays import LinearLR as LinearLR
from .decays import MultiStepLR as MultiStepLR
from .decays import PolynomialLR as PolynomialLR
from .decays import StepLR as StepLR
from .functions import LambdaLR as LambdaLR
from .functions import MultiplicativeLR as MultiplicativeLR
from .plateau import ReduceLROnPlateau as ReduceLROnPlateau
