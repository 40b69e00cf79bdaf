"""The one writer of files that a killed run must not leave half written."""

import os


def write(path, content):
    """Write text or bytes to a file, whole or not at all."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(data)
    os.replace(part, path)
