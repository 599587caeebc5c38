import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

/** Modules that are loaded before a command is known, from the entry on; types cost nothing. */
function loadedAtStart(): {
  readonly own: ReadonlySet<string>
  readonly other: ReadonlySet<string>
} {
  const own = new Set([new URL('../src/main.ts', import.meta.url).href])
  const other = new Set<string>()
  for (const file of own) {
    const text = readFileSync(new URL(file), 'utf8')
    for (const [, specifier = ''] of text.matchAll(
      /^(?:import|export) (?!type\b)[^;]*?from '([^']+)'/gmu,
    )) {
      if (specifier.startsWith('.')) own.add(new URL(specifier, file).href)
      else other.add(specifier)
    }
  }
  return { own, other }
}

test('mixbit --help loads nothing large: no core, no zod, no command', () => {
  const { own, other } = loadedAtStart()
  expect([...other].toSorted()).toEqual(['node:fs', 'node:tty', 'node:util'])
  const folders = [...own].map((file) => /\/src\/(.*)$/u.exec(file)?.[1] ?? file)
  expect(folders.toSorted()).toContain('cli/commands.ts')
  for (const file of folders)
    expect(file).toMatch(/^(?:main\.ts|places\.ts|cli\/[\w-]+\.ts|terminal\/(?:text|style)\.ts)$/u)
})
