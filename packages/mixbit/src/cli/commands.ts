import type { CommandEntry, CommandLoader } from './command.ts'
import { verbs } from './verbs.ts'
import type { VerbName } from './verbs.ts'

/** The verbs that work. Modules are loaded when they run, so that `mixbit --help` is instant. */
const loaders: Readonly<Partial<Record<VerbName, CommandLoader>>> = {
  run: () => import('./commands/run.ts'),
  audit: () => import('./commands/audit.ts'),
  calibrate: () => import('./commands/calibrate.ts'),
  plan: () => import('./commands/plan.ts'),
  quantize: () => import('./commands/quantize.ts'),
  evaluate: () => import('./commands/evaluate.ts'),
  compare: () => import('./commands/compare.ts'),
  verify: () => import('./commands/verify.ts'),
  convert: () => import('./commands/convert.ts'),
  report: () => import('./commands/report.ts'),
  demo: () => import('./commands/demo.ts'),
}

/** The commands that `mixbit` offers, in the order of its help. */
export const commands: readonly CommandEntry[] = verbs.flatMap((verb) => {
  const load = loaders[verb.name]
  return load === undefined ? [] : [{ ...verb, load }]
})
