"""A process that runs one contender of one workload: ``python benchmarks/worker.py WORKLOAD CONTENDER SETTINGS``.

It says what it is, then for every line on its input measures once; all answers are one line of JSON each. It
may run in another environment than the rest, with an older Python: it needs only what its contender needs.
"""

import importlib
import importlib.metadata
import json
import os
import platform
import sys

OURS = ("chainrule", "chainrule_nn", "compiled", "numba")


def main() -> None:
    """Prepare, then measure on demand until the input ends."""
    workload, contender, settings = sys.argv[1:]
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    others = [path for path in sys.path[1:] if os.path.abspath(path) != root]  # PYTHONPATH may name it
    # Elsewhere `autograd` is another package of that name, so our own directory comes last there.
    sys.path[:] = [root, *others] if contender in OURS else [*others, root]
    module = importlib.import_module("benchmarks.workloads." + workload)
    answers, sys.stdout = sys.stdout, sys.stderr

    def answer(**facts: object) -> None:
        answers.write(json.dumps(facts) + "\n")
        answers.flush()

    try:
        measure = prepare(module, contender, json.loads(settings))
    except Exception as error:
        if not isinstance(error, ImportError) and not type(error).__module__.startswith("torch._"):
            raise
        # PyTorch's own errors: torch.compile cannot do it here, for lack of a C++ compiler say.
        answer(missing=f"{type(error).__name__}: {str(error).strip().splitlines()[0]}")
        return
    answer(python=platform.python_version(), versions=versions(contender))
    for _ in sys.stdin:
        figures, values = measure()
        answer(figures=figures, values=values)


def prepare(module, contender: str, settings: dict):
    """What measures once: a function of the workload's for this contender, or its program for libraries alike."""
    from benchmarks import libraries, measure

    own = getattr(module, contender, None)
    if own is None and (contender not in libraries.LIBRARIES or not hasattr(module, "program")):
        raise ImportError(f"{module.__name__} is not written for {contender}")
    if not hasattr(module, "program"):
        return own(**settings)
    repeats = settings.pop("repeats")
    program = own(**settings) if own else module.program(libraries.LIBRARIES[contender](), **settings)
    if contender in ("compiled", "numba") and own is None:
        program = libraries.compiled(program, "numba" if contender == "numba" else "numpy")
    return measure.timed(program, repeats, contender in libraries.REPLAYED)


def versions(contender: str) -> dict:
    """The versions of what is being compared."""
    if contender in OURS:
        found = {"chainrule": sys.modules["autograd"].__version__} if "autograd" in sys.modules else {}
    else:
        name = {"hips": "autograd"}.get(contender, contender.partition("-")[0])
        found = {name: importlib.metadata.version(name)}
    if contender == "numba":
        found["numba"] = importlib.metadata.version("numba")
    if "numpy" in sys.modules:
        found["numpy"] = sys.modules["numpy"].__version__
    return found


if __name__ == "__main__":
    main()
