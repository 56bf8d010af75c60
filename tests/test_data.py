"""nn.data: data sets, samplers, collating, loading (with workers too), resuming; IDX files and bundled data."""

from __future__ import annotations

import collections
import gc
import gzip
import multiprocessing
import os
import struct
import time
import weakref
from typing import Any

import numpy as np
import pytest

import autograd
from nn import data

# Python warns of forks beside threads since 3.12; the threads are the test runner's
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")

Point = collections.namedtuple("Point", "x y")
X = np.arange(20, dtype="f4").reshape(10, 2)
Y = np.arange(10)


def pairs() -> data.TensorDataset:
    return data.TensorDataset(X, Y)


class Squares(data.Dataset):
    def __len__(self) -> int:
        return 7

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < 7:
            raise IndexError(index)
        return index * index


class Noise(Squares):
    """Draws from all three sources of random numbers."""

    def __getitem__(self, index: int) -> Any:
        return index, autograd.rand(1).item(), float(np.random.rand())  # noqa: NPY002


class Count(data.IterableDataset):
    """Numbers below ``n``, shared out among the workers."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __iter__(self) -> Any:
        info = data.get_worker_info()
        return iter(range(self.n) if info is None else range(info.id, self.n, info.num_workers))

    def __len__(self) -> int:
        return self.n


class Whole(data.IterableDataset):
    """Numbers below ``n``, all of them in each worker."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __iter__(self) -> Any:
        return iter(range(self.n))

    def __len__(self) -> int:
        return self.n


class Faulty(Squares):
    """Goes wrong at sample 4, in one of several ways."""

    def __init__(self, how: str) -> None:
        self.how = how

    def __getitem__(self, index: int) -> Any:
        if index == 4:
            if self.how == "exit":
                os._exit(3)
            if self.how == "sleep":
                time.sleep(60)
            if self.how == "unpicklable":
                return lambda: 0
            raise {"key": KeyError, "strange": Strange}[self.how]("sample", 4)
        return index


class Strange(Exception):
    """Cannot be made of a message alone."""

    def __init__(self, a: str, b: int) -> None:
        super().__init__(a, b)


def first(batch: Any) -> Any:
    return batch[0]


def ended(batch: Any) -> Any:
    raise StopIteration


def fail(worker: int) -> None:
    raise OSError(f"no disk for {worker}")


def numbers(loader: Any) -> list[Any]:
    """The batches as lists; of pairs the second half."""
    return [(batch[1] if isinstance(batch, list) else batch).tolist() for batch in loader]


# ---- data sets -----------------------------------------------------------------------------------------------------


def test_tensor_dataset() -> None:
    x, y = pairs()[3]
    assert (x.tolist(), y.item(), len(pairs())) == ([6, 7], 3, 10)
    shared = data.TensorDataset(X)
    assert np.shares_memory(shared.tensors[0].numpy(), X)


@pytest.mark.parametrize("tensors", [(), (X, Y[:9]), (np.float32(1),)])
def test_tensor_dataset_refuses(tensors: Any) -> None:
    with pytest.raises(ValueError, match="TensorDataset: expected"):
        data.TensorDataset(*tensors)


def test_concat() -> None:
    both = Squares() + data.TensorDataset(Y)
    assert isinstance(both, data.ConcatDataset)
    assert (len(both), both[6], both[7][0].item(), both[-1][0].item()) == (17, 36, 0, 9)
    assert both.cumulative_sizes == [7, 17]
    for index in (17, -18):
        with pytest.raises(IndexError, match="out of range for 17 samples"):
            both[index]
    with pytest.raises(TypeError, match="ChainDataset"):
        data.ConcatDataset([Count(2)])
    with pytest.raises(ValueError, match="at least one"):
        data.ConcatDataset([])


def test_chain() -> None:
    chain = Count(2) + Count(3)
    assert (list(chain), len(chain)) == ([0, 1, 0, 1, 2], 5)
    with pytest.raises(TypeError, match="expected IterableDatasets, got Squares"):
        data.ChainDataset([Squares()])


