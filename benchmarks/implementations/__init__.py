"""The same network, loss and optimizer, each as its users would write it.

Each class takes images [n, 28, 28, 1], the weights of `network.start_weights`
and a batch size. `loss_and_gradients(images, samples)` returns both, as NumPy
arrays by the weights' names, for the noise it is given; `run()` trains on all
images once and returns the mean loss.
"""
