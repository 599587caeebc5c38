import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brokenData, brokenModel, brokenPackage, cut, file, json, remove } from './kit.ts'
import type { BrokenInput, Kit } from './kit.ts'

const VISION = 'onnx/vision_encoder_q4.onnx'

/** Evaluates a package that is broken. */
const evaluate =
  (change: (folder: string) => void) =>
  (kit: Kit): readonly string[] => [
    'evaluate',
    brokenPackage(kit, change),
    '--data',
    brokenData(kit),
  ]

/** Replaces bytes in a file by as many others. */
const swap =
  (name: string, from: string, to: string) =>
  (folder: string): void => {
    const bytes = readFileSync(join(folder, name), 'latin1')
    if (from.length !== to.length || !bytes.includes(from)) throw new Error(`No ${from} in ${name}`)
    writeFileSync(join(folder, name), bytes.replaceAll(from, to), 'latin1')
  }

const configFile = (text: string) => (kit: Kit) => {
  const path = join(kit.folder, 'mixbit.config.yaml')
  writeFileSync(path, text)
  return ['run', brokenModel(kit), '--config', path, '-o', 'out']
}

/** Broken packages, bad places for an output, and config files with mistakes. */
export const outputs: readonly BrokenInput[] = [
  {
    name: 'a graph that is cut',
    make: evaluate(cut(VISION, 0.5)),
    code: 'truncated',
  },
  {
    name: 'a graph that is empty',
    make: evaluate(file(VISION, '')),
    code: 'malformed',
  },
  {
    name: 'a graph that is text',
    make: evaluate(file(VISION, 'this is not a graph, it is a sentence')),
    code: 'malformed',
  },
  {
    name: 'external data that is missing',
    make: evaluate(remove(`${VISION}_data`)),
    code: 'not-found',
    says: /vision_encoder_q4\.onnx_data/u,
  },
  {
    name: 'external data that is cut',
    make: evaluate(cut(`${VISION}_data`, 0.5)),
    code: 'external-data',
  },
  {
    name: 'external data that lies outside of the folder',
    make: evaluate(swap(VISION, 'vision_encoder_q4.onnx_data', '../../vision_encoder.a_data')),
    code: 'path-outside',
  },
  {
    name: 'external data that is a link out of the folder',
    make: evaluate((folder) => {
      writeFileSync(join(folder, '../secret'), 'secret')
      remove(`${VISION}_data`)(folder)
      symlinkSync('../../secret', join(folder, `${VISION}_data`))
    }),
    code: 'path-outside',
  },
  {
    name: 'a graph that is missing',
    make: evaluate(remove(VISION)),
    code: 'not-found',
  },
  {
    name: 'mixbit.json of a newer version',
    make: evaluate(json('mixbit.json', (value) => (value.schema = 'mixbit/model@2'))),
    code: 'unsupported-version',
    says: /mixbit\/model@2/u,
  },
  {
    name: 'mixbit.json that is cut',
    make: evaluate(cut('mixbit.json', 0.5)),
    code: 'malformed',
  },
  {
    name: 'mixbit.json that names a graph outside of the folder',
    make: evaluate(json('mixbit.json', (value) => (value.sessions.vision_encoder = '../x.onnx'))),
    code: 'path-outside',
  },
  {
    name: 'report.json that is cut',
    make({ folder }) {
      writeFileSync(join(folder, 'report.json'), '{"schema": "mixbit/report@1"')
      return ['report', folder]
    },
    code: 'malformed',
  },
  {
    name: 'report.json of a newer version',
    make({ folder }) {
      writeFileSync(join(folder, 'report.json'), '{"schema": "mixbit/report@2"}')
      return ['report', folder]
    },
    code: 'unsupported-version',
  },
  {
    name: 'quantizing a package once more',
    make: ({ written }) => ['quantize', written, '-o', 'out'],
    code: 'unsupported-model',
    says: /quantized already/u,
  },
  {
    name: "an output folder that is somebody else's",
    make(kit) {
      mkdirSync(join(kit.folder, 'home'))
      writeFileSync(join(kit.folder, 'home/diary.txt'), 'mine')
      return ['quantize', brokenModel(kit), '-o', join(kit.folder, 'home')]
    },
    code: 'output-exists',
    says: /--force/u,
  },
  {
    name: 'an output that is a file',
    make(kit) {
      writeFileSync(join(kit.folder, 'file'), 'mine')
      return ['quantize', brokenModel(kit), '--force', '-o', join(kit.folder, 'file')]
    },
    code: 'output-exists',
    says: /remove the file/u,
  },
  {
    name: 'a folder with the name of a package',
    make: (kit) => ['quantize', brokenModel(kit), '-o', join(kit.folder, 'a.mlpackage')],
    code: 'usage',
    says: /without "\.mlpackage"/u,
  },
  {
    name: 'a folder of a run with the name of an ONNX file',
    make: (kit) => ['run', brokenModel(kit), '-o', join(kit.folder, 'a.onnx')],
    code: 'usage',
    says: /without "\.onnx"/u,
  },
  {
    name: 'an output inside the model',
    make(kit) {
      const model = brokenModel(kit)
      return ['quantize', model, '-o', join(model, 'out')]
    },
    code: 'usage',
  },
  {
    name: 'an output that holds the model',
    make: (kit) => ['quantize', brokenModel(kit), '--force', '-o', kit.folder],
    code: 'usage',
  },
  {
    name: 'a config with a key that does not exist',
    make: configFile('presets: balanced'),
    code: 'invalid-config',
    says: /presets is not a setting\. Did you mean "preset"\? Allowed here: model, /u,
  },
  {
    name: 'a config with a value that is not allowed',
    make: configFile('preset: fastest'),
    code: 'invalid-config',
    says: /preset must be one of mobile_optimized, balanced, quality_focused, ultra_fast/u,
  },
  {
    name: 'a config with a value of a wrong kind',
    make: configFile('evaluation: [{ data: val.json, maxDrop: much }]'),
    code: 'invalid-config',
    says: /evaluation\[0\]\.maxDrop must be a number; found "much"/u,
  },
  {
    name: 'a config that is no YAML',
    make: configFile('model: [unclosed'),
    code: 'invalid-config',
  },
  {
    name: 'a config that grows when it is read',
    make: configFile(
      `a: &a [x,x,x,x,x,x,x,x,x]\n${['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']
        .map((name, index) => {
          const before = String.fromCodePoint(97 + index)
          return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(',')}]`
        })
        .join('\n')}`,
    ),
    code: 'invalid-config',
  },
  {
    name: 'a config with a precision that does not exist',
    make: configFile('components: { decoder: int5 }'),
    code: 'invalid-config',
    says: /components\.decoder/u,
  },
  {
    name: 'a component that the model does not have',
    make: (kit) => ['quantize', brokenModel(kit), '--component', 'encoder=int4', '-o', 'out'],
    code: 'pattern-without-match',
  },
  {
    name: 'a pattern that matches no layer',
    make: (kit) => [
      'quantize',
      brokenModel(kit),
      '--layer',
      'decoder.layers.9.*=int8',
      '-o',
      'out',
    ],
    code: 'pattern-without-match',
  },
]
