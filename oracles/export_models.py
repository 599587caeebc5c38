"""Exports networks of many kinds with random weights, as real exporters write them.

    pip install torch torchvision timm transformers onnx onnxscript
    python oracles/export_models.py <folder> [name...]

Weights are random, so accuracy has no sense; layouts, operators and graph structure are those of
the exporters (TorchScript: `-ts`, dynamo: `-dynamo`).
"""

import sys
import traceback
import warnings
from pathlib import Path

import torch
from torch import nn

warnings.filterwarnings("ignore")
torch.manual_seed(0)


def picture(size=64, batch=1):
    return (torch.randn(batch, 3, size, size),)


def ids(length=16, vocabulary=1000):
    return (torch.randint(0, vocabulary, (1, length)),)


class Recurrent(nn.Module):
    """An embedding, a recurrent layer and a classifier."""

    def __init__(self, kind, bidirectional=False):
        super().__init__()
        self.table = nn.Embedding(1000, 64)
        self.layer = kind(64, 96, num_layers=2, batch_first=True, bidirectional=bidirectional)
        self.head = nn.Linear(192 if bidirectional else 96, 20)

    def forward(self, x):
        return self.head(self.layer(self.table(x))[0][:, -1])


class Unet(nn.Module):
    """Down by Conv, up by ConvTranspose, once in groups."""

    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList(
            [nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 3, 2, 1), nn.Conv2d(32, 64, 3, 2, 1)]
        )
        self.up = nn.ModuleList(
            [nn.ConvTranspose2d(64, 32, 2, 2), nn.ConvTranspose2d(32, 16, 4, 2, 1, groups=4)]
        )
        self.depthwise = nn.ConvTranspose2d(16, 16, 3, 1, 1, groups=16)
        self.out = nn.Conv2d(16, 2, 1)

    def forward(self, x):
        for layer in [*self.down, *self.up, self.depthwise]:
            x = torch.relu(layer(x))
        return self.out(x)


class Detector(nn.Module):
    """A YOLO-like network: CSP blocks, SPPF, upsampling, three heads of boxes and scores."""

    def __init__(self):
        super().__init__()
        self.stem = self.block(3, 16, 2)
        self.stages = nn.ModuleList([self.block(16, 32, 2), self.block(32, 64, 2), self.block(64, 128, 2)])
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.lateral = nn.ModuleList([self.block(128 * 2, 64, 1, 1), self.block(64 + 64, 32, 1, 1)])
        self.boxes = nn.ModuleList([nn.Conv2d(c, 4, 1) for c in (256, 128, 64)])
        self.scores = nn.ModuleList([nn.Conv2d(c, 80, 1) for c in (256, 128, 64)])

    @staticmethod
    def block(a, b, stride=1, kernel=3):
        return nn.Sequential(
            nn.Conv2d(a, b, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(b), nn.SiLU()
        )

    def forward(self, x):
        x = self.stem(x)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        deep = torch.cat([maps[2], self.pool(maps[2])], 1)
        middle = torch.cat([nn.functional.interpolate(self.lateral[0](deep), scale_factor=2), maps[1]], 1)
        shallow = torch.cat([nn.functional.interpolate(self.lateral[1](middle), scale_factor=2), maps[0]], 1)
        out = []
        for level, box, score in zip((deep, middle, shallow), self.boxes, self.scores):
            out.append(torch.cat([box(level) * 640, score(level).sigmoid()], 1).flatten(2))
        return torch.cat(out, 2)


class Temporal(nn.Module):
    """1-D convolutions, also dilated and depthwise, and a PReLU."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(8, 64, 5, padding=2), nn.PReLU(64), nn.Conv1d(64, 64, 3, padding=4, dilation=4, groups=64),
            nn.Conv1d(64, 96, 1), nn.GELU(), nn.Conv1d(96, 4, 3, padding=1),
        )

    def forward(self, x):
        return self.net(x)


class Volume(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv3d(1, 16, 3), nn.ReLU(), nn.Conv3d(16, 32, 3, groups=4), nn.ReLU())
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        return self.head(self.net(x).mean((2, 3, 4)))


class Odd(nn.Module):
    """Products in unusual places: a weight on the left, a stack of matrices, Einsum, addmm."""

    def __init__(self):
        super().__init__()
        self.left = nn.Parameter(torch.randn(48, 64) / 8)
        self.stack = nn.Parameter(torch.randn(4, 16, 16) / 4)
        self.sum = nn.Parameter(torch.randn(64, 4, 16) / 8)
        self.scaled = nn.Parameter(torch.randn(64, 80) / 8)
        self.bias = nn.Parameter(torch.randn(80))

    def forward(self, x):
        y = torch.matmul(self.left, x.transpose(1, 2)).transpose(1, 2)
        z = torch.einsum("bnd,dhe->bhne", x, self.sum)
        z = torch.matmul(z, self.stack)
        w = torch.addmm(self.bias, x[0], self.scaled, beta=0.5, alpha=2.0)
        return y, z, w


class Tied(nn.Module):
    """One table looks tokens up and is the head."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(1000, 64)
        self.body = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 64))

    def forward(self, x):
        return nn.functional.linear(self.body(self.table(x)), self.table.weight)


