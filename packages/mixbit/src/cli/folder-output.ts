import { MixbitError } from '@mixbit/core'

/** Endings of what is no folder of ours, so that nothing would read a folder of such a name. */
const OTHER_OUTPUT = /\.(?:onnx|mlpackage)[\\/]*$/iu

/** Refuses (`usage`) the name of an ONNX file or a Core ML package where a folder is written. */
export function checkFolderName(path: string): void {
  const [ending] = OTHER_OUTPUT.exec(path) ?? []
  if (ending === undefined) return
  throw new MixbitError(
    'usage',
    `The output "${path}" would be a folder, and nothing reads a folder of that name. Choose a name without "${ending}".`,
    { output: path },
  )
}
