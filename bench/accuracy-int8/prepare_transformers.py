"""Makes tasks with trained transformers, beside those of prepare.py:

    python prepare_transformers.py <folder for downloads> <output folder>

What they are: weights that their authors publish inside packages on PyPI, exported here to ONNX with PyTorch and
transformers, and the small model of this project; data that other packages publish.

    reaction-class   BERT, 12 layers of 256, of rxnfp 0.1.0: the class of a chemical reaction. Reactions of US patents
                     with their classes, Schneider's 50,000 (in drfp 0.3.7): its training part calibrates.
    reaction-tokens  ALBERT, 12 layers of 256, of rxnmapper 0.4.3: masked tokens of such reactions.
    antibody-tokens  BERT, 8 layers of 512, of AntiBERTy 0.1.3: masked residues of antibodies of the Protein Data Bank
                     (test data of antpack 0.3.8).
    nano-decoder     the decoder of fixtures/fastvlm-nano, 4 layers of 192, without its cache: the first token of
                     the answer to a question about a picture.
    nano-vision      its vision encoder: convolutions and one stage of attention.
"""

import csv
import gzip
import io
import json
import os
import random
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnx.version_converter
import onnxruntime
import torch
from PIL import Image
from tokenizers import Tokenizer
from transformers import AlbertConfig, AlbertForMaskedLM, BertConfig, BertForMaskedLM, BertForSequenceClassification

from published import download, member
from task_folder import write_task

downloads, out = sys.argv[1:3]
root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
fixtures = os.path.join(root, "fixtures")

FILES = {
    "antiberty": ("antiberty-0.1.3-py3-none-any.whl", "30d910992b190013871bac49cdc032e01a19339f7d2b958ab99b0eb44638352a"),
    "rxnfp": ("rxnfp-0.1.0-py3-none-any.whl", "c5c1e818add6f34539a6b29bc680c47c9e7311e9383d1b34ce901481e34b58cf"),
    "rxnmapper": ("rxnmapper-0.4.3-py3-none-any.whl", "27876a4286881aafd286fd6f24a6a56a4ca6ba22d68e035a0ea120106c541ba5"),
    "drfp": ("drfp-0.3.7.tar.gz", "be841e38316e8f5d42325d706941979288911cf4b701a904db555a4e95977af7"),
    "antpack": ("antpack-0.3.8.tar.gz", "70037173009c4ee86e414beb3ec95bd61547fe86930bf68565cf2cef91a47ad4"),
}

LENGTH = 128
MASKED_SHARE = 0.15

# The tokens of reaction SMILES, as rxnfp and rxnmapper split them.
SMILES = re.compile(
    r"(\%\([0-9]{3}\)|\[[^\]]+]|Br?|Cl?|N|O|S|P|F|I|b|c|n|o|s|p|\||\(|\)|\.|=|#|-|\+|\\|\/|:|~|@|\?|>>?|\*|\$|\%[0-9]{2}|[0-9])")


def published(package, name):
    return member(download(downloads, package, *FILES[package]), name)


def trained(package, folder, config, architecture):
    """A model with the weights that a package ships; heads that the task does not use are left out."""
    settings = json.load(published(package, f"{folder}/config.json"))
    settings.pop("id2label", None)
    settings.pop("label2id", None)
    model = architecture(config(**settings, attn_implementation="eager"))
    weights = torch.load(published(package, f"{folder}/pytorch_model.bin"), map_location="cpu", weights_only=True)
    missing = model.load_state_dict(weights, strict=False).missing_keys
    if missing:
        raise SystemExit(f"{package}: no weights for {missing}")
    return model.eval()


