import type { CommandSpec, OptionSpec, PositionalSpec } from './command.ts'
import {
  algorithm,
  budget,
  calibration,
  calibrator,
  compareOptions,
  component,
  computeUnit,
  data,
  decompress,
  dtype,
  evaluation,
  force,
  io,
  labelledData,
  layer,
  layers,
  limit,
  maxDrop,
  noProtect,
  numerics,
  output,
  plan,
  precision,
  preset,
  runtime,
  samples,
  sampling,
  seed,
  selfContained,
  target,
  workers,
} from './options.ts'

export type VerbName =
  | 'audit'
  | 'calibrate'
  | 'plan'
  | 'quantize'
  | 'evaluate'
  | 'compare'
  | 'verify'
  | 'convert'
  | 'run'
  | 'report'
  | 'demo'

const ANY_MODEL: PositionalSpec = {
  name: 'model',
  summary:
    'Checkpoint folder, folder of ONNX graphs, ONNX file or Core ML package. May stand in the config file instead.',
  required: false,
}

const MODEL: PositionalSpec = {
  name: 'model',
  summary:
    'Checkpoint folder, folder of ONNX graphs, or ONNX file. May stand in the config file instead.',
  required: false,
}

const CHECKPOINT_OR_ONNX: PositionalSpec = {
  name: 'model',
  summary: 'Checkpoint folder or ONNX file. May stand in the config file instead.',
  required: false,
}

const CHECKPOINT: PositionalSpec = {
  name: 'model',
  summary: 'Checkpoint folder. May stand in the config file instead.',
  required: false,
}

const DECISION: readonly OptionSpec[] = [
  preset,
  precision,
  component,
  layer,
  noProtect,
  target,
  algorithm,
  calibration,
  samples,
  sampling,
  seed,
]