def test_stack() -> None:
    assert data.StackDataset(Squares(), range(7))[3] == (9, 3)
    assert data.StackDataset(a=Squares(), b=range(7))[3] == {"a": 9, "b": 3}
    assert len(data.StackDataset(Squares())) == 7
    for args, kwargs in (((), {}), ((Squares(),), {"a": Squares()}), ((Squares(), range(3)), {})):
        with pytest.raises(ValueError, match="StackDataset: expected data sets"):
            data.StackDataset(*args, **kwargs)


def test_subset_of_subset() -> None:
    subset = data.Subset(data.Subset(Squares(), [5, 3, 1]), [2, 0])
    assert (list(subset), len(subset), subset.__getitems__([1])) == ([1, 25], 2, [25])


@pytest.mark.parametrize(
    ("lengths", "sizes"), [([7, 3], [7, 3]), ([0.5, 0.5], [5, 5]), ([0.33, 0.33, 0.34], [4, 3, 3]), ([10, 0], [10, 0])]
)
def test_random_split(lengths: Any, sizes: list[int]) -> None:
    parts = data.random_split(pairs(), lengths, generator=autograd.Generator().manual_seed(1))
    again = data.random_split(pairs(), lengths, generator=autograd.Generator().manual_seed(1))
    assert [len(part) for part in parts] == sizes
    assert sorted(i for part in parts for i in part.indices) == list(range(10))
    assert [part.indices for part in parts] == [part.indices for part in again]


@pytest.mark.parametrize("lengths", [[7, 4], [0.5, 0.4], [11, -1], [1.5, -0.5]])
def test_random_split_refuses(lengths: Any) -> None:
    with pytest.raises(ValueError, match="random_split: "):
        data.random_split(pairs(), lengths)


def test_random_split_warns_of_an_empty_part() -> None:
    with pytest.warns(UserWarning, match="part 1 gets no samples"):
        data.random_split(range(1), [0.5, 0.5])


def test_base_classes_say_what_is_missing() -> None:
    for call, method in (
        (lambda: data.Dataset()[0], "__getitem__"),
        (lambda: iter(data.IterableDataset()), "__iter__"),
        (lambda: iter(data.Sampler()), "__iter__"),
    ):
        with pytest.raises(NotImplementedError, match=method):
            call()


# ---- samplers ------------------------------------------------------------------------------------------------------


def test_random_sampler() -> None:
    order = list(data.RandomSampler(range(50)))
    assert sorted(order) == list(range(50))
    assert order != list(range(50))
    twice = list(data.RandomSampler(range(4), num_samples=10))
    assert [sorted(twice[i : i + 4]) for i in (0, 4)] == [[0, 1, 2, 3]] * 2
    assert len(twice) == len(data.RandomSampler(range(4), num_samples=10)) == 10
    drawn = list(data.RandomSampler(range(3), replacement=True, num_samples=200))
    assert set(drawn) == {0, 1, 2}
    assert list(data.RandomSampler([])) == []
    with pytest.raises(ValueError, match="the data set is empty"):
        list(data.RandomSampler([], num_samples=3))


def test_samplers_draw_from_their_generator() -> None:
    def orders(seed: int) -> list[Any]:
        g = autograd.Generator().manual_seed(seed)
        samplers = [
            data.RandomSampler(range(30), generator=g),
            data.RandomSampler(range(30), True, generator=g),
            data.SubsetRandomSampler(range(100, 130), generator=g),
            data.WeightedRandomSampler(np.ones(30), 20, generator=g),
        ]
        return [list(sampler) for sampler in samplers]

    assert orders(0) == orders(0)
    assert all(a != b for a, b in zip(orders(0), orders(1), strict=True))


def test_subset_and_weighted_samplers() -> None:
    assert sorted(data.SubsetRandomSampler([5, 2, 9])) == [2, 5, 9]
    g = autograd.Generator().manual_seed(0)
    counts = np.bincount(list(data.WeightedRandomSampler([1, 0, 3], 4000, generator=g)))
    assert counts[1] == 0
    assert abs(counts[2] / counts[0] - 3) < 0.4
    assert sorted(data.WeightedRandomSampler([1.0, 2.0, 3.0], 3, replacement=False)) == [0, 1, 2]


