import { expect, test } from 'vitest'

import { withUniqueNames } from './set-names.ts'

const names = (paths: readonly string[]): readonly string[] =>
  withUniqueNames(
    paths.map((data) => ({
      limits: { data },
      dataset: { name: data.replace(/^.*[/\\]/u, '').replace(/\.json$/u, '') },
    })),
  ).map(({ dataset }) => dataset.name)

test.for([
  { paths: ['a/val.json'], are: ['val'] },
  { paths: ['a/val.json', 'a/dark.json'], are: ['val', 'dark'] },
  { paths: ['a/val.json', 'b/val.json', 'c.json'], are: ['a/val', 'b/val', 'c'] },
  { paths: ['x/a/val.json', 'y/a/val.json'], are: ['x/a/val', 'y/a/val'] },
  { paths: ['val.json', 'b/val.json'], are: ['val', 'b/val'] },
  { paths: ['./val.json', 'val.json', 'val.json'], are: ['val', 'val (2)', 'val (3)'] },
  { paths: ['C:\\day\\val.json', 'C:\\dark\\val.json'], are: ['day/val', 'dark/val'] },
  { paths: [], are: [] },
])('the sets $paths are called $are', ({ paths, are }) => {
  expect(names(paths)).toEqual(are)
})
