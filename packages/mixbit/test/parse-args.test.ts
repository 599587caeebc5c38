import { ALGORITHMS, COMPUTE_UNITS, NUMERICS, PALETTE_RULES, PRESET_NAMES } from '@mixbit/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CliError } from '../src/cli/cli-error.ts'
import { commonOptions } from '../src/cli/common-options.ts'
import * as options from '../src/cli/options.ts'
import { parseCommandArgs } from '../src/cli/parse-args.ts'
import { hasFlag, numberOption, textOption, textOptions } from '../src/cli/parsed-args.ts'
import { verbs } from '../src/cli/verbs.ts'

const run = verbs.find((verb) => verb.name === 'run') ?? expect.fail('no verb "run"')

test('options are read in any order, in both spellings, and repeated ones in order', async () => {
  const args = await parseCommandArgs(run, [
    '--layer',
    'a=int4',
    'model',
    '--limit=10',
    '-o',
    'out',
    '--layer=b=int8',
    '--no-protect',
    '--max-drop',
    '.01',
  ])
  expect(args.positionals).toEqual(['model'])
  expect(textOptions(args, 'layer')).toEqual(['a=int4', 'b=int8'])
  expect(numberOption(args, 'limit')).toBe(10)
  expect(numberOption(args, 'max-drop')).toBe(0.01)
  expect(textOption(args, 'output')).toBe('out')
  expect(hasFlag(args, 'no-protect')).toBe(true)
  expect(hasFlag(args, 'json')).toBe(false)
  expect(textOption(args, 'preset')).toBeUndefined()
})

test('everything after -- is an argument', async () => {
  const args = await parseCommandArgs(run, ['--', '--model'])
  expect(args.positionals).toEqual(['--model'])
})

test.for([
  { argv: ['--limit', 'x'], says: '--limit needs a whole number from 1 to 1000000000; found "x".' },
  { argv: ['--limit', '0'], says: '--limit needs a whole number from 1 to 1000000000; found "0".' },
  {
    argv: ['--limit', '1e3'],
    says: '--limit needs a whole number from 1 to 1000000000; found "1e3".',
  },
  { argv: ['--limit=-1'], says: '--limit needs a whole number from 1 to 1000000000; found "-1".' },
  {
    argv: ['--limit', '-1'],
    says: '--limit needs a whole number from 1 to 1000000000; found "-1". If that is the value, write --limit=-1.',
  },
  { argv: ['--max-drop', '3'], says: '--max-drop needs a number from 0 to 1; found "3".' },
  { argv: ['--max-drop', 'NaN'], says: '--max-drop needs a number from 0 to 1; found "NaN".' },
  {
    argv: ['--preset', 'fast'],
    says: '--preset must be one of mobile_optimized, balanced, quality_focused, ultra_fast; found "fast". Did you mean "ultra_fast"?',
  },
  { argv: ['--preset'], says: '--preset needs a value (<name>).' },
  { argv: ['--preset='], says: '--preset needs a value (<name>).' },
  {
    argv: ['--eval', '--json'],
    says: '--eval needs a value (<descriptor>); found "--json". If that is the value, write --eval=--json.',
  },
  {
    argv: ['-o', '-x'],
    says: '-o needs a value (<folder>); found "-x". If that is the value, write --output=-x.',
  },
  { argv: ['--json=yes'], says: '--json takes no value; found "yes".' },
  {
    argv: ['--preset', 'balanced', '--preset', 'balanced'],
    says: '--preset is given more than once; it takes one value.',
  },
])('$argv: $says', async ({ argv, says }) => {
  await expect(parseCommandArgs(run, argv)).rejects.toMatchObject({ code: 'usage', message: says })
})

test('reading an option that the command does not have is a mistake in the program', async () => {
  const args = await parseCommandArgs(run, [])
  expect(() => textOption(args, 'colour')).toThrow(TypeError)
})

test('any arguments are read or refused with a code', async () => {
  const word = fc.oneof(
    fc.constantFrom(
      '--limit',
      '--',
      '-',
      '-o',
      '--json',
      '--layer',
      '--no-json',
      '-abc',
      '--=x',
      '--__proto__',
      '--constructor=1',
    ),
    fc.string(),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 6 }), async (argv) => {
      const outcome = await parseCommandArgs(run, argv).then(
        () => 'read',
        (error: unknown) => (error instanceof CliError ? error.code : error),
      )
      expect(['read', 'usage', 'unknown-option']).toContain(outcome)
    }),
  )
})

test('the choices of options are those of core', () => {
  expect(options.preset).toMatchObject({ choices: PRESET_NAMES })
  expect(options.algorithm).toMatchObject({ choices: [...ALGORITHMS, ...PALETTE_RULES] })
  expect(options.computeUnit).toMatchObject({ choices: COMPUTE_UNITS })
  expect(options.numerics).toMatchObject({ choices: NUMERICS })
})

test.for(verbs)('$name has each option and each letter once', (verb) => {
  const all = [...verb.options, ...commonOptions]
  const names = all.flatMap(({ name, short }) => (short === undefined ? [name] : [name, short]))
  expect(names).toEqual([...new Set(names)])
})
