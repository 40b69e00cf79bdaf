"""The three models: networks wired to losses, their input checked."""

import tensorflow as tf

from vae_tf import losses, networks, ops
from vae_tf.support import checks


class Memorizer(tf.Module):
    """A decoder alone: pictures live in its weights, found by their codes.

    `image_shape` is (height, width, channels); height and width must halve
    evenly at least once without falling below 4. (Chapter 1)
    """

    def __init__(self, image_shape=(28, 28, 1)):
        super().__init__()
        self.image_shape = checks.image_shape(
            image_shape, networks.count_doublings, "Memorizer")
        self.scope = ops.Scope()

    def generation(self, z):
        """Decode z [n, n_z] into images in (0, 1). The first z decides n_z."""
        z = checks.model_codes(z, None, "Memorizer.generation")
        with self.scope:
            return networks.generation(z, self.image_shape)

    def loss(self, z, images):
        """Return the squared error per image, averaged over the batch."""
        z, images = checks.codes_and_images(z, images, self, "Memorizer.loss")
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
        self.n_z = checks.integer("n_z", n_z, "Autoencoder")
        self.scope = ops.Scope()

    def encoder(self, images):
        """Choose the codes: images -> z [n, n_z]."""
        images = checks.model_images(images, self, "Autoencoder.encoder")
        with self.scope:
            return networks.encoder(images, self.n_z)

    def generation(self, z):
        """Decode the codes: z [n, n_z] -> images in (0, 1)."""
        z = checks.model_codes(z, self.n_z, "Autoencoder.generation")
        with self.scope:
            return networks.generation(z, self.image_shape)

    def reconstruct(self, images):
        """Encode and decode: images -> images."""
        images = checks.model_images(images, self, "Autoencoder.reconstruct")
        return self.generation(self.encoder(images))

    def loss(self, images):
        """Return the squared error per image, averaged over the batch."""
        images = checks.model_images(images, self, "Autoencoder.loss")
        loss = tf.reduce_mean(
            losses.generation_loss(self.reconstruct(images), images))
        return {"loss": loss, "generation_loss": loss}


class VAE(tf.Module):
    """The article's variational autoencoder of images [n, *image_shape].

    `generation_loss` is a function of generated and real images that returns
    one number for each: the article's squared error, or the 2016 program's
    `cross_entropy`. z_stddev starts around `stddev_start`; 2016 took 0, from
    which a blank image has an infinite loss. (Chapter 5, Appendix F)
    """
    def __init__(self, n_z=20, generation_loss=losses.generation_loss,
                 stddev_start=0.02, image_shape=(28, 28, 1)):
        super().__init__()
        self.image_shape = checks.image_shape(
            image_shape, networks.count_doublings, "VAE")
        self.n_z = checks.integer("n_z", n_z, "VAE")
        checks.loss_per_image(generation_loss, self.image_shape)
        self.generation_loss = generation_loss
        self.stddev_start = checks.positive_number(
            "stddev_start", stddev_start, "VAE", zero=True)
        self.scope = ops.Scope()

    def recognition(self, images):
        """Return z_mean and z_stddev, each [n, n_z]."""
        images = checks.model_images(images, self, "VAE.recognition")
        with self.scope:
            return networks.recognition(images, self.n_z, self.stddev_start)

    def generation(self, z):
        """Decode codes: z [n, n_z] -> images in (0, 1)."""
        z = checks.model_codes(z, self.n_z, "VAE.generation")
        with self.scope:
            return networks.generation(z, self.image_shape)

    def reconstruct(self, images):
        """Encode, draw one code each, decode: images -> images."""
        images = checks.model_images(images, self, "VAE.reconstruct")
        return self.generation(networks.sample_z(*self.recognition(images)))

    def generate(self, n):
        """Make n new images from codes drawn from the unit Gaussian."""
        n = checks.integer("n", n, "VAE.generate")
        return self.generation(tf.random.normal([n, self.n_z]))

    def loss(self, images):
        """Return the loss and its two terms, averaged over the batch.

        In nats per image, the loss being the negative evidence lower bound.
        (Kingma and Welling 2013, equation 10)
        """
        images = checks.model_images(images, self, "VAE.loss")
        z_mean, z_stddev = self.recognition(images)
        sampled_z = networks.sample_z(z_mean, z_stddev)
        generated_images = self.generation(sampled_z)
        generation_loss = tf.reduce_mean(
            self.generation_loss(generated_images, images))
        latent_loss = tf.reduce_mean(losses.latent_loss(z_mean, z_stddev))
        loss = generation_loss + latent_loss
        return {"loss": loss, "generation_loss": generation_loss,
                "latent_loss": latent_loss}
