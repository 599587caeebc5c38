"""Files of packages as PyPI has them: downloaded once, checked by their hash, read without installing anything."""

import hashlib
import io
import json
import os
import tarfile
import urllib.request
import zipfile


def download(cache, package, file, sha256):
    """Path of a wheel or source archive of a package; it lies in the folder `cache` afterwards."""
    path = os.path.join(cache, file)
    if not os.path.exists(path):
        os.makedirs(cache, exist_ok=True)
        with urllib.request.urlopen(f"https://pypi.org/pypi/{package}/json") as reply:
            releases = json.load(reply)["releases"]
        urls = [entry["url"] for files in releases.values() for entry in files if entry["filename"] == file]
        with urllib.request.urlopen(urls[0]) as reply, open(path + ".part", "wb") as part:
            part.write(reply.read())
        os.rename(path + ".part", path)
    with open(path, "rb") as archive:
        found = hashlib.file_digest(archive, "sha256").hexdigest()
    if found != sha256:
        raise SystemExit(f"{path}: its sha256 is {found}, not {sha256}")
    return path


def member(archive, name):
    """One file of a wheel or .tar.gz, as a stream that can be read anywhere."""
    if archive.endswith(".whl"):
        with zipfile.ZipFile(archive) as opened:
            return io.BytesIO(opened.read(name))
    with tarfile.open(archive) as opened:
        return io.BytesIO(opened.extractfile(name).read())