@pytest.mark.parametrize(
    "make",
    [
        lambda: data.RandomSampler(range(3), num_samples=0),
        lambda: data.WeightedRandomSampler([1.0], True),
        lambda: data.WeightedRandomSampler([[1.0]], 1),
        lambda: data.BatchSampler(range(3), 0, False),
        lambda: data.BatchSampler(range(3), 1.5, False),
        lambda: data.BatchSampler(range(3), 2, 1),
        lambda: data.RandomSampler(range(3), 2),
        lambda: data.WeightedRandomSampler([1.0], 1, "no"),
    ],
)
def test_samplers_refuse(make: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="Sampler: "):
        make()


@pytest.mark.parametrize("name", ["dataset", "batch_size", "sampler", "batch_sampler", "drop_last"])
def test_a_loader_is_not_changed_afterwards(name: str) -> None:
    loader = data.DataLoader(range(3), batch_size=2)
    with pytest.raises(ValueError, match=f"DataLoader: {name} cannot be changed any more"):
        setattr(loader, name, None)
    loader.num_workers = 0
    assert [batch.tolist() for batch in loader] == [[0, 1], [2]]


@pytest.mark.parametrize("sampler", [range(5), data.SequentialSampler(range(5))])
@pytest.mark.parametrize(("drop_last", "batches"), [(False, [[0, 1], [2, 3], [4]]), (True, [[0, 1], [2, 3]])])
def test_batch_sampler(sampler: Any, drop_last: bool, batches: list[list[int]]) -> None:
    sampler = data.BatchSampler(sampler, 2, drop_last)
    assert list(sampler) == batches
    assert len(sampler) == len(batches)


# ---- collating -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("batch", "dtype", "values"),
    [
        ([1, 2], "int64", [1, 2]),
        ([1.0, 2.0], "float64", [1, 2]),
        ([True, False], "bool", [True, False]),
        ([np.float16(1), np.float16(2)], "float16", [1, 2]),
        ([np.ones(2, "f4"), np.zeros(2, "f4")], "float32", [[1, 1], [0, 0]]),
        ([autograd.tensor(1), autograd.tensor(2)], "int64", [1, 2]),
    ],
)
def test_collate_stacks(batch: Any, dtype: str, values: Any) -> None:
    made = data.default_collate(batch)
    assert isinstance(made, autograd.Tensor)
    assert (str(made.dtype), made.tolist()) == (dtype, values)


def test_collate_structures() -> None:
    assert data.default_collate([{"a": 1}, {"a": 2, "b": 3}])["a"].tolist() == [1, 2]  # the first tells the keys
    made = data.default_collate([Point({"a": 1, "b": "x"}, (1.0, b"u")), Point({"a": 2, "b": "y"}, (2.0, b"v"))])
    assert isinstance(made, Point)
    assert made.x["a"].tolist() == [1, 2]
    assert list(made.x["b"]) == ["x", "y"]
    assert made.y[0].tolist() == [1, 2]
    line = data.default_collate([collections.UserList([1, "x"]), collections.UserList([2, "y"])])
    assert (type(line), line[0].tolist(), line[1]) == (collections.UserList, [1, 2], ("x", "y"))
    assert [column.tolist() for column in data.default_collate([range(2), range(2)])] == [[0, 0], [1, 1]]
    assert data.default_convert((range(2), "t")) == [[0, 1], "t"]
    ordered = data.default_collate([collections.OrderedDict(a=1)])
    assert type(ordered) is collections.OrderedDict


def test_collate_promotes_as_pytorch() -> None:
    """NumPy would make float64 of float32 and int64."""
    made = data.default_collate([autograd.zeros(2), autograd.ones(2, dtype=autograd.int64)])
    assert made.dtype == autograd.float32
    assert data.default_collate([np.zeros(2, np.float32), np.ones(2, np.int64)]).dtype == autograd.float32
    assert data.default_collate([np.zeros(2, np.float32), np.ones(2)]).dtype == autograd.float64
    assert data.default_collate([np.float64(1), 2.5]).tolist() == [1.0, 2.5]


