import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import { readJson } from '../base/json-file.ts'
import { preprocessFromProcessor } from '../tasks/preprocess-config.ts'
import type { PreprocessSpec } from '../tasks/preprocess.ts'
import type { EvaluatedModel } from './task-types.ts'

/**
 * How pictures are prepared: as the data set says, else as the model's `preprocessor_config.json`
 * does; null where neither is there and the shape of the model's input must do.
 */
export async function modelPreprocess(
  host: Pick<Host, 'open' | 'exists' | 'within'>,
  model: EvaluatedModel,
  described: PreprocessSpec | null,
): Promise<PreprocessSpec | null> {
  if (described !== null || model.folder === null) return described
  const file = host.within(model.folder, 'preprocessor_config.json')
  if (!(await host.exists(file))) return null
  return preprocessFromProcessor(await readJson(host, file, 'malformed'), file)
}

/** Says what was assumed where nobody said how pictures are prepared. */
export function assumedFinding(
  given: PreprocessSpec | null,
  used: PreprocessSpec | undefined,
): readonly Finding[] {
  if (given !== null || used === undefined) return []
  const { layout, colour, scale } = used
  const scaled = scale === 1 ? 'values 0 to 255' : 'values times 1/255'
  return [
    {
      code: 'assumed-preprocessing',
      severity: 'warning',
      message:
        'Neither the data set nor the model says how pictures are prepared. Assumed from the shape of ' +
        `the model's input: ${layout}, ${colour}, ${sizeText(used)}, ${scaled}, no mean, no std. ` +
        'Accuracy is too low where that is wrong; give "preprocess" in the dataset descriptor.',
    },
  ]
}

function sizeText({ resize }: PreprocessSpec): string {
  switch (resize.kind) {
    case 'stretch':
      return `stretched to ${resize.height} x ${resize.width}`
    case 'letterbox':
      return `letterboxed into ${resize.height} x ${resize.width}`
    case 'shortest-edge':
      return `shortest edge ${resize.pixels}`
    case 'none':
      return 'not resized'
  }
}
