"""PyTorch, eager or compiled, with its fused Adam; images stay in memory.

PyTorch's convolutions pad the other side of an image than TensorFlow's, so
the same network is that for mirrored images, with mirrored weights.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.network import shapes


class VAE(nn.Module):

    def __init__(self, n_z):
        super().__init__()
        self.d_h1 = nn.Conv2d(1, 16, 5, stride=2, padding=2)
        self.d_h2 = nn.Conv2d(16, 32, 5, stride=2, padding=2)
        self.w_mean = nn.Linear(7 * 7 * 32, n_z)
        self.w_stddev = nn.Linear(7 * 7 * 32, n_z)
        self.z_matrix = nn.Linear(n_z, 7 * 7 * 32)
        self.g_h1 = nn.ConvTranspose2d(32, 16, 5, stride=2, padding=2,
                                       output_padding=1)
        self.g_h2 = nn.ConvTranspose2d(16, 1, 5, stride=2, padding=2,
                                       output_padding=1)

    def forward(self, images, samples):
        x = functional.leaky_relu(self.d_h1(images), 0.2)
        x = functional.leaky_relu(self.d_h2(x), 0.2).flatten(1)
        z_mean, z_stddev = self.w_mean(x), self.w_stddev(x)
        x = functional.relu(self.z_matrix(z_mean + z_stddev * samples))
        x = functional.relu(self.g_h1(x.unflatten(1, (32, 7, 7))))
        return self.g_h2(x), z_mean, z_stddev


def loss_function(model, images, samples):
    logits, z_mean, z_stddev = model(images, samples)
    generation_loss = functional.binary_cross_entropy_with_logits(
        logits, images, reduction="sum")
    latent_loss = 0.5 * torch.sum(
        z_mean ** 2 + z_stddev ** 2 - torch.log(z_stddev ** 2) - 1)
    return (generation_loss + latent_loss) / len(images)


class PyTorch:

    loss_function = staticmethod(loss_function)

    def __init__(self, images, weights, batchsize):
        torch.manual_seed(0)
        self.n_z, self.batchsize = len(weights["w_mean/bias"]), batchsize
        self.images = torch.from_numpy(images).movedim(3, 1).contiguous()
        self.model = VAE(self.n_z)
        with torch.no_grad():
            for name, weight in weights.items():
                mirrored = mirror(name, weight).copy()
                self.parameter(name).copy_(torch.from_numpy(mirrored))
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.001,
                                          fused=True)

    def parameter(self, name):
        layer, kind = name.split("/")
        return getattr(getattr(self.model, layer),
                       "bias" if kind in ("b", "bias") else "weight")

    def gradient(self, name, shape):
        """Return a gradient in the order that the weights came in."""
        order = mirror(name, np.arange(np.prod(shape)).reshape(shape))
        gradient = np.empty(shape, np.float32)
        gradient.flat[order.ravel()] = self.parameter(name).grad.ravel()
        return gradient

    def loss_and_gradients(self, images, samples):
        images = torch.from_numpy(images[:, ::-1, ::-1].copy()).movedim(3, 1)
        loss = self.loss_function(self.model, images,
                                  torch.from_numpy(samples))
        self.optimizer.zero_grad()
        loss.backward()
        return loss.item(), {name: self.gradient(name, shape)
                             for name, shape in shapes(self.n_z).items()}

    def run(self):
        losses = []
        for batch in torch.randperm(len(self.images)).split(self.batchsize):
            images = self.images[batch]
            samples = torch.randn(len(images), self.n_z)
            self.optimizer.zero_grad()
            loss = self.loss_function(self.model, images, samples)
            loss.backward()
            self.optimizer.step()
            losses.append(loss.detach())
        return torch.stack(losses).mean().item()


class Compiled(PyTorch):
    """The same through `torch.compile`, which needs a C++ compiler."""

    def __init__(self, images, weights, batchsize):
        super().__init__(images, weights, batchsize)
        self.loss_function = torch.compile(loss_function)


def mirror(name, weight):
    """Return a weight in PyTorch's order, for mirrored images."""
    if weight.ndim == 4:
        return weight[::-1, ::-1].transpose(3, 2, 0, 1)
    if name in ("w_mean/Matrix", "w_stddev/Matrix"):
        return channels_first(weight).T
    if name == "z_matrix/Matrix":
        return channels_first(weight.T)
    return channels_first(weight)[:, 0] if name == "z_matrix/bias" else weight


def channels_first(features):
    """Return features [7*7*32, n] as those of mirrored images [32*7*7, n]."""
    features = features.reshape(7, 7, 32, -1)[::-1, ::-1]
    return features.transpose(2, 0, 1, 3).reshape(7 * 7 * 32, -1)