def test_collate_keeps_the_default_of_a_dict() -> None:
    made = data.default_collate([collections.defaultdict(int, a=1), {"a": 2}])
    assert isinstance(made, collections.defaultdict)
    assert made["a"].tolist() == [1, 2]
    assert made["b"] == 0


def test_collate_keeps_gradients() -> None:
    a = autograd.tensor([1.0], requires_grad=True)
    (data.default_collate([a, autograd.tensor([2.0])]) * 3).sum().backward()
    assert a.grad.tolist() == [3]


@pytest.mark.parametrize(
    ("batch", "error", "text"),
    [
        ([np.ones(2), np.ones(3)], autograd.ShapeError, r"shapes \(2,\), \(3,\)"),
        ([[1, 2], [1]], autograd.ShapeError, "lengths"),
        ([object()], TypeError, "got object; give collate_fn"),
    ],
)
def test_collate_refuses(batch: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        data.default_collate(batch)


def test_convert() -> None:
    made = data.default_convert({"a": (np.ones(2), "t"), "p": Point(np.int64(1), None), "s": np.array(["u"])})
    assert made["a"][0].tolist() == [1, 1]
    assert isinstance(made["p"].x, autograd.Tensor)
    assert isinstance(made["s"], np.ndarray)


# ---- loading -------------------------------------------------------------------------------------------------------


def test_loader_batches_arrays_and_copies_them() -> None:
    loader = data.DataLoader(pairs(), batch_size=4)
    batches = list(loader)
    assert len(loader) == 3
    assert [y.tolist() for _, y in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert np.array_equal(np.concatenate([x.numpy() for x, _ in batches]), X)
    assert not any(np.shares_memory(x.numpy(), X) for x, _ in batches)
    assert isinstance(batches[0], list)
    assert len(data.DataLoader(pairs(), 4, drop_last=True)) == 2
    assert numbers(data.DataLoader(pairs(), 4, drop_last=True))[-1] == [4, 5, 6, 7]


def test_fast_path_and_slow_path_agree() -> None:
    class Plain(data.TensorDataset):
        """Not known to be array data, since it could define samples of its own."""

    x = autograd.tensor(X, requires_grad=True)
    for make in (data.TensorDataset, Plain):
        whole = make(x, Y)
        part = data.Subset(data.Subset(whole, range(9, -1, -1)), [0, 2, 4])
        (batch,) = data.DataLoader(part, batch_size=5)
        assert batch[1].tolist() == [9, 7, 5]
        assert batch[0].tolist() == [[18, 19], [14, 15], [10, 11]]
        x.grad = None
        batch[0].sum().backward()
        assert x.grad[:, 0].tolist() == [0, 0, 0, 0, 0, 1, 0, 1, 0, 1]


def test_shuffle_depends_on_the_generator_only() -> None:
    def epochs(**kwargs: Any) -> list[Any]:
        autograd.manual_seed(3)
        loader = data.DataLoader(pairs(), 4, shuffle=True, **kwargs)
        return [numbers(loader), numbers(loader)]

    one, two = epochs()
    assert sorted(number for batch in one for number in batch) == list(range(10))
    assert one != two
    assert epochs() == epochs(num_workers=1) == [one, two]
    g = autograd.Generator()
    assert numbers(data.DataLoader(pairs(), 4, True, generator=g.manual_seed(5))) == numbers(
        data.DataLoader(pairs(), 4, True, generator=g.manual_seed(5))
    )


def test_loader_forms() -> None:
    assert numbers(data.DataLoader(Squares(), 4)) == [[0, 1, 4, 9], [16, 25, 36]]
    assert list(data.DataLoader(Squares(), None)) == [0, 1, 4, 9, 16, 25, 36]
    assert len(data.DataLoader(Squares(), None)) == 7
    assert numbers(data.DataLoader(Squares(), batch_sampler=[[1, 2], [6]])) == [[1, 4], [36]]
    assert numbers(data.DataLoader(Squares(), 2, sampler=[3, 2, 1])) == [[9, 4], [1]]
    assert list(data.DataLoader(Squares(), 3, collate_fn=first)) == [0, 9, 36]
    assert numbers(data.DataLoader(data.TensorDataset(X, Y), 5, sampler=[3, 2])) == [[3, 2]]
    assert numbers(data.DataLoader(Count(5), 2)) == [[0, 1], [2, 3], [4]]
    assert numbers(data.DataLoader(Count(5), 2, drop_last=True)) == [[0, 1], [2, 3]]
    assert list(data.DataLoader(Count(3), None)) == [0, 1, 2]
    assert [len(data.DataLoader(Count(5), 2, drop_last=drop)) for drop in (False, True)] == [3, 2]


@pytest.mark.parametrize(
    "kwargs",
    [
        {"dataset": Count(3), "shuffle": True},
        {"dataset": Count(3), "batch_sampler": [[1]]},
        {"sampler": [1], "shuffle": True},
        {"batch_sampler": [[1]], "batch_size": 2},
        {"batch_size": None, "drop_last": True},
        {"num_workers": -1},
        {"timeout": -1},
        {"prefetch_factor": 2},
        {"prefetch_factor": 0, "num_workers": 1},
        {"persistent_workers": True},
        {"batch_size": 0},
        {"multiprocessing_context": "spawn"},
        {"multiprocessing_context": "thread", "num_workers": 1},
    ],
)
def test_loader_refuses(kwargs: Any) -> None:
    with pytest.raises(ValueError, match=r"DataLoader: |BatchSampler: "):
        data.DataLoader(**{"dataset": Squares(), **kwargs})


def test_loader_refuses_what_is_no_context() -> None:
    with pytest.raises(TypeError, match="must be a context or the name of a start method, got object"):
        data.DataLoader(Squares(), num_workers=1, multiprocessing_context=object())


# ---- workers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_keep_order_and_draw_from_seeds_of_their_own(context: str) -> None:
    if context not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {context} here")
    drawn = []
    for persistent in (True, False):
        autograd.manual_seed(0)
        loader = data.DataLoader(
            Noise(), 1, num_workers=2, multiprocessing_context=context, persistent_workers=persistent
        )
        for _ in range(2):
            batches = list(loader)
            assert [batch[0].item() for batch in batches] == list(range(7))
            drawn.append([(batch[1].item(), batch[2].item()) for batch in batches])
        if persistent:
            loader._pool.close()
    assert drawn[:2] == drawn[2:]
    for column in zip(*drawn[0], *drawn[1], strict=True):
        assert len(set(column)) == 14


def test_workers_share_an_iterable_dataset() -> None:
    assert numbers(data.DataLoader(Count(11), 2, num_workers=3)) == [[0, 3], [1, 4], [2, 5], [6, 9], [7, 10], [8]]
    assert data.get_worker_info() is None


@pytest.mark.parametrize(
    ("how", "error", "text"),
    [
        ("key", KeyError, "in DataLoader worker 0:.*__getitem__.*KeyError"),
        ("strange", RuntimeError, "in DataLoader worker 0:.*Strange"),
        ("unpicklable", Exception, "in DataLoader worker 0:.*lambda"),
        ("exit", RuntimeError, "worker 0 .* exit code 3"),
        ("sleep", RuntimeError, "no batch from worker 0 within timeout=6 s"),
    ],
)
def test_error_in_a_worker(how: str, error: Any, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data.workers, "PATIENCE", 0.5)
    loader = data.DataLoader(Faulty(how), None, num_workers=2, timeout=6 if how == "sleep" else 0)  # time to start
    batches = iter(loader)
    assert [next(batches) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(error, match=f"(?s){text}"):
        next(batches)
    if how not in ("exit", "sleep"):  # the workers can go on
        assert next(batches) == 5
    del batches
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batch_size", [2, None])
def test_after_an_error_come_the_further_batches(workers: int, batch_size: int | None) -> None:
    batches, found = iter(data.DataLoader(Faulty("key"), batch_size, num_workers=workers)), []
    while True:
        try:
            found.append(next(batches))
        except StopIteration:
            break
        except KeyError:
            found.append(None)
    expected = [0, 1, 2, 3, None, 5, 6] if batch_size is None else [[0, 1], [2, 3], None, [6]]
    assert [batch.tolist() if hasattr(batch, "tolist") else batch for batch in found] == expected


@pytest.mark.parametrize("workers", [0, 1])
def test_a_data_set_that_raises_stop_iteration_does_not_end_the_epoch(workers: int) -> None:
    loader = data.DataLoader([0, 1], collate_fn=next, num_workers=workers)  # the samples are no iterators
    with pytest.raises(TypeError, match="not an iterator"):
        list(loader)
    loader = data.DataLoader([0, 1], collate_fn=ended, num_workers=workers)
    with pytest.raises(RuntimeError, match="a data set raised StopIteration"):
        list(loader)


def test_an_error_leaves_no_cycle_behind() -> None:
    loader = data.DataLoader(Faulty("key"), None)
    gc.collect()
    gc.disable()
    try:
        batches = iter(loader)
        gone = weakref.ref(batches)
        with pytest.raises(KeyError):
            list(batches)
        del batches
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("workers", [0, 2])
def test_more_batches_than_an_iterable_said_warn(workers: int) -> None:
    loader = data.DataLoader(Whole(4), 2, num_workers=workers)
    for _ in loader:  # nothing was said yet
        pass
    assert len(loader) == 2
    if not workers:
        assert numbers(loader) == [[0, 1], [2, 3]]
        return
    with pytest.warns(UserWarning, match="its length was said to be 2, but more batches come"):
        assert numbers(loader) == [[0, 1], [0, 1], [2, 3], [2, 3]]


def test_samples_of_stacked_data_sets_are_asked_for_together() -> None:
    asked = []

    class Together(Squares):
        def __getitems__(self, indices: Any) -> Any:
            asked.append(indices)
            return [self[i] for i in indices][: 3 if len(indices) > 3 else None]

    stack = data.StackDataset(Together(), range(7))
    assert stack.__getitems__([0, 3]) == [(0, 0), (9, 3)]
    assert data.StackDataset(a=Together(), b=range(7)).__getitems__([2]) == [{"a": 4, "b": 2}]
    assert asked == [[0, 3], [2]]
    assert [[x.tolist() for x in batch] for batch in data.DataLoader(stack, 3)] == [
        [[0, 1, 4], [0, 1, 2]], [[9, 16, 25], [3, 4, 5]], [[36], [6]]
    ]  # fmt: skip
    with pytest.raises(ValueError, match="asked a data set for 4 samples, got 3"):
        stack.__getitems__([0, 1, 2, 3])


def test_error_in_worker_init_fn() -> None:
    with pytest.raises(OSError, match="no disk for 0"):
        list(data.DataLoader(Squares(), num_workers=1, worker_init_fn=fail))


def test_persistent_workers_survive_an_epoch_that_was_left() -> None:
    loader = data.DataLoader(Squares(), 2, num_workers=2, persistent_workers=True)
    assert next(iter(loader)).tolist() == [0, 1]
    children = {child.pid for child in multiprocessing.active_children()}
    assert numbers(loader) == [[0, 1], [4, 9], [16, 25], [36]]
    assert {child.pid for child in multiprocessing.active_children()} == children
    del loader
    gc.collect()
    assert not multiprocessing.active_children()


def test_workers_end_with_the_iterator() -> None:
    batches = iter(data.DataLoader(Squares(), 2, num_workers=2))
    next(batches)
    assert len(multiprocessing.active_children()) == 2
    del batches
    assert not multiprocessing.active_children()


def test_requests_larger_than_a_pipe_do_not_block() -> None:
    x = np.arange(400_000.0)
    loader = data.DataLoader(data.TensorDataset(x), 100_000, num_workers=1, prefetch_factor=4)
    assert [batch[0][0].item() for batch in loader] == [0, 1e5, 2e5, 3e5]


# ---- resuming ------------------------------------------------------------------------------------------------------


class OwnOrder(data.Sampler):
    """Draws each index when it is asked for."""

    def __init__(self, generator: Any = None) -> None:
        self.generator = generator

    def __iter__(self) -> Any:
        return (int(autograd.randint(10, (1,), generator=self.generator)) for _ in range(10))

    def __len__(self) -> int:
        return 10


LOADERS = {
    "default generator": lambda g: data.DataLoader(pairs(), 2, shuffle=True),
    "own generator": lambda g: data.DataLoader(pairs(), 2, shuffle=True, generator=g),
    "sampler's generator": lambda g: data.DataLoader(pairs(), 2, sampler=data.RandomSampler(Y, True, generator=g)),
    "python data set": lambda g: data.DataLoader(data.ConcatDataset([pairs()]), 2, shuffle=True),
    "workers": lambda g: data.DataLoader(pairs(), 2, shuffle=True, num_workers=2, generator=g),
    "iterable": lambda g: data.DataLoader(Count(9), 2),
    "iterable, workers": lambda g: data.DataLoader(Count(9), 2, num_workers=2),
    "own sampler": lambda g: data.DataLoader(pairs(), 2, sampler=OwnOrder()),
    "own sampler and generator": lambda g: data.DataLoader(pairs(), 2, sampler=OwnOrder(g)),
}


@pytest.mark.parametrize("kind", LOADERS)
@pytest.mark.parametrize("stop", [0, 1, 3, 5])
def test_interrupted_epoch_goes_on_with_the_same_batches(kind: str, stop: int) -> None:
    def run(loader: Any, save_at: int | None, trace: list[Any]) -> Any:
        """Two epochs in which other random numbers are drawn between the batches; or until the state is saved."""
        seen = 0
        for _ in range(2):
            if save_at == seen == 0:
                return loader.state_dict(), autograd.get_rng_state()
            for batch in loader:
                trace.append((numbers([batch]), autograd.rand(1).item()))
                seen += 1
                if save_at == seen:
                    return loader.state_dict(), autograd.get_rng_state()
        return None

    autograd.manual_seed(0)
    straight: list[Any] = []
    run(LOADERS[kind](autograd.Generator().manual_seed(7)), None, straight)
    autograd.manual_seed(0)
    broken: list[Any] = []
    state, rng = run(LOADERS[kind](autograd.Generator().manual_seed(7)), stop, broken)
    autograd.manual_seed(99)
    loader = LOADERS[kind](autograd.Generator())
    loader.load_state_dict(state)
    autograd.set_rng_state(rng)
    run(loader, None, broken)
    assert broken[: len(straight)] == straight
    assert len(straight) == 2 * len(loader)


def test_state_of_another_loader_is_refused() -> None:
    state = LOADERS["own generator"](autograd.Generator()).state_dict()
    with pytest.raises(ValueError, match="1 generators of its own, this one has 0"):
        LOADERS["default generator"](None).load_state_dict(state)


# ---- IDX files -----------------------------------------------------------------------------------------------------

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx(array: Any) -> bytes:
    """An array as an IDX file."""
    code = CODES[array.dtype.str[1:]]
    header = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4), (0, 5)])
