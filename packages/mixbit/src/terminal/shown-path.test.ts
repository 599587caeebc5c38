import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { shownPath } from './shown-path.ts'

// `/` becomes a drive on Windows, as in the function itself.
const at = (path: string): string => resolve(path)

test.for([
  { path: '/home/me/out', cwd: '/home/me', shown: 'out' },
  { path: 'out', cwd: '/home/me', shown: 'out' },
  { path: './a/b/', cwd: '/home/me', shown: 'a/b' },
  { path: '/home/me/..out', cwd: '/home/me', shown: '..out' },
  { path: '/home/me', cwd: '/home/me', shown: '/home/me' },
  { path: '/home/you/out', cwd: '/home/me', shown: '/home/you/out' },
  { path: '../you', cwd: '/home/me', shown: '/home/you' },
])('$path is shown in $cwd as $shown', ({ path, cwd, shown }) => {
  const expected = shown.startsWith('/') ? at(shown) : shown
  const found = shownPath(path.startsWith('/') ? at(path) : path, at(cwd))
  expect(found.replaceAll('\\', '/')).toBe(expected.replaceAll('\\', '/'))
})
