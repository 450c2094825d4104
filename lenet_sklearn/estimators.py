"""What estimators that hold a network have in common."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lenet_sklearn.devices import seeded
from lenet_sklearn.inference import Run, StoredNetwork, reads_without_torch

if TYPE_CHECKING:  # it takes seconds to import
    import torch


class NetworkHolder:
    """Base of estimators that hold a network: trained here, or loaded."""

    device: "str | torch.device"
    engine: str
    _net: Any
    _stored: StoredNetwork

    @property
    def net_(self) -> Any:
        """The trained net; of an estimator that was loaded, it is made now."""
        if "_net" not in vars(self):
            if "_stored" not in vars(self):
                raise AttributeError(
                    f"{type(self).__name__} has no net_ before it is fitted. Call fit."
                )
            import torch

            with seeded(0, torch.device("cpu")):  # the weights it draws are not kept
                net = self._build_net()
            weights = self._stored.weights.items()
            net.module_.load_state_dict({n: torch.tensor(w) for n, w in weights})
            self.net_ = net
        return self._net

    @net_.setter
    def net_(self, net: Any) -> None:
        self._forget_network()
        self._net = net

    @abstractmethod
    def _build_net(self) -> Any:
        """Make a net into which the stored weights fit."""

    def _forget_network(self) -> None:
        for name in ("_net", "_stored"):
            self.__dict__.pop(name, None)

    def _find_run(self, size: tuple[int, int], axes: Mapping[int, str]) -> Run | None:
        """Return what runs the network as a graph; None where torch is to run it."""
        # One that was loaded has not imported torch, and nobody has changed its net:
        # the graph of its file reads. Once there is a net, torch does.
        if reads_without_torch(self):
            return self._stored.run
        if self.engine != "onnxruntime":
            return None
        from lenet_sklearn.onnx import store_network

        return store_network(self.net_.module_, size, axes=axes).run

    def __sklearn_is_fitted__(self) -> bool:
        return bool({"_net", "_stored"} & vars(self).keys())