/** What each verb takes and does. A verb is offered when its module stands in `commands.ts`. */
export const verbs: readonly (CommandSpec & { readonly name: VerbName })[] = [
  {
    name: 'run',
    summary: 'Quantize a model and prove that it still works: every step, and a report.',
    details:
      'Reads the model, measures activations if calibration data is given, plans a precision for ' +
      'every weight, quantizes, evaluates before and after, writes the package and a report, and ' +
      'checks the gates. Exits with 1 when a gate failed.',
    positionals: [CHECKPOINT_OR_ONNX],
    options: [
      output('folder', 'Folder to write; a folder of another program is left alone.'),
      ...DECISION,
      evaluation,
      limit,
      maxDrop,
      budget,
      plan,
      numerics,
      selfContained,
      workers,
      force,
    ],
    examples: [
      'mixbit run ./FastVLM-0.5B --preset balanced --calibration cal.json --eval val.json -o out',
      'mixbit run --config mixbit.config.yaml -o out --json',
    ],
  },
  {
    name: 'audit',
    summary: 'Say what is in a model: components, weights, sizes, findings.',
    details: 'Reads a model and says what is in it, without changing anything.',
    positionals: [ANY_MODEL],
    options: [dtype, computeUnit, workers],
    examples: [
      'mixbit audit ./FastVLM-0.5B',
      'mixbit audit ./FastVLM-0.5B --json > audit.json',
      'mixbit audit model.mlpackage --verbose',
    ],
  },
  {
    name: 'calibrate',
    summary: 'Measure activations on sample data, for algorithms that use them.',
    details:
      'Runs the model on samples and writes statistics of what flows into each weight. ' +
      '`--calibration` of other commands takes the file.',
    positionals: [CHECKPOINT],
    options: [data, samples, sampling, output('file', 'File to write.'), seed, workers],
    examples: ['mixbit calibrate ./FastVLM-0.5B --data cal.json -o statistics.json'],
  },
  {
    name: 'plan',
    summary: 'Decide a precision for every weight, and say what it costs.',
    details:
      'Decides how each weight is stored and writes that as JSON, which can be read, edited and ' +
      'given to `quantize --plan`.',
    positionals: [ANY_MODEL],
    options: [
      output('file', 'File to write; without it the plan is only shown.'),
      ...DECISION,
      computeUnit,
      calibrator,
      runtime,
      io,
      workers,
    ],
    examples: [
      'mixbit plan ./FastVLM-0.5B --preset balanced -o plan.json',
      'mixbit plan ./FastVLM-0.5B --component decoder=int4/64 --layer "decoder.layers.0.*=int8"',
      'mixbit plan model.mlpackage --precision palette4/g16 --target coreml-ios18 --compute-unit ane',
    ],
  },
  {
    name: 'quantize',
    summary: 'Write a quantized model, without measuring it.',
    details:
      'Plans (or takes `--plan`), quantizes and writes. A checkpoint or a folder of ONNX graphs becomes a ' +
      'folder, an ONNX file an ONNX file, a Core ML package a Core ML package.',
    positionals: [ANY_MODEL],
    options: [
      output(
        'path',
        'What to write: a folder, name.onnx or name.mlpackage. What is there is kept without --force, but for an empty folder or one that Mixbit made.',
      ),
      plan,
      ...DECISION,
      computeUnit,
      calibrator,
      runtime,
      io,
      selfContained,
      workers,
      force,
    ],
    examples: [
      'mixbit quantize ./FastVLM-0.5B --preset balanced -o out',
      'mixbit quantize ./FastVLM-0.5B --plan plan.json -o out',
      'mixbit quantize model.onnx --precision int8 -o small.onnx',
      'mixbit quantize model.mlpackage --precision int8 --layer "*head*=palette6" -o small.mlpackage',
    ],
  },
  {
    name: 'evaluate',
    summary: 'Measure the accuracy of a model on a data set.',
    details: 'Answers the questions of a data set and scores the answers, with a 95 % interval.',
    positionals: [MODEL],
    options: [labelledData, limit, numerics, dtype, workers],
    examples: ['mixbit evaluate out --data val.json --limit 2000 --json'],
  },
  {
    name: 'compare',
    summary: 'Compare the outputs of two models, or the weights of two packages.',
    details:
      'Runs both models on the same samples and measures how far their outputs are apart: mean ' +
      'squared error, largest error, signal-to-noise ratio, cosine, top-1 agreement. Of two Core ML ' +
      'packages it compares the weights, as they are decoded from their bytes; that needs no data. With --options ' +
      'it makes the usual ways to quantize one model itself, and measures size, error, accuracy and ' +
      'speed of each.',
    positionals: [
      {
        name: 'model',
        summary:
          'The model to compare with: model folder, ONNX file or Core ML package. The other is of the same kind.',
        required: true,
      },
      {
        name: 'other',
        summary: 'The model to judge, such as a quantized package. Left out with --options.',
        required: false,
      },
    ],
    options: [
      data,
      layers,
      compareOptions,
      calibration,
      samples,
      sampling,
      seed,
      limit,
      numerics,
      workers,
    ],
    examples: [
      'mixbit compare ./FastVLM-0.5B out --data val.json --limit 50',
      'mixbit compare model.mlpackage small.mlpackage',
      'mixbit compare --options ./FastVLM-0.5B --calibration cal.json --data val.json --limit 200',
    ],
  },
  {
    name: 'verify',
    summary: 'Check that a written package is what its format says.',
    details:
      'Checks the structure of a Core ML package: manifest, program, weight file, types, and what ' +
      'coremltools does not notice. Exits with 1 when a check fails, with 2 for a kind of model that it does not read.',
    positionals: [{ name: 'model', summary: 'Core ML package (.mlpackage).', required: true }],
    options: [workers],
    examples: ['mixbit verify small.mlpackage', 'mixbit verify small.mlpackage --json'],
  },
  {
    name: 'convert',
    summary: 'Make the compressed weights of a Core ML package dense again.',
    details:
      'With --decompress, writes a package whose weights are the floats that their compressed forms ' +
      'decode to, in the dtype that operators want; nothing else in it changes. Halves that are cast to ' +
      'float32 where they are read count as compressed.',
    positionals: [{ name: 'model', summary: 'Core ML package (.mlpackage).', required: true }],
    options: [
      output('package', 'Package to write, such as dense.mlpackage.'),
      decompress,
      workers,
      force,
    ],
    examples: ['mixbit convert small.mlpackage --decompress -o dense.mlpackage'],
  },
  {
    name: 'report',
    summary: 'Make the report page again from report.json.',
    details: 'Writes the self-contained report page of a finished run.',
    positionals: [
      {
        name: 'run',
        summary: 'Output folder of `mixbit run`, or its report.json.',
        required: true,
      },
    ],
    options: [output('file', 'HTML file to write.', 'report.html beside report.json')],
    examples: ['mixbit report out'],
  },
  {
    name: 'demo',
    summary: 'Quantize the small model that ships with the project, and measure it.',
    details: 'Runs the whole job on the small model and the questions that ship with the project.',
    positionals: [],
    options: [output('folder', 'Folder to write.', 'mixbit-demo'), workers],
    examples: ['mixbit demo'],
  },
]
