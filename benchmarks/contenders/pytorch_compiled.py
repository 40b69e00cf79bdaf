"""PyTorch through `torch.compile`, which needs a C++ compiler."""

import torch

from benchmarks.contenders import pytorch


class Contender(pytorch.Contender):

    def __init__(self, images, weights, batchsize):
        super().__init__(images, weights, batchsize)
        self.loss_function = torch.compile(pytorch.loss_function)
