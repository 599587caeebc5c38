import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brokenData, brokenModel, cut, file, json, onlyPicture, remove } from './kit.ts'
import type { BrokenInput, Kit } from './kit.ts'

const evaluate =
  (change: (folder: string) => void) =>
  ({ written, ...kit }: Kit): readonly string[] => [
    'evaluate',
    written,
    '--data',
    brokenData({ written, ...kit }, change),
  ]

const descriptor = (values: Readonly<Record<string, unknown>>) =>
  evaluate(json('val.json', (value) => Object.assign(value, values)))

/** Broken data sets, and model folders whose tokenizer or processor is broken. */
export const data: readonly BrokenInput[] = [
  {
    name: 'a descriptor that does not exist',
    make: ({ written, folder }) => ['evaluate', written, '--data', join(folder, 'no.json')],
    code: 'not-found',
  },
  {
    name: 'a descriptor that is no JSON',
    make: evaluate(cut('val.json', 0.5)),
    code: 'invalid-dataset',
  },
  {
    name: 'a descriptor of an unknown kind',
    make: descriptor({ kind: 'riddles' }),
    code: 'invalid-dataset',
    says: /one of vqav2, images.*found "riddles"/u,
  },
  {
    name: 'a descriptor with an unknown key',
    make: descriptor({ question: 'x' }),
    code: 'invalid-dataset',
    says: /questions, annotations/u,
  },
  {
    name: 'a path that leaves the folder of its descriptor',
    make: descriptor({ questions: '../val_questions.json' }),
    code: 'path-outside',
  },
  {
    name: 'a path from the root of the disk',
    make: descriptor({ annotations: '/etc/passwd' }),
    code: 'path-outside',
  },
  {
    name: 'pictures outside of the folder',
    make: descriptor({ images: '../../{image_id:06}.jpg' }),
    code: 'path-outside',
  },
  {
    name: 'a prompt without a place for the question',
    make: descriptor({ prompt: '<image> what?' }),
    code: 'invalid-dataset',
    says: /\{question\}/u,
  },
  {
    name: 'a picture that is missing',
    make: evaluate((folder) => remove(onlyPicture(folder))(folder)),
    code: 'missing-image',
    says: /question \d+ in .*val\.json/u,
  },
  {
    name: 'a picture that is cut',
    make: evaluate((folder) => cut(onlyPicture(folder), 0.4)(folder)),
    code: 'invalid-image',
  },
  {
    name: 'a picture that is text',
    make: evaluate((folder) => file(onlyPicture(folder), 'not a picture')(folder)),
    code: 'invalid-image',
  },
  {
    name: 'a question without its annotation',
    make: evaluate(json('val_annotations.json', (value) => value.annotations.pop())),
    code: 'invalid-dataset',
  },
  {
    name: 'no questions at all',
    make: evaluate((folder) => {
      json('val_questions.json', (value) => (value.questions = []))(folder)
      json('val_annotations.json', (value) => (value.annotations = []))(folder)
    }),
    code: 'empty-dataset',
  },
  {
    name: 'a folder of pictures where answers are needed',
    make: ({ folder, ...kit }) => {
      brokenData({ folder, ...kit })
      return ['evaluate', kit.written, '--data', join(folder, 'data/val')]
    },
    code: 'invalid-dataset',
    says: /vqav2/u,
  },
  {
    name: 'broken evaluation data of a run, before any work',
    make(kit) {
      const data = brokenData(kit, (folder) => remove(onlyPicture(folder))(folder))
      return ['run', brokenModel(kit), '--eval', data, '-o', 'out']
    },
    code: 'missing-image',
    isEarly: true,
  },
  {
    name: 'calibration data without pictures',
    make(kit) {
      const data = brokenData(kit, (folder) => remove(onlyPicture(folder))(folder))
      return ['quantize', brokenModel(kit), '--calibration', data, '-o', 'out']
    },
    code: 'missing-image',
  },
  {
    name: 'a tokenizer that is cut',
    make: (kit) => [
      'evaluate',
      brokenModel(kit, cut('tokenizer.json', 0.5)),
      '--data',
      brokenData(kit),
    ],
    code: 'malformed',
  },
  {
    name: 'a tokenizer that is missing',
    make: (kit) => [
      'evaluate',
      brokenModel(kit, remove('tokenizer.json')),
      '--data',
      brokenData(kit),
    ],
    code: 'not-found',
  },
  {
    name: 'a chat template that cannot be read',
    make: (kit) => {
      const change = json('tokenizer_config.json', (value) => {
        value.chat_template = '{% for %}'
      })
      return ['evaluate', brokenModel(kit, change), '--data', brokenData(kit)]
    },
    code: 'malformed',
  },
  {
    name: 'a processor that wants pictures of 10^9 pixels',
    make: (kit) => {
      const change = json('preprocessor_config.json', (value) => {
        value.crop_size = { height: 1e9, width: 1e9 }
        value.size = { shortest_edge: 1e9 }
      })
      return ['evaluate', brokenModel(kit, change), '--data', brokenData(kit)]
    },
    code: 'malformed',
  },
  {
    name: 'statistics of another model',
    make(kit) {
      const statistics = {
        schema: 'mixbit/statistics@1',
        model: 'another',
        data: 'x',
        samples: 1,
        layers: { 'decoder.layers.0.self_attn.q_proj.weight': { count: 1, meanSquare: [1, 2] } },
      }
      const path = join(kit.folder, 'statistics.json')
      writeFileSync(path, JSON.stringify(statistics))
      return ['quantize', brokenModel(kit), '--calibration', path, '-o', 'out']
    },
    code: 'statistics-mismatch',
    says: /"another"/u,
  },
  {
    name: 'statistics of a newer version',
    make(kit) {
      const path = join(kit.folder, 'statistics.json')
      writeFileSync(path, '{"schema": "mixbit/statistics@2"}')
      return ['quantize', brokenModel(kit), '--calibration', path, '-o', 'out']
    },
    code: 'unsupported-version',
  },
  {
    name: 'a plan of another model',
    make(kit) {
      const path = join(kit.folder, 'plan.json')
      cpSync(join(kit.written, 'plan.json'), path)
      json('plan.json', (plan) => (plan.layers[3].layer = 'decoder.layers.99.weight'))(kit.folder)
      return ['quantize', brokenModel(kit), '--plan', path, '-o', 'out']
    },
    code: 'invalid-plan',
  },
  {
    name: 'a plan that asks for what cannot be stored',
    make(kit) {
      const path = join(kit.folder, 'plan.json')
      cpSync(join(kit.written, 'plan.json'), path)
      json('plan.json', (plan) => {
        const layer = plan.layers.find((each: { role: string }) => each.role === 'linear')
        layer.scheme.granularity = { kind: 'per-block', axis: 1, blockSize: 7 }
      })(kit.folder)
      return ['quantize', brokenModel(kit), '--plan', path, '-o', 'out']
    },
    code: 'unsupported-scheme',
  },
  {
    name: 'a plan with a scheme of no kind',
    make(kit) {
      const path = join(kit.folder, 'plan.json')
      cpSync(join(kit.written, 'plan.json'), path)
      json('plan.json', (plan) => (plan.layers[0].scheme = { kind: 'magic' }))(kit.folder)
      return ['quantize', brokenModel(kit), '--plan', path, '-o', 'out']
    },
    code: 'invalid-plan',
    says: /layers\[0\]\.scheme\.kind must be "float" or .*; found "magic"/u,
  },
]
