"""The three models: networks wired to losses, nothing more.

Every method checks its images and codes before it makes a variable. Arrays
become float32; tensors stay tensors, so that gradients pass. Inside a
tf.function, where values are not known yet, type and shape are checked.
"""

import math

import tensorflow as tf

from vae_tf import checks, losses, networks
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
            checks.integer("image_shape", length, "Memorizer")
        if len(image_shape) != 3 or not networks.count_doublings(image_shape):
            raise ValueError(
                "The 'image_shape' parameter of Memorizer must be (height, "
                "width, channels) with even height and width of at least 8. "
                f"Got {tuple(image_shape)!r} instead.")
        self.image_shape = tuple(image_shape)
        self.scope = Scope()

    def generation(self, z):
        """Decode z [n, n_z] into images [n, *image_shape] in (0, 1).

        The first codes decide n_z.
        """
        z = check_codes(z, None, "Memorizer.generation")
        with self.scope:
            return networks.generation(z, self.image_shape)

    def loss(self, z, images):
        """Return the squared error per image, averaged over the batch."""
        z = check_codes(z, None, "Memorizer.loss")
        images = check_images(images, self, "Memorizer.loss")
        if None not in (z.shape[0], images.shape[0]) \
                and z.shape[0] != images.shape[0]:
            raise ValueError(
                "The 'z' parameter of Memorizer.loss must have one code for "
                f"each of the {images.shape[0]} images. Got {z.shape[0]} "
                "instead.")
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
        self.scope = Scope()

    def encoder(self, images):
        """Choose the codes: images -> z [n, n_z]."""
        images = check_images(images, self, "Autoencoder.encoder")
        with self.scope:
            return networks.encoder(images, self.n_z)

    def generation(self, z):
        """Decode the codes: z [n, n_z] -> images in (0, 1)."""
        z = check_codes(z, self.n_z, "Autoencoder.generation")
        with self.scope:
            return networks.generation(z, self.image_shape)

    def reconstruct(self, images):
        """Encode and decode: images -> images."""
        images = check_images(images, self, "Autoencoder.reconstruct")
        return self.generation(self.encoder(images))

    def loss(self, images):
        """Return the squared error per image, averaged over the batch."""
        images = check_images(images, self, "Autoencoder.loss")
        loss = tf.reduce_mean(
            losses.generation_loss(self.reconstruct(images), images))
        return {"loss": loss, "generation_loss": loss}


class VAE(tf.Module):
    """The variational autoencoder of the article. (Chapter 5)

    `generation_loss` is a function of generated and real images that returns
    one number for each: the article's squared error, or the 2016 program's
    `cross_entropy`. z_stddev starts around `stddev_start`. In 2016 that was
    0, from which a blank image has a z_stddev of 0 and an infinite loss.
    Images are [n, 28, 28, 1] with pixels in [0, 1].
    """

    image_shape = (28, 28, 1)

    def __init__(self, n_z=20, generation_loss=losses.generation_loss,
                 stddev_start=0.02):
        super().__init__()
        self.n_z = checks.integer("n_z", n_z, "VAE")
        check_generation_loss(generation_loss, self.image_shape)
        self.generation_loss = generation_loss
        # 2016: 0, as all biases.
        self.stddev_start = checks.positive_number(
            "stddev_start", stddev_start, "VAE", zero=True)
        self.scope = Scope()

    def recognition(self, images):
        """Return z_mean and z_stddev, each [n, n_z]."""
        images = check_images(images, self, "VAE.recognition")
        with self.scope:
            return networks.recognition(images, self.n_z, self.stddev_start)

    def generation(self, z):
        """Decode codes: z [n, n_z] -> images in (0, 1)."""
        z = check_codes(z, self.n_z, "VAE.generation")
        with self.scope:
            return networks.generation(z, self.image_shape)

    def reconstruct(self, images):
        """Encode, draw one code each, decode: images -> images."""
        images = check_images(images, self, "VAE.reconstruct")
        return self.generation(networks.sample_z(*self.recognition(images)))

    def generate(self, n):
        """Make n new images from codes drawn from the unit Gaussian."""
        n = checks.integer("n", n, "VAE.generate")
        return self.generation(tf.random.normal([n, self.n_z]))

    def loss(self, images):
        """Return the loss and its two terms, averaged over the batch.

        The latent loss is in nats per image; the loss is the negative
        evidence lower bound. (Kingma and Welling 2013, equation 10)
        """
        images = check_images(images, self, "VAE.loss")
        z_mean, z_stddev = self.recognition(images)
        generated_images = self.generation(
            networks.sample_z(z_mean, z_stddev))
        generation_loss = tf.reduce_mean(
            self.generation_loss(generated_images, images))
        latent_loss = tf.reduce_mean(losses.latent_loss(z_mean, z_stddev))
        loss = generation_loss + latent_loss
        return {"loss": loss, "generation_loss": generation_loss,
                "latent_loss": latent_loss}


def check_images(images, model, owner):
    """Return float32 images of the model's shape, or say what is wrong."""
    return checked(checks.images, "images", images, owner, model.image_shape)


def check_codes(z, n_z, owner):
    """Return float32 codes [n, n_z], of any n_z if it is None, or say why."""
    return checked(checks.array, "z", z, owner, (n_z,))


def checked(check, name, value, owner, shape):
    """Return `value` as `check` does, except that a tensor stays a tensor."""
    if not tf.is_tensor(value):
        return check(name, value, owner, shape)
    if tf.executing_eagerly():
        check(name, value, owner, shape)
    else:
        known = value.shape if value.shape.rank is not None else (None, *shape)
        checks.form(name, value.dtype.as_numpy_dtype, list(known), owner,
                    shape)
    return value if value.dtype == tf.float32 else tf.cast(value, tf.float32)


def check_generation_loss(function, image_shape):
    """Raise unless `function` returns one number for each of two images.

    It is run in a graph, as training runs it, so that it draws nothing from
    the stream of random numbers.
    """
    begin = ("The 'generation_loss' parameter of VAE must be a function of "
             "generated and real images that returns one finite number for "
             f"each. Got {function!r}")
    if not callable(function) or isinstance(function, tf.keras.losses.Loss):
        raise TypeError(f"{begin} instead.")
    with tf.init_scope():
        generated, real = [tf.reshape([0.2, 0.4], [2, 1, 1, 1])
                           * tf.ones(image_shape) * x for x in (1, 2)]
        try:
            values = tf.function(lambda *images: tf.convert_to_tensor(
                function(*images))).get_concrete_function(generated, real)(
                    generated, real)
        except Exception as error:
            raise TypeError(f"{begin} instead, which raises "
                            f"{type(error).__name__}.") from error
    if values.dtype != tf.float32 or values.shape != [2]:
        raise ValueError(f"{begin} instead, which returns shape "
                         f"{values.shape} and {values.dtype.name} for two.")
    if tf.executing_eagerly() and not all(map(math.isfinite, values)):
        raise ValueError(f"{begin} instead, which returns {values}.")
