"""The plots of the benchmarks: cost against size, both in powers of ten."""

from collections.abc import Mapping, Sequence
from pathlib import Path

_MARKS = "osDv^<>pX*"


def plot(
    path: Path, title: str, x_label: str, y_label: str, series: Mapping[str, Sequence[tuple[float, float]]]
) -> None:
    """Write a PNG with one line for each of *series*: its name, and its points (x, y), all above zero."""
    import matplotlib as mpl  # noqa: PLC0415 - not in this process before everything is measured: it is large

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - as above

    figure, axes = plt.subplots(figsize=(8, 5), dpi=120, layout="constrained")
    for number, (name, points) in enumerate(series.items()):
        xs, ys = zip(*sorted(points), strict=True)
        axes.plot(xs, ys, marker=_MARKS[number % len(_MARKS)], label=name)
    axes.set(title=title, xlabel=x_label, ylabel=y_label, xscale="log", yscale="log")
    axes.grid(visible=True, which="major", alpha=0.4)
    axes.legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})  # the same figures are then the same file
    plt.close(figure)
