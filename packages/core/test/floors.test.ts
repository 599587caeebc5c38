import { readFileSync, readdirSync } from 'node:fs'
import { join, posix, sep } from 'node:path'
import { describe, expect, test } from 'vitest'
import { allowedPackages, floors } from '../floors.ts'

/** Path below `src/` (with `/`) to source text. */
type Sources = ReadonlyMap<string, string>
type Import = {
  readonly from: string
  readonly target: string
  readonly isType: boolean
  /** Loaded when a line is reached that needs it. */
  readonly isLate: boolean
}

const core = join(import.meta.dirname, '..')
const coreSources = readSources(join(core, 'src'))
const mixbitSources = readSources(join(core, '..', 'mixbit', 'src'))

describe('the floors of core', () => {
  test('the check sees the sources and their imports', () => {
    expect(coreSources.size).toBeGreaterThan(10)
    expect(importsOf(coreSources).length).toBeGreaterThan(10)
  })

  test('every folder stands on a floor', () => {
    const known = new Set(floors.flat())
    expect([...coreSources.keys()].map(folderOf).filter((f) => !known.has(f))).toEqual([])
  })

  test('imports only go down, and reach no package that core may not use', () => {
    expect(violations(coreSources)).toEqual([])
  })
})

// Each row is a pair of files put in by hand, to show that the check can fail.
test.for([
  {
    name: 'a kernel may not import a step',
    file: 'kernels/a.ts',
    text: `import { x } from '../plan/x.ts'`,
    bad: 1,
  },
  {
    name: 'a kernel may not import even a type of a step',
    file: 'kernels/a.ts',
    text: `import type { X } from '../plan/x.ts'`,
    bad: 1,
  },
  {
    name: 'a step may import a type of another step',
    file: 'report/a.ts',
    text: `import type { X } from '../plan/x.ts'`,
    bad: 0,
  },
  {
    name: 'a step may not import a value of another step',
    file: 'report/a.ts',
    text: `import { x, type X } from '../plan/x.ts'`,
    bad: 1,
  },
  {
    name: 'a re-export counts as an import',
    file: 'base/a.ts',
    text: `export * from '../scheme/x.ts'`,
    bad: 1,
  },
  {
    name: 'an import over several lines is seen',
    file: 'base/a.ts',
    text: `import {\n  x,\n  y,\n} from '../scheme/x.ts'`,
    bad: 1,
  },
  {
    name: 'an import() is seen',
    file: 'base/a.ts',
    text: `const x = await import('../scheme/x.ts')`,
    bad: 1,
  },
  {
    name: 'a type written import() is seen',
    file: 'base/a.ts',
    text: `type X = import('../scheme/x.ts').X`,
    bad: 1,
  },
  {
    name: 'the pipeline may import a step',
    file: 'pipeline.ts',
    text: `import { x } from './plan/x.ts'`,
    bad: 0,
  },
  {
    name: 'a step may not import the pipeline',
    file: 'plan/a.ts',
    text: `import { run } from '../pipeline.ts'`,
    bad: 1,
  },
  { name: 'core may import zod', file: 'config/a.ts', text: `import { z } from 'zod'`, bad: 0 },
  {
    name: 'core may import a file of protobuf',
    file: 'formats/a.ts',
    text: `import { x } from '@bufbuild/protobuf/wire'`,
    bad: 0,
  },
  {
    name: 'core may not import Node',
    file: 'base/a.ts',
    text: `import { readFile } from 'node:fs'`,
    bad: 1,
  },
  {
    name: 'core may not leave its folder',
    file: 'base/a.ts',
    text: `import { x } from '../../../mixbit/src/x.ts'`,
    bad: 1,
  },
])('$name', ({ file, text, bad }) => {
  expect(violations(new Map([[file, text]]))).toHaveLength(bad)
})

test('mixbit reaches core by its name and no other package by path', () => {
  const strays = importsOf(mixbitSources).filter(
    ({ from, target }) =>
      (target.startsWith('@mixbit/core/') && target !== '@mixbit/core/worker') ||
      (target.startsWith('.') && posix.join(posix.dirname(from), target).startsWith('..')),
  )
  expect(strays).toEqual([])
})

test.for([
  { thread: 'only computes', start: 'worker.ts' },
  { thread: 'runs models', start: 'host/session.ts' },
])('a thread that $thread loads no more of core than its own part', ({ start }) => {
  const files = new Set([start])
  const packages = new Set<string>()
  for (const file of files) {
    const source = mixbitSources.get(file) ?? ''
    for (const { target, isType, isLate } of importsOf(new Map([[file, source]]))) {
      if (isType || isLate) continue
      if (target.startsWith('.')) files.add(posix.join(posix.dirname(file), target))
      else if (!target.startsWith('node:')) packages.add(target)
    }
  }
  expect(files.size).toBeGreaterThan(3)
  expect([...packages]).toEqual(['@mixbit/core/worker'])
})

test('mixbit imports only packages that it declares', () => {
  const manifest = readFileSync(join(core, '..', 'mixbit', 'package.json'), 'utf8')
  const declared = Object.keys(JSON.parse(manifest).dependencies)
  const strays = importsOf(mixbitSources).filter(
    ({ target }) => !/^(\.|node:)/.test(target) && !reaches(declared, target),
  )
  expect(strays).toEqual([])
})

function violations(sources: Sources): readonly Import[] {
  return importsOf(sources).filter(({ from, target, isType }) => {
    if (!target.startsWith('.')) return !reaches(allowedPackages, target)
    const [own, other] = [folderOf(from), folderOf(posix.join(posix.dirname(from), target))]
    if (own === other) return false
    const [ownFloor, otherFloor] = [floorOf(own), floorOf(other)]
    return otherFloor < 0 || otherFloor > ownFloor || (otherFloor === ownFloor && !isType)
  })
}

/** Finds `import … from`, `export … from`, `import '…'` and `import('…')`. */
function importsOf(sources: Sources): readonly Import[] {
  const statement =
    /^\s*(?:import|export)\s+(type\s)?(?:[^'"`;]*?\sfrom\s+)?'([^']+)'|import\(\s*'([^']+)'/gm
  return [...sources].flatMap(([from, text]) =>
    [...text.matchAll(statement)].map(([, type, named, called]) => ({
      from,
      target: named ?? called ?? '',
      isType: type !== undefined,
      isLate: called !== undefined,
    })),
  )
}

/** Whether `target` is one of the packages, or a path inside one. */
function reaches(packages: readonly string[], target: string): boolean {
  return packages.some((name) => target === name || target.startsWith(`${name}/`))
}

function folderOf(path: string): string {
  return (path.split('/')[0] ?? path).replace(/\.ts$/, '')
}

function floorOf(folder: string): number {
  return floors.findIndex((names) => names.includes(folder))
}

/** The sources below `folder`, tests left out. */
function readSources(folder: string): Sources {
  const entries = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const files = entries.filter((path) => /\.tsx?$/.test(path) && !/\.test\.tsx?$/.test(path))
  return new Map(
    files
      .toSorted()
      .map((path) => [path.split(sep).join('/'), readFileSync(join(folder, path), 'utf8')]),
  )
}