class Logits(torch.nn.Module):
    """Only the logits of a model, from ids and mask."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask):
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits


def exported(model, places):
    """The ONNX of a model with batch and length left open."""
    ids = torch.ones(1, LENGTH, dtype=torch.int64)
    names = ["input_ids", "attention_mask"]
    open_axes = {0: "batch", 1: "tokens"}
    axes = {"logits": open_axes if places else {0: "batch"}, **{name: open_axes for name in names}}
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        path = os.path.join(folder, "model.onnx")
        torch.onnx.export(Logits(model), (ids, torch.ones_like(ids)), path, input_names=names, output_names=["logits"],
                          dynamic_axes=axes, opset_version=17, dynamo=False)
        return onnx.load(path)


def vocabulary(package, name):
    lines = published(package, name).read().decode().splitlines()
    return {token: number for number, token in enumerate(lines)}


def encoded(tokens, known):
    return [known.get(token, known["[UNK]"]) for token in ["[CLS]", *tokens, "[SEP]"]]


def padded(rows):
    """Ids and mask, int64 (rows, 1, LENGTH); 0 is [PAD] in all of these vocabularies."""
    ids = np.zeros((len(rows), 1, LENGTH), np.int64)
    mask = np.zeros_like(ids)
    for at, row in enumerate(rows):
        ids[at, 0, : len(row)] = row
        mask[at, 0, : len(row)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def masked(rows, known, seed):
    """Rows with a seventh of their tokens masked, and these tokens (rows, LENGTH), -1 elsewhere."""
    rng = random.Random(seed)
    labels = np.full((len(rows), LENGTH), -1, np.int64)
    hidden = []
    for at, row in enumerate(rows):
        inner = range(1, len(row) - 1)
        chosen = rng.sample(inner, max(1, round(MASKED_SHARE * len(inner))))
        labels[at, chosen] = [row[place] for place in chosen]
        hidden.append([known["[MASK]"] if place in set(chosen) else token for place, token in enumerate(row)])
    return padded(hidden), labels


def reactions():
    """(tokens, class) of the training part and of the test part, each in an order of its own."""
    text = io.TextIOWrapper(published("drfp", "drfp-0.3.7/data/schneider50k.tsv"), "utf-8")
    rows = list(csv.DictReader(text, delimiter="\t"))
    classes = sorted({row["rxn_class"] for row in rows})
    parts = {"train": [], "test": []}
    for row in rows:
        tokens = SMILES.findall(row["rxn"])
        if len(tokens) + 2 <= LENGTH:
            parts[row["split"]].append((tokens, classes.index(row["rxn_class"])))
    for part in parts.values():
        random.Random(0).shuffle(part)
    return parts["train"], parts["test"]


def reaction_class():
    folder = "rxnfp/models/transformers/bert_ft_10k_25s"
    known = vocabulary("rxnfp", f"{folder}/vocab.txt")
    train, test = reactions()
    model = exported(trained("rxnfp", folder, BertConfig, BertForSequenceClassification), places=False)
    rows = lambda part: padded([encoded(tokens, known) for tokens, _ in part])
    write_task(out, "reaction-class", model, rows(train[:80]), rows(test[:1000]), [label for _, label in test[:1000]],
               transformer=True)


def reaction_tokens():
    folder = "rxnmapper/models/transformers/albert_heads_8_uspto_all_1310k"
    known = vocabulary("rxnmapper", f"{folder}/vocab.txt")
    train, test = reactions()
    model = exported(trained("rxnmapper", folder, AlbertConfig, AlbertForMaskedLM), places=True)
    calibration, _ = masked([encoded(tokens, known) for tokens, _ in train[:80]], known, 1)
    evaluation, labels = masked([encoded(tokens, known) for tokens, _ in test[:300]], known, 2)
    write_task(out, "reaction-tokens", model, calibration, evaluation, labels, transformer=True)


def antibody_tokens():
    known = vocabulary("antiberty", "antiberty/trained_models/vocab.txt")
    text = gzip.decompress(published("antpack", "antpack-0.3.8/tests/test_data/test_data.csv.gz").read()).decode()
    sequences = sorted({row["sequence"] for row in csv.DictReader(io.StringIO(text))})
    rows = [encoded(sequence, known) for sequence in sequences if len(sequence) + 2 <= LENGTH]
    random.Random(0).shuffle(rows)
    model = trained("antiberty", "antiberty/trained_models/AntiBERTy_md_smooth", BertConfig, BertForMaskedLM)
    calibration, _ = masked(rows[:80], known, 3)
    evaluation, labels = masked(rows[80:380], known, 4)
    write_task(out, "antibody-tokens", exported(model, places=True), calibration, evaluation, labels, transformer=True)


def pixels(path):
    """A picture of fastvlm-nano's own size, (3, 192, 192)."""
    return (np.asarray(Image.open(path).convert("RGB"), np.float32) / 255).transpose(2, 0, 1)


