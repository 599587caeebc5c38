import type { ByteSource } from '../base/bytes.ts'
import type { Host } from '../base/host.ts'
import type { OnnxDocument } from '../formats/onnx/document.ts'
import { readOnnx } from '../formats/onnx/read-onnx.ts'

/**
 * Opens the graph at `path` with its external data below `folder`, lets `use` look at it, and closes
 * the files whatever happens.
 */
export async function withOnnxGraph<Result>(
  host: Pick<Host, 'open' | 'within'>,
  path: string,
  folder: string,
  use: (document: OnnxDocument) => Result | Promise<Result>,
): Promise<Result> {
  const opened: ByteSource[] = []
  const open = async (file: string): Promise<ByteSource> => {
    const source = await host.open(file)
    opened.push(source)
    return source
  }
  try {
    const document = await readOnnx(await open(path), {
      openExternal: (relative) => open(host.within(folder, relative)),
    })
    return await use(document)
  } finally {
    for (const source of opened) await source.close()
  }
}
