import type { NamedTensors, RuntimeOptions, Session, SessionValue } from '@mixbit/core'
import { MixbitError } from '@mixbit/core/worker'
import { stat } from 'node:fs/promises'
import type * as Runtime from 'onnxruntime-node'
import { reading } from './file-error.ts'
import { openFile } from './files.ts'
import { fromOrt, toOrt } from './tensors.ts'

/** Fatal only: every error is thrown anyway, and the runtime's own lines are for its makers. */
const SILENT = 4

/**
 * Loads a model into ONNX Runtime, on one thread: several workers are faster than several
 * threads in one run, and one thread gives the same numbers on every run.
 *
 * Numerics: the runtime fuses DequantizeLinear of blocked int4 and MatMul into MatMulNBits, which
 * by default (`device`) rounds activations to int8. `faithful` keeps them float32. Neither changes
 * MatMulNBits that is written in the file: there the file's attribute `accuracy_level` decides
 * (0 and 1 are float32, 4 is int8), on a device as here.
 *
 * `run` blocks its thread for as long as the model computes.
 */
export async function createSession(path: string, options: RuntimeOptions): Promise<Session> {
  await reading(path, () => stat(path))
  const ort = await import('onnxruntime-node')
  ort.env.logLevel = 'fatal'
  const session = await failing(path, 'load', () =>
    ort.InferenceSession.create(path, sessionOptions(options)),
  )
  const outputs = session.outputMetadata.map(sessionValue)
  refuseFourBits(path, outputs)
  const opened: Session = {
    inputs: session.inputMetadata.map(sessionValue),
    outputs,
    run: async (feeds, wanted = session.outputNames) => {
      const inputs = ortTensors(ort, feeds)
      const results = await failing(path, 'run', () =>
        session.run(inputs, wanted, { logSeverityLevel: SILENT }),
      )
      return namedTensors(results)
    },
    release: () => session.release(),
  }
  return hasIntegerEnds(opened) ? withStatedEnds(path, opened) : opened
}

function hasIntegerEnds({ inputs, outputs }: Session): boolean {
  return [...inputs, ...outputs].some(({ dtype }) => /^u?int8$/u.test(dtype))
}

/** With float ends where the file states its integer ones. Most models have none: core is loaded late. */
async function withStatedEnds(path: string, session: Session): Promise<Session> {
  const { statedIo, withFloatEnds } = await import('@mixbit/core')
  const source = await openFile(path)
  try {
    const io = await statedIo(source)
    return io === null ? session : withFloatEnds(session, io)
  } finally {
    await source.close()
  }
}

function sessionOptions(options: RuntimeOptions): Runtime.InferenceSession.SessionOptions {
  const shared = {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: SILENT,
  } as const
  if (options.numerics === 'device') return shared
  return { ...shared, extra: { session: { qdq_matmulnbits_accuracy_level: '0' } } }
}

function ortTensors(ort: typeof Runtime, feeds: NamedTensors): Record<string, Runtime.Tensor> {
  const tensors: Record<string, Runtime.Tensor> = {}
  for (const [name, tensor] of Object.entries(feeds)) tensors[name] = toOrt(ort, name, tensor)
  return tensors
}

function namedTensors(results: Readonly<Record<string, Runtime.Tensor>>): NamedTensors {
  const tensors: Record<string, NamedTensors[string]> = {}
  for (const [name, tensor] of Object.entries(results)) tensors[name] = fromOrt(name, tensor)
  return tensors
}

function sessionValue(value: Runtime.InferenceSession.ValueMetadata): SessionValue {
  if (!value.isTensor) return { name: value.name, dtype: 'not a tensor', shape: [] }
  return { name: value.name, dtype: value.type, shape: value.shape }
}

/** The binding ends the whole process when it meets such an output. */
function refuseFourBits(path: string, outputs: readonly SessionValue[]): void {
  const output = outputs.find(({ dtype }) => dtype === 'int4' || dtype === 'uint4')
  if (output === undefined) return
  throw new MixbitError(
    'unsupported-dtype',
    `The model "${path}" gives its output "${output.name}" as ${output.dtype}, which cannot be ` +
      'read here. Add a Cast to int8 before it.',
    { file: path, output: output.name, dtype: output.dtype },
  )
}

/** Runs `action`; what the runtime throws becomes a coded error with its first line. */
async function failing<Result>(
  path: string,
  verb: 'load' | 'run',
  action: () => Promise<Result>,
): Promise<Result> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof MixbitError || !(error instanceof Error)) throw error
    const reason = error.message.split('\n', 1)[0] ?? error.message
    throw new MixbitError(
      'runtime-failed',
      `ONNX Runtime could not ${verb} "${path}": ${reason}`,
      { file: path, reason },
      { cause: error },
    )
  }
}
