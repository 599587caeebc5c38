import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brokenModel, cut, file, json, remove, safetensors, tensors } from './kit.ts'
import type { BrokenInput, Kit, Tensors } from './kit.ts'

const QUERY = 'model.layers.0.self_attn.q_proj.weight'

/** Quantizing reads every weight of the checkpoint. */
const quantize =
  (change: (folder: string) => void) =>
  (kit: Kit): readonly string[] => ['quantize', brokenModel(kit, change), '-o', 'out']

const config = (values: Readonly<Record<string, unknown>>) =>
  quantize(json('config.json', (value) => Object.assign(value, values)))

/** Puts 16 bits at an element of a tensor: the fixture is stored in fp16. */
function poke({ header, data }: Tensors, name: string, element: number, bits: number): void {
  data.writeUInt16LE(bits, header[name].data_offsets[0] + 2 * element)
}

/** Broken checkpoints. */
export const models: readonly BrokenInput[] = [
  {
    name: 'a model that does not exist',
    make: ({ folder }) => ['audit', join(folder, 'nothing')],
    code: 'not-found',
  },
  {
    name: 'a file as the model',
    make: (kit) => ['audit', join(brokenModel(kit), 'model.safetensors')],
    code: 'unknown-format',
  },
  {
    name: 'an empty folder as the model',
    make({ folder }) {
      mkdirSync(join(folder, 'empty'))
      return ['quantize', join(folder, 'empty'), '-o', 'out']
    },
    code: 'unknown-format',
  },
  {
    name: 'an empty safetensors file',
    make: quantize(file('model.safetensors', '')),
    code: 'truncated',
  },
  {
    name: 'a safetensors file of five bytes',
    make: quantize(file('model.safetensors', 'abcde')),
    code: 'truncated',
  },
  {
    name: 'a safetensors file cut in its data',
    make: quantize(cut('model.safetensors', 0.9)),
    code: 'truncated',
  },
  {
    name: 'a safetensors file cut in its header',
    make: quantize(cut('model.safetensors', 0.001)),
    code: 'truncated',
  },
  {
    name: 'a header that says it has 2^63 bytes',
    make: quantize(file('model.safetensors', safetensors('{}', new Uint8Array(8), 2n ** 63n))),
    code: 'limit-exceeded',
  },
  {
    name: 'a header that says it has 90 MB',
    make: quantize(file('model.safetensors', safetensors('{}', new Uint8Array(8), 90_000_000n))),
    code: 'truncated',
  },
  {
    name: 'a header that is no JSON',
    make: quantize(file('model.safetensors', safetensors('{"a": ', new Uint8Array(8)))),
    code: 'malformed',
  },
  {
    name: 'a header nested 100,000 deep',
    make: quantize(file('model.safetensors', safetensors('['.repeat(100_000), new Uint8Array(8)))),
    code: 'malformed',
  },
  {
    name: 'tensors that overlap',
    make: quantize(
      tensors(({ header }) => {
        const [begin, end] = header[QUERY].data_offsets
        header[QUERY].data_offsets = [begin - 2, end - 2]
      }),
    ),
    code: 'malformed',
    says: /overlap|gap/u,
  },
  {
    name: 'a tensor that ends before it begins',
    make: quantize(
      tensors(({ header }) => {
        header[QUERY].data_offsets = header[QUERY].data_offsets.toReversed()
      }),
    ),
    code: 'malformed',
  },
  {
    name: 'a shape with a product beyond all numbers',
    make: quantize(
      tensors(({ header }) => {
        header[QUERY].shape = [2 ** 52, 2 ** 52, 2 ** 52]
      }),
    ),
    code: 'malformed',
  },
  {
    name: 'a shape of negative length',
    make: quantize(
      tensors(({ header }) => {
        header[QUERY].shape = [-192, -192]
      }),
    ),
    code: 'malformed',
  },
  {
    name: 'a shape that the model cannot have',
    make: quantize(
      tensors(({ header }) => {
        header[QUERY].shape = [96, 384]
      }),
    ),
    code: 'wrong-shape',
    says: /q_proj/u,
  },
  {
    name: 'a tensor that is missing',
    make: quantize(
      tensors(({ header }) => {
        header['other'] = header[QUERY]
        delete header[QUERY]
      }),
    ),
    code: 'missing-tensor',
    says: /q_proj/u,
  },
  {
    name: 'weights of whole numbers',
    make: quantize(
      tensors(({ header }) => {
        header[QUERY].dtype = 'I16'
      }),
    ),
    code: 'unsupported-dtype',
  },
  {
    name: 'a weight with NaN',
    make: quantize(tensors((all) => poke(all, QUERY, 5, 0x7e00))),
    code: 'not-finite',
    says: /"decoder\.layers\.0\.self_attn\.q_proj\.weight" holds 1 /u,
  },
  {
    name: 'a bias that is infinite',
    make: quantize(tensors((all) => poke(all, 'model.layers.0.self_attn.q_proj.bias', 0, 0xfc00))),
    code: 'not-finite',
  },
  {
    name: 'an index of shards that leaves the folder',
    make: quantize((folder) => {
      renameSync(join(folder, 'model.safetensors'), join(folder, '../model.safetensors'))
      const weights = { [QUERY]: '../model.safetensors' }
      const index = JSON.stringify({ weight_map: weights })
      writeFileSync(join(folder, 'model.safetensors.index.json'), index)
    }),
    code: 'path-outside',
  },
  {
    name: 'a checkpoint that is a link out of the folder',
    make: quantize((folder) => {
      renameSync(join(folder, 'model.safetensors'), join(folder, '../elsewhere'))
      symlinkSync('../elsewhere', join(folder, 'model.safetensors'))
    }),
    code: 'path-outside',
  },
  {
    name: 'a config.json that is cut',
    make: quantize(cut('config.json', 0.5)),
    code: 'malformed',
  },
  {
    name: 'a config.json that is a list',
    make: quantize(file('config.json', '[]')),
    code: 'malformed',
  },
  {
    name: 'a config of another kind of model',
    make: config({ model_type: 'bert', architectures: ['BertModel'] }),
    code: 'unsupported-model',
  },
  {
    name: 'a config with 10^9 layers',
    make: config({ num_hidden_layers: 1e9 }),
    code: 'malformed',
    says: /num_hidden_layers/u,
  },
  {
    name: 'a config with more layers than there are tensors',
    make: config({ num_hidden_layers: 5 }),
    code: 'missing-tensor',
  },
  {
    name: 'a config with no heads',
    make: config({ num_attention_heads: 0 }),
    code: 'malformed',
    says: /num_attention_heads/u,
  },
  {
    name: 'a config with a width that no tensor has',
    make: config({ hidden_size: 193 }),
    code: 'wrong-shape',
  },
  {
    name: 'a checkpoint without config.json',
    make: quantize(remove('config.json')),
    code: 'unknown-format',
  },
]
