"""The three models: networks wired to losses, nothing more."""

import tensorflow as tf

from vae_tf import losses, networks
from vae_tf.checks import integer
from vae_tf.ops import Scope


class Memorizer(tf.Module):
    """A decoder alone: pictures live in its weights, found by their codes.

    `image_shape` is (height, width, channels); height and width must halve
    evenly at least once without falling below 4. (Chapter 1)
    """

    def __init__(self, image_shape=(28, 28, 1)):
        super().__init__()
        if not hasattr(image_shape, "__iter__"):
            raise TypeError(
                "The 'image_shape' parameter of Memorizer must be (height, "
                f"width, channels). Got {image_shape!r} instead.")
        for length in image_shape:
            integer("image_shape", length, "Memorizer")
        if len(image_shape) != 3 or not networks.count_doublings(image_shape):
            raise ValueError(
                "The 'image_shape' parameter of Memorizer must be (height, "
                "width, channels) with even height and width of at least 8. "
                f"Got {tuple(image_shape)!r} instead.")
        self.image_shape = tuple(image_shape)
        self.scope = Scope()

    def generation(self, z):
        """Decode z [n, n_z] into images [n, *image_shape] in (0, 1)."""
        with self.scope:
            return networks.generation(z, self.image_shape)

    def loss(self, z, images):
        """Return the squared error per image, averaged over the batch."""
        loss = tf.reduce_mean(
            losses.generation_loss(self.generation(z), images))
        return {"loss": loss, "generation_loss": loss}


class Autoencoder(tf.Module):
    """An encoder that chooses each image's code, and the decoder. (Chapter 4)

    Images are [n, 28, 28, 1] with pixels in [0, 1]; codes are [n, n_z].
    """

    image_shape = (28, 28, 1)

    def __init__(self, n_z=20):
        super().__init__()
        self.n_z = integer("n_z", n_z, "Autoencoder")
        self.scope = Scope()

    def encoder(self, images):
        """Choose the codes: images -> z [n, n_z]."""
        with self.scope:
            return networks.encoder(images, self.n_z)

    def generation(self, z):
        """Decode the codes: z [n, n_z] -> images in (0, 1)."""
        with self.scope:
            return networks.generation(z, self.image_shape)

    def reconstruct(self, images):
        """Encode and decode: images -> images."""
        return self.generation(self.encoder(images))

    def loss(self, images):
        """Return the squared error per image, averaged over the batch."""
        loss = tf.reduce_mean(
            losses.generation_loss(self.reconstruct(images), images))
        return {"loss": loss, "generation_loss": loss}


class VAE(tf.Module):
    """The variational autoencoder of the article. (Chapter 5)

    `generation_loss` is a function of generated and real images: the
    article's squared error, or the 2016 program's `cross_entropy`. Images are
    [n, 28, 28, 1] with pixels in [0, 1].
    """

    image_shape = (28, 28, 1)

    def __init__(self, n_z=20, generation_loss=losses.generation_loss):
        super().__init__()
        self.n_z = integer("n_z", n_z, "VAE")
        if not callable(generation_loss):
            raise TypeError(
                "The 'generation_loss' parameter of VAE must be a function of "
                f"generated and real images. Got {generation_loss!r} instead.")
        self.generation_loss = generation_loss
        self.scope = Scope()

    def recognition(self, images):
        """Return z_mean and z_stddev, each [n, n_z]."""
        with self.scope:
            return networks.recognition(images, self.n_z)

    def generation(self, z):
        """Decode codes: z [n, n_z] -> images in (0, 1)."""
        with self.scope:
            return networks.generation(z, self.image_shape)

    def reconstruct(self, images):
        """Encode, draw one code each, decode: images -> images."""
        return self.generation(networks.sample_z(*self.recognition(images)))

    def generate(self, n):
        """Make n new images from codes drawn from the unit Gaussian."""
        n = integer("n", n, "VAE.generate")
        return self.generation(tf.random.normal([n, self.n_z]))

    def loss(self, images):
        """Return the loss and its two terms, averaged over the batch.

        The latent loss is in nats per image; the loss is the negative
        evidence lower bound. (Kingma and Welling 2013, equation 10)
        """
        z_mean, z_stddev = self.recognition(images)
        generated_images = self.generation(
            networks.sample_z(z_mean, z_stddev))
        generation_loss = tf.reduce_mean(
            self.generation_loss(generated_images, images))
        latent_loss = tf.reduce_mean(losses.latent_loss(z_mean, z_stddev))
        loss = generation_loss + latent_loss
        return {"loss": loss, "generation_loss": generation_loss,
                "latent_loss": latent_loss}
