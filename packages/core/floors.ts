/**
 * The floors of `src/`, lowest first. A folder (or a file that lies directly in `src/`) may import
 * values and types only from floors below its own. `test/floors.test.ts` checks it.
 */
export const floors: readonly (readonly string[])[] = [
  ['base'],
  ['tensor'],
  ['scheme'],
  ['kernels'],
  ['operators'],
  ['graph'],
  ['targets'],
  ['config'],
  ['algorithms'],
  ['formats'],
  ['convert'],
  ['tasks'],
  // The steps share one floor: each may import types of the others, never values.
  ['audit', 'calibrate', 'compare', 'evaluate', 'plan', 'quantize', 'verify', 'report'],
  ['jobs'],
  ['worker'],
  ['pipeline'],
  ['index'],
]

/** The packages that core may import, besides itself. */
export const allowedPackages: readonly string[] = ['@bufbuild/protobuf', 'zod']
