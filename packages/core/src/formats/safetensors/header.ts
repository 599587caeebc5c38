import { ensure, MixbitError } from '../../base/error.ts'
import { isJsonObject } from '../../base/json-file.ts'
import { BITS, type DType } from '../../tensor/dtype.ts'
import { elementsOf } from '../../tensor/weight.ts'
import { parseJson } from './json.ts'

/** Where one tensor lies in a safetensors file. */
export type TensorEntry = {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
  /** From the first byte of the file. */
  readonly offset: number
  readonly sizeInBytes: number
}

/** The limit of the reference implementation (`MAX_HEADER_SIZE`): nobody needs more. */
export const MAX_HEADER_BYTES = 100_000_000

/** FastVLM-7B has under 2,000 tensors; a million entries still fit in memory. */
const MAX_TENSORS = 1_000_000

/** Weights have at most 5 axes; 8 is what every runtime can hold. */
const MAX_RANK = 8

const DTYPES: ReadonlyMap<string, DType> = new Map<string, DType>([
  ['F64', 'float64'],
  ['F32', 'float32'],
  ['F16', 'float16'],
  ['BF16', 'bfloat16'],
  ['I64', 'int64'],
  ['I32', 'int32'],
  ['I16', 'int16'],
  ['I8', 'int8'],
  ['U64', 'uint64'],
  ['U32', 'uint32'],
  ['U16', 'uint16'],
  ['U8', 'uint8'],
  ['BOOL', 'bool'],
])

/**
 * Reads the header of a safetensors file: a JSON object of tensor name to dtype, shape and bytes.
 * The data must be covered without gap or overlap, as the format asks.
 *
 * @param header - the JSON text in UTF-8, without the 8 bytes of its length
 * @param fileSize - size of the whole file in bytes
 * @returns entries in the order of their bytes
 * @see https://huggingface.co/docs/safetensors/index#format
 */
export function parseHeader(
  file: string,
  header: Uint8Array,
  fileSize: number,
): readonly TensorEntry[] {
  const tensors = parseJson(file, header)
  const names = Object.keys(tensors).filter((name) => name !== '__metadata__')
  ensure(
    names.length <= MAX_TENSORS,
    'limit-exceeded',
    `"${file}" lists ${names.length} tensors; at most ${MAX_TENSORS} are read.`,
    { file, tensors: names.length, limit: MAX_TENSORS },
  )
  const dataStart = 8 + header.length
  const entries = names.map((name) => parseEntry(file, name, tensors[name], dataStart))
  entries.sort((a, b) => a.offset - b.offset || a.sizeInBytes - b.sizeInBytes)
  checkCoverage(file, entries, dataStart, fileSize)
  return entries
}

function parseEntry(file: string, name: string, value: unknown, dataStart: number): TensorEntry {
  const fail = (what: string): MixbitError =>
    new MixbitError('malformed', `"${file}": tensor "${shortened(name)}" ${what}.`, {
      file,
      tensor: shortened(name),
    })
  if (!isJsonObject(value)) throw fail('is not described by an object')
  const dtype = parseDtype(file, name, value['dtype'])
  const shape = sizes(value['shape'])
  if (!shape) throw fail('has a shape that is not a list of sizes')
  ensure(
    shape.length <= MAX_RANK,
    'limit-exceeded',
    `"${file}": tensor "${shortened(name)}" has ${shape.length} axes; at most ${MAX_RANK} are read.`,
    { file, tensor: shortened(name), rank: shape.length, limit: MAX_RANK },
  )
  const [begin, end, ...rest] = sizes(value['data_offsets']) ?? []
  if (begin === undefined || end === undefined || rest.length > 0 || end < begin) {
    throw fail('has no valid pair of data offsets')
  }
  const sizeInBytes = (elementsOf(shape) * BITS[dtype]) / 8
  if (sizeInBytes !== end - begin) {
    throw fail(`needs ${sizeInBytes} bytes for its shape but ${end - begin} are assigned`)
  }
  return { name, dtype, shape, offset: dataStart + begin, sizeInBytes }
}

function parseDtype(file: string, name: string, value: unknown): DType {
  const label = typeof value === 'string' ? value : ''
  const dtype = DTYPES.get(label)
  if (dtype) return dtype
  throw new MixbitError(
    'unsupported-dtype',
    `"${file}": tensor "${shortened(name)}" has dtype "${shortened(label)}"; known are ` +
      `${[...DTYPES.keys()].join(', ')}.`,
    { file, tensor: shortened(name), dtype: shortened(label) },
  )
}

/** A list of exact, non-negative integers, or nothing. */
function sizes(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value)) return undefined
  const items: readonly unknown[] = value
  const numbers: number[] = []
  for (const item of items) {
    if (typeof item !== 'number' || !Number.isSafeInteger(item) || item < 0) return undefined
    numbers.push(item + 0)
  }
  return numbers
}

function checkCoverage(
  file: string,
  entries: readonly TensorEntry[],
  dataStart: number,
  fileSize: number,
): void {
  let covered = dataStart
  for (const { name, offset, sizeInBytes } of entries) {
    const problem = offset < covered ? 'overlaps the one before it' : 'leaves a gap before it'
    ensure(
      offset === covered,
      'malformed',
      `"${file}": tensor "${shortened(name)}" starts at byte ${offset} and ${problem}.`,
      { file, tensor: shortened(name), offset, expected: covered },
    )
    covered += sizeInBytes
  }
  ensure(
    covered <= fileSize,
    'truncated',
    `"${file}" ends at byte ${fileSize}; its tensors need ${covered} bytes. Fetch it again.`,
    { file, size: fileSize, expected: covered },
  )
  ensure(
    covered === fileSize,
    'malformed',
    `"${file}" has ${fileSize - covered} bytes that belong to no tensor.`,
    { file, size: fileSize, expected: covered },
  )
}

/** Names come from the file and may be megabytes long. */
function shortened(name: string): string {
  return name.length <= 200 ? name : `${name.slice(0, 200)}...`
}
