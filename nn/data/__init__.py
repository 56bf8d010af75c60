"""Data for training, as ``torch.utils.data``: data sets, samplers, ``DataLoader``; IDX files and bundled real data."""

from .bundles import Bundle as Bundle
from .bundles import bundled as bundled
from .collate import default_collate as default_collate
from .collate import default_convert as default_convert
from .datasets import ChainDataset as ChainDataset
from .datasets import ConcatDataset as ConcatDataset
from .datasets import Dataset as Dataset
from .datasets import IterableDataset as IterableDataset
from .datasets import StackDataset as StackDataset
from .datasets import Subset as Subset
from .datasets import TensorDataset as TensorDataset
from .datasets import random_split as random_split
from .idx import MNIST as MNIST
from .idx import mnist as mnist
from .idx import read_idx as read_idx
from .loader import DataLoader as DataLoader
from .samplers import BatchSampler as BatchSampler
from .samplers import RandomSampler as RandomSampler
from .samplers import Sampler as Sampler
from .samplers import SequentialSampler as SequentialSampler
from .samplers import SubsetRandomSampler as SubsetRandomSampler
from .samplers import WeightedRandomSampler as WeightedRandomSampler
from .workers import WorkerInfo as WorkerInfo
from .workers import get_worker_info as get_worker_info