def without_cache(decoder):
    """The decoder for a text from its start: no cached keys and values, and only the logits as output."""
    graph = decoder.graph
    kept = {value.name: value for value in graph.input}
    cached = [name for name in kept if name.startswith("past_key_values.")]
    renamed = {}
    for node in [node for node in graph.node if node.op_type == "Concat" and node.input[0] in cached]:
        renamed[node.output[0]] = node.input[1]
        graph.node.remove(node)
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
    for name in cached:
        graph.input.remove(kept[name])
    for value in [value for value in graph.output if value.name != "logits"]:
        graph.output.remove(value)
    onnx.checker.check_model(decoder)
    return decoder


def asked(part, count):
    """Questions about pictures: one of each picture in turn."""
    folder = os.path.join(fixtures, "pocket-vqa")
    read = lambda kind: json.load(open(os.path.join(folder, f"{part}_{kind}.json")))[kind]
    answers = {entry["question_id"]: entry["multiple_choice_answer"] for entry in read("annotations")}
    rows = [(os.path.join(folder, part, f"{entry['image_id']:06}.jpg"), entry["question"], answers[entry["question_id"]])
            for entry in read("questions")]
    return random.Random(5).sample(rows, min(count, len(rows)))


def nano():
    with tempfile.TemporaryDirectory() as folder:
        package = os.path.join(folder, "nano")
        subprocess.run(["node", os.path.join(root, "packages/mixbit/bin/mixbit.js"), "quantize",
                        os.path.join(fixtures, "fastvlm-nano"), "--precision", "fp32", "-o", package, "--quiet"], check=True)
        # At opset 21 ONNX Runtime 1.30 does not load what NNCF makes of them.
        parts = {name: onnx.version_converter.convert_version(onnx.load(os.path.join(package, "onnx", f"{name}.onnx")), 20)
                 for name in ("vision_encoder", "embed_tokens", "decoder_model_merged")}
    vision_task(parts["vision_encoder"])
    decoder_task(parts)


def vision_task(model):
    read = lambda part, count: np.stack([pixels(path) for path in sorted({row[0] for row in asked(part, 2000)})[:count]])[:, None]
    write_task(out, "nano-vision", model, {"pixel_values": read("calibration", 80)}, {"pixel_values": read("val", 200)},
               metric="relative", transformer=True)


def decoder_task(parts):
    tokenizer = Tokenizer.from_file(os.path.join(fixtures, "fastvlm-nano/tokenizer.json"))
    vision, embed = (onnxruntime.InferenceSession(parts[name].SerializeToString()) for name in ("vision_encoder", "embed_tokens"))
    picture_token, length = tokenizer.token_to_id("<image>"), 64

    def feeds(rows):
        """Embeddings of prompts, filled up behind their end, and the answer's first token at that end."""
        x = np.zeros((len(rows), 1, length, 192), np.float32)
        mask = np.zeros((len(rows), 1, length), np.int64)
        labels = np.full((len(rows), length), -1, np.int64)
        for at, (path, question, answer) in enumerate(rows):
            prompt = f"<|im_start|>user\n<image>\n{question}<|im_end|>\n<|im_start|>assistant\n"
            ids = tokenizer.encode(prompt).ids
            place = ids.index(picture_token)
            picture = vision.run(None, {"pixel_values": pixels(path)[None]})[0][0]
            words = embed.run(None, {"input_ids": np.asarray([ids], np.int64)})[0][0]
            row = np.concatenate([words[:place], picture, words[place + 1:]])[:length]
            x[at, 0, : len(row)] = row
            mask[at, 0, : len(row)] = 1
            labels[at, len(row) - 1] = tokenizer.encode(answer).ids[0]
        places = np.broadcast_to(np.arange(length, dtype=np.int64), mask.shape)
        kept = np.full(len(rows), length, np.int64)
        names = [value.name for value in model.graph.input]
        values = {"inputs_embeds": x, "attention_mask": mask, "position_ids": places, "num_logits_to_keep": kept}
        return {name: values[name] for name in names}, labels

    model = without_cache(parts["decoder_model_merged"])
    calibration, _ = feeds(asked("calibration", 80))
    evaluation, labels = feeds(asked("val", 1000))
    write_task(out, "nano-decoder", model, calibration, evaluation, labels, transformer=True)


os.makedirs(out, exist_ok=True)
for task in (reaction_class, reaction_tokens, antibody_tokens, nano):
    task()
