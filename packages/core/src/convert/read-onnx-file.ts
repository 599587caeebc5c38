import type { ByteSource } from '../base/bytes.ts'
import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import type { OnnxDocument } from '../formats/onnx/document.ts'
import { readOnnx } from '../formats/onnx/read-onnx.ts'
import { mergeDuplicates } from './merge-duplicates.ts'

/** One ONNX file, with or without external data. */
export type OnnxFileModel = {
  readonly kind: 'onnx-file'
  readonly format: 'onnx'
  readonly path: string
  /** Of the file and its external data. */
  readonly bytes: number
  readonly document: OnnxDocument
  readonly hasExternalData: boolean
  readonly findings: readonly Finding[]
  readonly close: () => Promise<void>
}

/** Opens one ONNX file; external data is looked for in its folder. */
export async function readOnnxFile(
  host: Pick<Host, 'open' | 'within'>,
  path: string,
): Promise<OnnxFileModel> {
  const source = await host.open(path)
  const externals: ByteSource[] = []
  const close = async (): Promise<void> => {
    await Promise.all([source, ...externals].map((each) => each.close()))
  }
  try {
    const read = await readOnnx(source, {
      async openExternal(relative) {
        const external = await host.open(host.within(folderOf(path), relative))
        externals.push(external)
        return external
      },
    })
    const { document, findings } = await mergeDuplicates(read)
    const bytes = [source, ...externals].reduce((sum, each) => sum + each.sizeInBytes, 0)
    return {
      kind: 'onnx-file',
      format: 'onnx',
      path,
      bytes,
      document,
      hasExternalData: externals.length > 0,
      findings,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** The folder that holds a file. */
export function folderOf(path: string): string {
  const folder = path.replace(/[^/\\]*$/u, '')
  return folder === '' ? '.' : folder
}
