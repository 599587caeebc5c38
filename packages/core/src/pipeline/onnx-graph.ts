import type { ByteSource } from '../base/bytes.ts'
import type { Host } from '../base/host.ts'
import type { OnnxDocument } from '../formats/onnx/document.ts'
import { readOnnx } from '../formats/onnx/read-onnx.ts'

/**
 * Opens the graph at `path` with its external data below `folder`, lets `use` look at it and at the names
 * of the files with its data, and closes the files whatever happens.
 */
export async function withOnnxGraph<Result>(
  host: Pick<Host, 'open' | 'within'>,
  path: string,
  folder: string,
  use: (document: OnnxDocument, external: readonly string[]) => Result | Promise<Result>,
): Promise<Result> {
  const opened: ByteSource[] = []
  const external: string[] = []
  const open = async (file: string): Promise<ByteSource> => {
    const source = await host.open(file)
    opened.push(source)
    return source
  }
  try {
    const document = await readOnnx(await open(path), {
      openExternal: (relative) => {
        external.push(relative)
        return open(host.within(folder, relative))
      },
    })
    return await use(document, external)
  } finally {
    for (const source of opened) await source.close()
  }
}
