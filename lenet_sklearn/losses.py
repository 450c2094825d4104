"""The loss of 1998: the right class against all others and rubbish."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class MAPLoss(nn.Module):
    """Maximum a posteriori loss with a class for rubbish, equation 9 of [1]_.

    With the distance y of a character to each class, the right one D, and the
    constant j::

        y_D + log(exp(-j) + sum_i exp(-y_i))

    The network's logits are the distances with the opposite sign, so this is the
    cross-entropy with one more class, whose logit is always -j.

    Parameters
    ----------
    rubbish : float
        The constant j: a character whose distance to all classes is larger is
        taken for rubbish rather than for one of them.

    reduction : {"mean", "none"}, default="mean"
        Whether to take the mean over the batch.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning
       applied to document recognition", Proc. IEEE 86(11), pp. 2278-2324, 1998,
       section II.C.

    Examples
    --------
    >>> import torch
    >>> from lenet_sklearn.losses import MAPLoss
    >>> logits = -torch.tensor([[0.0, 20.0]])
    >>> round(float(MAPLoss(rubbish=0.0)(logits, torch.tensor([0]))), 4)  # log 2
    0.6931
    """

    def __init__(self, rubbish: float, reduction: str = "mean") -> None:
        super().__init__()
        self.rubbish = rubbish
        self.reduction = reduction

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Compute the loss.

        Parameters
        ----------
        logits : Tensor of shape (n, n_classes)
            Minus the distances.

        targets : Tensor of shape (n,), dtype int64
            Right columns.

        Returns
        -------
        loss : Tensor of shape () or (n,)
            Never negative.
        """
        rubbish = logits.new_full((len(logits), 1), -self.rubbish)
        everything = torch.logsumexp(torch.cat([logits, rubbish], dim=1), dim=1)
        losses = everything - logits.gather(1, targets[:, None])[:, 0]
        return losses.mean() if self.reduction == "mean" else losses


def rubbish_posteriors(
    logits: NDArray[np.float64], rubbish: float
) -> NDArray[np.float64]:
    """Compute the posterior probability that an image is no character at all.

    Parameters
    ----------
    logits : ndarray of shape (n, n_classes), dtype float
        Minus the distances, or any logits.

    rubbish : float
        The constant j of :class:`MAPLoss`.

    Returns
    -------
    posteriors : ndarray of shape (n,), dtype float64
        exp(-j) over the sum of that and of the exponentials of the logits.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.losses import rubbish_posteriors
    >>> rubbish_posteriors(np.array([[-1.0, -40.0]]), rubbish=1.0)
    array([0.5])
    """
    characters = np.logaddexp.reduce(logits, axis=1)
    posteriors: NDArray[np.float64] = 1 / (1 + np.exp(characters + rubbish))
    return posteriors