class Branches(nn.Module):
    """If with a layer in each branch, and Loop with one in its body."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(64, 64)
        self.b = nn.Linear(64, 64)
        self.step = nn.Linear(64, 64)

    def forward(self, x):
        y = self.a(x) if bool(x.sum() > 0) else self.b(x)
        for _ in range(3):
            y = torch.tanh(self.step(y))
        return y


def vision(name, size=64, **options):
    import timm

    return lambda: (timm.create_model(name, pretrained=False, **options), picture(size))


def torchvision_model(name, size=64, **options):
    import torchvision

    return lambda: (torchvision.models.get_model(name, weights=None, **options), picture(size))


def text(kind, config, options, inputs=None, outputs="last_hidden_state"):
    """A transformers model from a small configuration."""

    def make():
        import transformers

        model = getattr(transformers, kind)(getattr(transformers, config)(**options))
        # One tensor out, no cache: what is exported is the network.
        class Plain(nn.Module):
            def __init__(self):
                super().__init__()
                self.model = model

            def forward(self, *values):
                return self.model(*values, return_dict=True)[outputs]

        return Plain(), (inputs or ids)()

    return make


BERT = dict(vocab_size=1000, hidden_size=128, num_hidden_layers=2, num_attention_heads=2, intermediate_size=256)
MODELS = {
    "resnet18": torchvision_model("resnet18"),
    "mobilenet_v2": torchvision_model("mobilenet_v2"),
    "mobilenet_v3_small": torchvision_model("mobilenet_v3_small"),
    "efficientnet_b0": torchvision_model("efficientnet_b0"),
    "squeezenet1_1": torchvision_model("squeezenet1_1"),
    "shufflenet_v2": torchvision_model("shufflenet_v2_x0_5"),
    "mnasnet": torchvision_model("mnasnet0_5"),
    "googlenet": torchvision_model("googlenet", aux_logits=False, init_weights=False),
    "densenet121": torchvision_model("densenet121"),
    "regnet": torchvision_model("regnet_y_400mf"),
    "lraspp": lambda: (SegmentationHead(), picture(64)),
    "vit_tiny": vision("vit_tiny_patch16_224", 224, depth=4),
    "deit3": vision("deit3_small_patch16_224", 224, depth=2),
    "swin": vision("swin_tiny_patch4_window7_224", 224, depths=(1, 1, 2, 1), embed_dim=48),
    "convnext": vision("convnext_atto"),
    "mobilevit": vision("mobilevit_xxs", 256),
    "mixer": vision("mixer_s32_224", 224),
    "efficientnet_lite0": vision("efficientnet_lite0"),
    "ghostnet": vision("ghostnet_050"),
    "mobilenetv4": vision("mobilenetv4_conv_small"),
    "fastvit": vision("fastvit_t8", 256),
    "lstm": lambda: (Recurrent(nn.LSTM), ids()),
    "lstm_both_ways": lambda: (Recurrent(nn.LSTM, True), ids()),
    "gru": lambda: (Recurrent(nn.GRU), ids()),
    "rnn": lambda: (Recurrent(nn.RNN), ids()),
    "unet": lambda: (Unet(), picture()),
    "detector": lambda: (Detector(), picture(128)),
    "temporal": lambda: (Temporal(), (torch.randn(1, 8, 100),)),
    "volume": lambda: (Volume(), (torch.randn(1, 1, 12, 12, 12),)),
    "odd": lambda: (Odd(), (torch.randn(1, 24, 64),)),
    "tied": lambda: (Tied(), ids()),
    "bert": text("BertModel", "BertConfig", BERT),
    "distilbert": text("DistilBertModel", "DistilBertConfig", dict(vocab_size=1000, dim=128, n_layers=2, n_heads=2, hidden_dim=256)),
    "gpt2": text("GPT2LMHeadModel", "GPT2Config", dict(vocab_size=1000, n_embd=128, n_layer=2, n_head=2), outputs="logits"),
    "llama": text("LlamaForCausalLM", "LlamaConfig", dict(vocab_size=1000, hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2), outputs="logits"),
    "t5_encoder": text("T5EncoderModel", "T5Config", dict(vocab_size=1000, d_model=128, d_ff=256, num_layers=2, num_heads=2, d_kv=64)),
    "clip_text": text("CLIPTextModel", "CLIPTextConfig", dict(vocab_size=1000, hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=2)),
    "clip_vision": text("CLIPVisionModel", "CLIPVisionConfig", dict(hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=2, image_size=64, patch_size=16), picture),
    "wav2vec2": text("Wav2Vec2Model", "Wav2Vec2Config", dict(hidden_size=128, num_hidden_layers=2, num_attention_heads=2, intermediate_size=256, conv_dim=(64, 64, 64), conv_stride=(5, 2, 2), conv_kernel=(10, 3, 3), num_feat_extract_layers=3, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4), lambda: (torch.randn(1, 1600),)),
    "whisper_encoder": lambda: (WhisperEncoder(), (torch.randn(1, 80, 200),)),
}

# TorchScript only: a script keeps If and Loop.
SCRIPTED = {"branches": lambda: (torch.jit.script(Branches()), (torch.randn(1, 64),))}
HALVES = ("resnet18", "bert", "tied", "unet")


class SegmentationHead(nn.Module):
    def __init__(self):
        super().__init__()
        import torchvision

        self.model = torchvision.models.get_model("lraspp_mobilenet_v3_large", weights=None, weights_backbone=None)

    def forward(self, x):
        return self.model(x)["out"]


class WhisperEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        from transformers import WhisperConfig
        from transformers.models.whisper.modeling_whisper import WhisperEncoder as Encoder

        self.model = Encoder(WhisperConfig(d_model=128, encoder_layers=2, encoder_attention_heads=2, encoder_ffn_dim=256, max_source_positions=100))

    def forward(self, x):
        return self.model(x)[0]


def as_half(inputs, dtype):
    return tuple(value.to(dtype) if value.is_floating_point() else value for value in inputs)


def export(folder, name, exporter, model, inputs):
    path = folder / f"{name}-{exporter}.onnx"
    model.eval()
    with torch.no_grad():
        if exporter == "ts":
            opset = 17 if len(name) % 2 else 14
            torch.onnx.export(model, inputs, str(path), opset_version=opset, dynamo=False, input_names=[f"in{i}" for i in range(len(inputs))])
        else:
            torch.onnx.export(model, inputs, str(path), dynamo=True, external_data=False, verbose=False)
    print(f"{path.name}  {path.stat().st_size}", flush=True)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    wanted = set(sys.argv[2:])
    tasks = [(name, "ts", make, None) for name, make in {**MODELS, **SCRIPTED}.items()]
    tasks += [(name, "dynamo", make, None) for name, make in MODELS.items()]
    tasks += [(name, "dynamo", MODELS[name], torch.float16) for name in HALVES]
    tasks += [("bert", "dynamo", MODELS["bert"], torch.bfloat16)]
    for name, exporter, make, dtype in tasks:
        if wanted and name not in wanted:
            continue
        try:
            model, inputs = make()
            suffix = {None: "", torch.float16: "_fp16", torch.bfloat16: "_bf16"}[dtype]
            if dtype is not None:
                model, inputs = model.to(dtype), as_half(inputs, dtype)
            export(folder, name + suffix, exporter, model, inputs)
        except Exception as error:
            print(f"{name}-{exporter}: {type(error).__name__}: {str(error)[:200]}", flush=True)
            if "-v" in sys.argv:
                traceback.print_exc()


main()
