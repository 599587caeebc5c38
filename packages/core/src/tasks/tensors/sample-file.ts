import type { ByteSource } from '../../base/bytes.ts'
import { MixbitError, ensure } from '../../base/error.ts'
import type { RuntimeTensor } from '../../base/host.ts'
import { readSafetensors } from '../../formats/safetensors/read-safetensors.ts'
import type { DType } from '../../tensor/dtype.ts'
import { bytesOf } from '../../tensor/dtype.ts'
import type { Weight } from '../../tensor/weight.ts'
import { elementsOf } from '../../tensor/weight.ts'
import { bfloat16ToFloat } from '../../kernels/convert.ts'
import { NPY_PREFIX_BYTES, npyHeaderBytes, parseNpyHeader } from './npy.ts'

/** A stored tensor whose first axis counts the samples; values are read when asked. */
export type SampleTensor = {
  readonly name: string
  readonly dtype: DType
  /** The first axis counts the samples. */
  readonly shape: readonly number[]
  /** One sample: a slice without the first axis. Float64 and bfloat16 become float32. */
  readonly read: (sample: number) => Promise<RuntimeTensor>
}

/** Largest sample that is read: 2^29 bytes, which a model could hardly take. */
const MOST_SAMPLE_BYTES = 2 ** 29

/** The tensors of an open .npy or .safetensors file; a .npy file's only one is called `name`. */
export async function sampleTensors(
  source: ByteSource,
  name: string,
): Promise<readonly SampleTensor[]> {
  if (/\.npy$/i.test(source.name)) return [await npyTensor(source, name)]
  const weights = await readSafetensors(source)
  return [...weights.values()].map((weight) => storedTensor(source.name, weight))
}

function storedTensor(file: string, { name, dtype, shape, readStoredRows }: Weight): SampleTensor {
  ensureSamples(file, name, shape, dtype)
  if (readStoredRows === undefined) throw new TypeError(`"${name}" of ${file} is not stored`)
  return {
    name,
    dtype,
    shape,
    read: async (sample) =>
      toTensor(file, dtype, shape.slice(1), await readStoredRows(sample, sample + 1)),
  }
}

async function npyTensor(source: ByteSource, name: string): Promise<SampleTensor> {
  const file = source.name
  const prefix = await source.read(0, NPY_PREFIX_BYTES)
  const { start, length } = npyHeaderBytes(file, prefix)
  const { dtype, shape, offset } = parseNpyHeader(
    file,
    await source.read(start, length),
    start + length,
  )
  ensureSamples(file, name, shape, dtype)
  const sampleBytes = bytesOf(dtype, elementsOf(shape.slice(1)))
  const wanted = offset + sampleBytes * (shape[0] ?? 0)
  ensure(
    source.sizeInBytes === wanted,
    source.sizeInBytes < wanted ? 'truncated' : 'malformed',
    `"${file}" has ${source.sizeInBytes} bytes; its header says ${wanted}.`,
    { file, size: source.sizeInBytes, expected: wanted },
  )
  return {
    name,
    dtype,
    shape,
    read: async (sample) =>
      toTensor(
        file,
        dtype,
        shape.slice(1),
        await source.read(offset + sample * sampleBytes, sampleBytes),
      ),
  }
}

function ensureSamples(file: string, name: string, shape: readonly number[], dtype: DType): void {
  ensure(
    shape.length > 0,
    'invalid-dataset',
    `"${file}": "${name}" is one number; its first axis must count the samples.`,
    { file, tensor: name },
  )
  const bytes = bytesOf(dtype, elementsOf(shape.slice(1)))
  ensure(
    bytes <= MOST_SAMPLE_BYTES,
    'limit-exceeded',
    `"${file}": one sample of "${name}" has ${bytes} bytes; at most ${MOST_SAMPLE_BYTES} are read.`,
    { file, tensor: name, bytes, limit: MOST_SAMPLE_BYTES },
  )
}

/** Stored little-endian values as a tensor of the runtime. */
function toTensor(
  file: string,
  dtype: DType,
  shape: readonly number[],
  stored: Uint8Array,
): RuntimeTensor {
  // A view of a file may start at any byte; typed arrays need their own alignment.
  const bytes = stored.slice().buffer
  switch (dtype) {
    case 'float32':
      return { dtype, shape, data: new Float32Array(bytes) }
    case 'float64':
      return { dtype: 'float32', shape, data: Float32Array.from(new Float64Array(bytes)) }
    case 'bfloat16': {
      const bits = new Uint16Array(bytes)
      const data = new Float32Array(bits.length)
      bfloat16ToFloat(data, bits)
      return { dtype: 'float32', shape, data }
    }
    case 'float16':
      return { dtype, shape, data: new Uint16Array(bytes) }
    case 'int64':
      return { dtype, shape, data: new BigInt64Array(bytes) }
    case 'int32':
      return { dtype, shape, data: new Int32Array(bytes) }
    case 'int8':
      return { dtype, shape, data: new Int8Array(bytes) }
    case 'uint8':
    case 'bool':
      return { dtype, shape, data: new Uint8Array(bytes) }
    default:
      throw new MixbitError(
        'unsupported-dtype',
        `"${file}" holds ${dtype} values; a data set has floats, int64, int32, int8, uint8 or bool.`,
        { file, dtype },
      )
  }
}
