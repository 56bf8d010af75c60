"""Models: ``Module``, layers, activations, losses; ``nn.functional`` and ``nn.init``."""

from . import data as data
from . import functional as functional
from . import init as init
from .activations import ELU as ELU
from .activations import GELU as GELU
from .activations import LeakyReLU as LeakyReLU
from .activations import LogSoftmax as LogSoftmax
from .activations import ReLU as ReLU
from .activations import Sigmoid as Sigmoid
from .activations import SiLU as SiLU
from .activations import Softmax as Softmax
from .activations import Softplus as Softplus
from .activations import Tanh as Tanh
from .containers import Sequential as Sequential
from .linear import Identity as Identity
from .linear import Linear as Linear
from .losses import CrossEntropyLoss as CrossEntropyLoss
from .losses import MSELoss as MSELoss
from .losses import NLLLoss as NLLLoss
from .module import Module as Module
from .parameter import Buffer as Buffer
from .parameter import Parameter as Parameter