@pytest.mark.parametrize("zipped", [False, True])
def test_idx_round_trip(kind: str, shape: tuple[int, ...], zipped: bool, tmp_path: Any) -> None:
    array = (np.arange(np.prod(shape, dtype=int)) * 5 - 7).astype(kind).reshape(shape)
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(idx(array)) if zipped else idx(array))
    made = data.read_idx(path)
    assert made.dtype == array.dtype
    assert np.array_equal(made, array)
    assert made.flags.writeable


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is not an IDX file.*nothing"),
        (b"\0\0\x07\x01\0\0\0\0", "is not an IDX file.*00 00 07 01"),
        (b"\0\0\x08\xff", "at most 8 dimensions"),
        (b"\0\0\x08\x02\0\0\0", "ends in its header"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "says shape .4294967295, 4294967295, 4294967295. of uint8"),
        (idx(np.ones(5))[:-1], "says shape .5,. of float64, 40 bytes|ends after 39 of 40 bytes"),
        (idx(np.ones(5)) + b"\0", "goes on|but the file has 41"),
    ],
)
def test_idx_refuses(content: bytes, text: str, zipped: bool, tmp_path: Any) -> None:
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(content) if zipped else content)
    with pytest.raises(ValueError, match=f"(?s)read_idx: .*({text})"):
        data.read_idx(path)


