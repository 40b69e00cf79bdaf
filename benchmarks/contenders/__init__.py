"""The same network, loss and optimizer, each as its users would write it.

A module defines `Contender(images, weights, batchsize)`, where images are
[n, 28, 28, 1] and weights are those of `network.start_weights`, with two
methods: `loss_and_gradients(images, samples)` computes both on the noise it
is given, gradients by the weights' names and in their shapes, and
`train_epoch()` takes one pass over all images and returns the mean loss.
"""
