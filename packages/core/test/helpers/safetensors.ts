import { memorySource } from '../../src/base/bytes.ts'
import { MixbitError } from '../../src/base/error.ts'
import type { FolderHost } from '../../src/formats/safetensors/checkpoint.ts'

/** One tensor of a file that a test writes. */
export type StoredTensor = {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

export type StoredTensors = Readonly<Record<string, StoredTensor>>

/** A safetensors file around any header text and data. */
export function fileWithHeader(header: string, data: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(header)
  const file = new Uint8Array(8 + text.length + data.length)
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true)
  file.set(text, 8)
  file.set(data, 8 + text.length)
  return file
}

/** A valid safetensors file. */
export function safetensorsFile(tensors: StoredTensors): Uint8Array {
  let offset = 0
  const header = Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
    const begin = offset
    offset += bytes.length
    return [name, { dtype, shape, data_offsets: [begin, offset] }] as const
  })
  const data = new Uint8Array(offset)
  offset = 0
  for (const { bytes } of Object.values(tensors)) {
    data.set(bytes, offset)
    offset += bytes.length
  }
  return fileWithHeader(JSON.stringify(Object.fromEntries(header)), data)
}

/** A float32 tensor. */
export function float32Tensor(shape: readonly number[], values: readonly number[]): StoredTensor {
  return { dtype: 'F32', shape, bytes: new Uint8Array(new Float32Array(values).buffer) }
}

/** A folder in memory; paths are joined with a slash. Counts open files, so that leaks show. */
export function memoryFolder(
  files: Readonly<Record<string, Uint8Array | string>>,
): FolderHost & { readonly openFiles: () => number } {
  let open = 0
  const bytesOf = (path: string): Uint8Array | undefined => {
    const content = files[path.replace(/^folder\//, '')]
    return typeof content === 'string' ? new TextEncoder().encode(content) : content
  }
  return {
    openFiles: () => open,
    list: () => Promise.resolve(Object.keys(files).sort()),
    exists: (path) => Promise.resolve(bytesOf(path) !== undefined),
    within(folder, relative) {
      if (relative.startsWith('/') || relative.split('/').includes('..')) {
        throw new MixbitError('path-outside', `"${relative}" leaves "${folder}".`)
      }
      return `${folder}/${relative}`
    },
    open(path) {
      const bytes = bytesOf(path)
      if (!bytes) return Promise.reject(new Error(`no such file: ${path}`))
      open++
      const source = memorySource(path, bytes)
      return Promise.resolve({
        ...source,
        close: () => {
          open--
          return source.close()
        },
      })
    },
  }
}
