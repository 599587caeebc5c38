// Time, memory and error of compressing a large Core ML package, beside coremltools:
//   npm run -s bench:coreml-compress -- [--package <made before>] ['precision [algorithm]' ...]
// Makes a package of 428 MB with 102 layers, then lets Mixbit and coremltools write each form, one after the
// other, each in a process of its own: whole command, largest resident set; of five runs each the fastest,
// unless coremltools needs more than a minute. The error is that of the decoded weights. PYTHON names an
// interpreter with oracles/requirements.txt; else .venv, else python3. Needs 1.5 GB of disk; coremltools takes
// some 10 minutes for palettes in groups.
//   ... -- --large      a package of 1.3 GB, by Mixbit alone, within 700 MB
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { printFigure, root, runMixbit } from '../run-mixbit.mjs'

/** A form, and for Mixbit an algorithm: coremltools rounds integers to nearest and clusters by k-means. */
const PRECISIONS = ['int8', 'int4', 'int4 round', 'palette4', 'palette4/g16']

const RUNS = 5
const LONG_SECONDS = 60

const MEGABYTES = 420
const LARGE_MEGABYTES = 1300
const MOST_MEGABYTES = 700

const args = process.argv.slice(2)
const isLarge = take('--large')
const given = takeValue('--package')
const precisions = args.length > 0 ? args : PRECISIONS
const python = pythonPath()
const folder = mkdtempSync(join(tmpdir(), 'mixbit-coreml-'))
try {
  const source = given ?? makePackage(isLarge ? LARGE_MEGABYTES : MEGABYTES)
  for (const precision of precisions) {
    if (isLarge) compressAlone(source, precision)
    else compare(source, precision)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function compressAlone(source, precision) {
  const output = join(folder, 'large.mlpackage')
  rmSync(output, { recursive: true, force: true })
  const { seconds, peakBytes } = byMixbit(source, precision, output)
  console.log(precision)
  printFigure('whole command', Number(seconds.toFixed(1)), 's')
  printFigure('maximum resident set', Math.round(peakBytes / 1e6), 'MB', MOST_MEGABYTES)
}

function compare(source, precision) {
  const paths = ['mixbit', 'coremltools'].map((name) => join(folder, `${name}.mlpackage`))
  const { ours, theirs } = fastest(source, precision, paths)
  const [mixbit, peer] = runPython('errors.py', [source, ...paths])
  const row = (name, run, { bytes, mse, compressed }) => [
    name,
    run.seconds.toFixed(1),
    run.cpuSeconds.toFixed(1),
    (run.peakBytes / 1e6).toFixed(0),
    (bytes / 1e6).toFixed(1),
    mse.toExponential(4),
    compressed,
  ]
  const ratio = (a, b) => (a / b).toPrecision(3)
  print(precision, [
    ['', 's', 's of processors', 'MB of memory', 'MB of package', 'MSE', 'weights'],
    row('Mixbit', ours, mixbit),
    row('coremltools', theirs, peer),
    [
      'ratio',
      `${ratio(theirs.seconds, ours.seconds)} times faster`,
      `${ratio(theirs.cpuSeconds, ours.cpuSeconds)} times less`,
      ratio(ours.peakBytes, theirs.peakBytes),
      (mixbit.bytes / peer.bytes).toFixed(4),
      (mixbit.mse / peer.mse).toFixed(4),
      '',
    ],
  ])
  for (const path of paths) rmSync(path, { recursive: true })
}

/** The fastest run of each, which take turns; one run alone where coremltools needs long. */
function fastest(source, precision, [path, peerPath]) {
  const [form] = precision.split(' ')
  const runs = []
  for (let run = 0; run < RUNS && !(runs[0]?.theirs.seconds > LONG_SECONDS); run++) {
    for (const made of [path, peerPath]) rmSync(made, { recursive: true, force: true })
    const ours = byMixbit(source, precision, path)
    runs.push({ ours, theirs: runPython('peer.py', [source, form, peerPath]) })
  }
  const least = (name) =>
    runs.map((run) => run[name]).reduce((a, b) => (b.seconds < a.seconds ? b : a))
  return { ours: least('ours'), theirs: least('theirs') }
}

function byMixbit(source, precision, output) {
  const [form, algorithm] = precision.split(' ')
  const chosen = algorithm === undefined ? [] : ['--algorithm', algorithm]
  return runMixbit(['quantize', source, '--precision', form, ...chosen, '-o', output, '--quiet'])
}

function makePackage(megabytes) {
  const path = join(folder, 'source.mlpackage')
  runPython('make_package.py', [path, megabytes])
  return path
}

/** What the script prints last, as JSON if it is that. */
function runPython(script, values) {
  const { status, stdout, stderr, error } = spawnSync(
    python,
    ['-W', 'ignore', join(root, 'bench', 'coreml-compress', script), ...values.map(String)],
    { encoding: 'utf8', maxBuffer: 2 ** 28 },
  )
  if (error) throw error
  if (status !== 0) throw new Error(`${script} ended with ${status}\n${stderr}`)
  const last = stdout.trim().split('\n').at(-1)
  if (/^[[{]/u.test(last)) return JSON.parse(last)
  console.log(last)
  return last
}

function print(title, rows) {
  console.log(title)
  for (const [name, ...cells] of rows) {
    console.log(' ', String(name).padEnd(12), ...cells.map((cell) => String(cell).padStart(18)))
  }
}

function take(name) {
  const at = args.indexOf(name)
  if (at !== -1) args.splice(at, 1)
  return at !== -1
}

function takeValue(name) {
  const at = args.indexOf(name)
  return at === -1 ? undefined : args.splice(at, 2)[1]
}

function pythonPath() {
  const local = join(root, '.venv', 'bin', 'python')
  return process.env.PYTHON ?? (existsSync(local) ? local : 'python3')
}
