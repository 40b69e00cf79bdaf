"""Pictures that are no digits: a folder of them, pieces of photographs."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from vae_tf.support import checks


def load_pictures(folder, size=32, channels=3):
    """Return all pictures of a folder, in the order of their names.

    -> float32 [n, size, size, channels], pixels in [0, 1]; 3 channels are
    red, green and blue, 1 is grey. A picture may have any size and mode that
    Pillow reads: it is turned as its EXIF says, its middle square is cut out
    and resized; what is transparent becomes white, a film is its first frame,
    pixels of 32 bits are scaled by their range. Files with another suffix are
    passed over. Raises TypeError or ValueError, naming the argument or the
    file that is broken. (Appendix F)
    """
    owner = "load_pictures"
    if checks.integer("size", size, owner, low=8) % 2:
        raise ValueError(checks.message(
            "size", owner, "be even, as the network halves it", size))
    if channels not in (1, 3):
        raise ValueError(checks.message("channels", owner, "be 1 or 3",
                                        repr(channels)))
    if not isinstance(folder, (str, Path)) or not Path(folder).is_dir():
        raise ValueError(checks.message("folder", owner, "be the path of a "
                                        "folder", repr(folder)))
    known = {suffix for suffix, kind in Image.registered_extensions().items()
             if kind in Image.OPEN}
    paths = sorted(path for path in Path(folder).iterdir()
                   if path.suffix.lower() in known and path.is_file())
    if not paths:
        raise ValueError(checks.message(
            "folder", owner, "hold pictures, such as .png or .jpg",
            f"none in {str(folder)!r}"))
    pictures = [load_picture(path, size, channels) for path in paths]
    return np.float32(pictures).reshape(-1, size, size, channels) / 255


def load_picture(path, size, channels):
    """Return one picture as uint8 [size, size] or [size, size, 3]."""
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)
        if image.mode[0] in "IF":   # 16 or 32 bits, which Pillow would cut off
            values, short = np.float64(image), image.mode.startswith("I;16")
            low, high = (0, 65535) if short else (values.min(), values.max())
            image = Image.fromarray(np.uint8(
                255 * (values - low) / max(high - low, 1e-12)))
        if image.has_transparency_data:
            image = Image.alpha_composite(
                Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
        image = image.convert("RGB").convert("RGB" if channels == 3 else "L")
        return np.asarray(ImageOps.fit(image, (size, size)))
    except Exception as error:      # a broken file makes Pillow raise anything
        raise ValueError(f"{str(path)!r} cannot be read as a picture: "
                         f"{error}") from error


def patches(n=2000):
    """Return n pieces [32, 32, 3] of each of four photographs, and others.

    -> training [4 n, 32, 32, 3] from the left three quarters of each, and
    validation [n, 32, 32, 3] from the right quarters; float32 in [0, 1]. The
    photographs are scikit-image's, at half their size. (Appendix F)
    """
    from skimage import data
    from skimage.measure import block_reduce
    from sklearn.feature_extraction.image import extract_patches_2d

    parts = [], []
    for photo in (data.astronaut(), data.chelsea(), data.coffee(),
                  data.stereo_motorcycle()[0]):
        half = block_reduce(photo, (2, 2, 1), np.mean)
        edge = half.shape[1] * 3 // 4
        for part, piece, count in zip(
                parts, (half[:, :edge], half[:, edge:]), (n, n // 4)):
            part.append(extract_patches_2d(piece, (32, 32), max_patches=count,
                                           random_state=0))
    return [np.float32(np.concatenate(part) / 255) for part in parts]
