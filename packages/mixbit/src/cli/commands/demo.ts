import { MixbitError, mergeConfig } from '@mixbit/core'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FIXTURES } from '../../places.ts'
import type { Command } from '../command.ts'
import { textOption } from '../parsed-args.ts'
import { shownPath } from '../../terminal/shown-path.ts'
import { runInto } from './run.ts'

/** Questions of the demo: enough for an interval of one point, few enough to wait for. */
const DEMO_QUESTIONS = 500

export const command: Command = {
  async run(args, io) {
    const folder = fileURLToPath(FIXTURES)
    const fixtures = shownPath(folder, io.cwd)
    const model = join(fixtures, 'fastvlm-nano')
    if (!existsSync(model)) {
      throw new MixbitError(
        'not-found',
        'The demo model ships with the source of Mixbit, not with the npm package. Clone the repository and run `npm run demo`, or run `mixbit run` on a model of yours.',
        { path: model },
      )
    }
    const data = (name: string): string => join(fixtures, 'pocket-vqa', `${name}.json`)
    const settings = mergeConfig(
      {
        model,
        preset: 'balanced',
        target: 'transformers-js',
        calibration: { data: data('calibration') },
        evaluation: [{ data: data('val'), limit: DEMO_QUESTIONS }],
      },
      {},
    )
    return runInto(
      args,
      io,
      { ...settings, model },
      {
        path: textOption(args, 'output') ?? join(io.cwd, 'mixbit-demo'),
        force: false,
        planFile: null,
        tables: 'shared',
      },
    )
  },
}