def test_damaged_gzip_is_refused(tmp_path: Any) -> None:
    whole = gzip.compress(idx(np.arange(1000, dtype="i4")))
    path = tmp_path / "a"
    for content in (whole[:-9], whole[:20], whole[:30] + b"\0" + whole[31:]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="damaged gzip file"):
            data.read_idx(path)


def test_mnist_folder(tmp_path: Any) -> None:
    parts = {
        "train-images-idx3-ubyte.gz": np.full((5, 2, 2), 9, "u1"),
        "train-labels-idx1-ubyte": np.arange(5).astype("u1"),
        "t10k-images.idx3-ubyte": np.zeros((3, 2, 2), "u1"),
        "t10k-labels-idx1-ubyte": np.arange(3).astype("u1"),
    }
    for name, array in parts.items():
        (tmp_path / name).write_bytes(gzip.compress(idx(array)) if name.endswith("gz") else idx(array))
    made = data.mnist(tmp_path)
    for found, array in zip(made, parts.values(), strict=True):
        assert np.array_equal(found, array)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(np.arange(4).astype("u1")))
    with pytest.raises(ValueError, match="expected t10k images"):
        data.mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="has none of t10k-labels-idx1-ubyte, "):
        data.mnist(tmp_path)


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [("digits", (1797, 64), 10), ("iris", (150, 4), 3), ("wine", (178, 13), 3), ("breast_cancer", (569, 30), 2)],
)
def test_bundled(name: str, shape: tuple[int, int], classes: int) -> None:
    pytest.importorskip("sklearn")
    found = data.bundled(name)
    assert (found.x.shape, found.x.dtype, found.y.dtype) == (shape, np.float32, np.int64)
    assert len(found.feature_names) == shape[1]
    assert len(found.target_names) == len(np.unique(found.y)) == classes


