import type { ByteSource } from '../../base/bytes.ts'
import { ensure } from '../../base/error.ts'
import { columnsOf, rowsOf, type Weight } from '../../tensor/weight.ts'
import { BITS } from '../../tensor/dtype.ts'
import { toFloat32 } from './float-values.ts'
import { MAX_HEADER_BYTES, parseHeader, type TensorEntry } from './header.ts'

/**
 * Reads the list of tensors of a safetensors file; values are read when asked, so the source must
 * stay open. Tensors that are no floats (counters, quantized data) are listed, but only their
 * stored bytes can be read.
 *
 * @see https://huggingface.co/docs/safetensors/index#format
 */
export async function readSafetensors(source: ByteSource): Promise<ReadonlyMap<string, Weight>> {
  const header = await readHeader(source)
  const entries = parseHeader(source.name, header, source.sizeInBytes)
  return new Map(entries.map((entry) => [entry.name, storedWeight(source, entry)]))
}

async function readHeader(source: ByteSource): Promise<Uint8Array> {
  const file = source.name
  const prefix = await source.read(0, 8)
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true)
  ensure(
    length <= BigInt(MAX_HEADER_BYTES),
    'limit-exceeded',
    `"${file}" says that its header has ${length} bytes; at most ${MAX_HEADER_BYTES} are read. ` +
      'It is probably not a safetensors file.',
    { file, headerBytes: length.toString(), limit: MAX_HEADER_BYTES },
  )
  return source.read(8, Number(length))
}

function storedWeight(source: ByteSource, entry: TensorEntry): Weight {
  const { name, dtype, shape } = entry
  const rows = rowsOf(shape)
  const rowBytes = (columnsOf(shape) * BITS[dtype]) / 8
  const readStoredRows = (start: number, end: number): Promise<Uint8Array> => {
    checkRange(name, rows, start, end)
    return source.read(entry.offset + start * rowBytes, (end - start) * rowBytes)
  }
  return {
    name,
    dtype,
    shape,
    readStoredRows,
    readRows: async (start, end) => toFloat32(name, dtype, await readStoredRows(start, end)),
  }
}

function checkRange(name: string, rows: number, start: number, end: number): void {
  if (0 <= start && start <= end && end <= rows) return
  throw new TypeError(`Rows ${start} to ${end} of "${name}" were asked for; it has ${rows}.`)
}
