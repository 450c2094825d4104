"""Learn from the posteriors of a fitted classifier, beside the labels."""

from dataclasses import dataclass
from numbers import Real
from typing import Any, Self


@dataclass(frozen=True, kw_only=True, eq=False)
class Distillation:
    """Have a network learn from a teacher's posteriors as well as from labels.

    The teacher reads the training batches as they are distorted, and the network learns
    to give the same posteriors, at a temperature that shows which of the wrong classes
    are the less wrong ones [1]_. A committee is so put into one network.

    Parameters
    ----------
    teacher : LeNet5Classifier, or VotingClassifier of them
        Fitted, of the labels of what is trained, on images of the same size in pixels;
        of any architecture. It is not copied with the parameter, and not changed.

    temperature : float, default=2.0
        What the logits of both are divided by, besides a teacher's own `temperature_`.

    share : float, default=0.9
        Of the teacher in the loss, in (0, 1]; the rest is that of the labels.

    Raises
    ------
    ValueError
        If `temperature` or `share` is out of its range.

    Notes
    -----
    What is added to the loss is the Kullback-Leibler divergence of the posteriors,
    times the square of the temperature, which keeps its gradients as large as those of
    the labels. A step costs as much more as the teacher needs to read the batch. The
    defaults were not tuned: labels count for little, as the paper advises. A file of
    the trained classifier does not hold the teacher.

    References
    ----------
    .. [1] G. Hinton, O. Vinyals, J. Dean, "Distilling the knowledge in a neural
       network", 2015, arXiv:1503.02531, section 2.

    Examples
    --------
    >>> from lenet_sklearn import Distillation, LeNet5Classifier
    >>> teacher = LeNet5Classifier.from_pretrained("mnist", device="cpu")
    >>> pupil = LeNet5Classifier(distillation=Distillation(teacher=teacher))
    >>> pupil.distillation.share
    0.9
    """

    teacher: Any
    temperature: float = 2.0
    share: float = 0.9

    def __post_init__(self) -> None:
        if not isinstance(self.temperature, Real) or not self.temperature > 0:
            raise ValueError(
                "Distillation expects a temperature above 0."
                f" Got {self.temperature!r}. Pass such as 2.0."
            )
        if not isinstance(self.share, Real) or not 0 < self.share <= 1:
            raise ValueError(
                "Distillation expects a share above 0, and at most 1."
                f" Got {self.share!r}. Pass such as 0.5."
            )

    def __sklearn_clone__(self) -> Self:
        # A clone of the teacher would not be fitted.
        return self