def test_bundled_diabetes_and_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn")
    assert data.bundled("diabetes").y.dtype == np.float32
    with pytest.raises(ValueError, match="expected one of digits, iris"):
        data.bundled("mnist")
    monkeypatch.setitem(__import__("sys").modules, "sklearn", None)
    with pytest.raises(ImportError, match=r"chainrule\[sklearn\]"):
        data.bundled("digits")


def test_classes_take_the_types_of_samples_in_brackets():
    class Numbers(data.Dataset[int]):
        def __getitem__(self, index: int) -> int:
            return index

        def __len__(self) -> int:
            return 3

    class Backwards(data.Sampler[int]):
        def __iter__(self):
            return iter([2, 1, 0])

    class Stream(data.IterableDataset[int]):
        def __iter__(self):
            return iter(range(3))

    loader = data.DataLoader[int](data.Subset[int](Numbers(), [0, 2, 1]), sampler=Backwards(), batch_size=None)
    assert list(loader) == [1, 2, 0]
    chained = (
        data.ChainDataset[int]([Stream()]),
        data.ConcatDataset[int]([Numbers()]),
        data.StackDataset[int](Numbers()),
    )
    assert [len(list(data.DataLoader(found, batch_size=None))) for found in chained] == [3, 3, 3]


def test_data_sets_and_loaders_print_what_they_hold() -> None:
    assert repr(pairs()) == "<TensorDataset: 10 samples in float32[10, 2], int64[10]>"
    assert repr(data.DataLoader(pairs(), 4)) == f"<DataLoader: batch_size=4 of {pairs()!r}>"
    assert repr(data.DataLoader([1, 2])) == "<DataLoader: batch_size=1 of list>"
    assert repr(autograd.Generator().manual_seed(3)) == "<Generator: seed 3>"
