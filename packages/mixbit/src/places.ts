// Where the files of this package lie. The built library (dist) and the built program (bundle) have this
// module at the same depth as the sources, so that the same paths hold in all three.

/** The manifest of the `mixbit` package. */
export const MANIFEST: URL = new URL('../package.json', import.meta.url)

/** What a worker thread of the pool starts. */
export const WORKER: URL = new URL('./worker.js', import.meta.url)

/** Models and data that ship with the source of Mixbit, not with the npm package. */
export const FIXTURES: URL = new URL('../../../fixtures', import.meta.url)
