// Shows the results of compare.mjs. By itself it prints the tables of the README from every results.json:
//   node bench/accuracy-int8/tables.mjs <folder of tasks>
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** One task as lines of text. */
export function printTask({ task, samples, floatBytes, floatAccuracy, rows }) {
  const accuracy = floatAccuracy === null ? '' : `, float ${percent(floatAccuracy)} %`
  console.log(`\n${task}: ${samples} samples${accuracy}, ${kilobytes(floatBytes)} kB`)
  console.log(
    'method            accuracy  divergence      kB  int ops      s  CPU s    MB  ours is',
  )
  const widths = [8, 10, 6, 7, 6, 6, 5]
  for (const row of rows) {
    const name = row.method.padEnd(16)
    if (row.failed !== undefined) {
      console.log(`${name}  failed: ${row.failed.slice(0, 160)}`)
      continue
    }
    const cells = [
      row.accuracy === null ? '' : percent(row.accuracy),
      row.score.toExponential(2),
      kilobytes(row.bytes),
      row.integers,
      row.seconds.toFixed(1),
      row.cpuSeconds.toFixed(1),
      megabytes(row.peakBytes),
    ]
    const shown = cells.map((cell, i) => String(cell).padStart(widths[i])).join(' ')
    console.log(`${name}  ${shown}  ${verdictText(row.ours)}`)
  }
}

function verdictText(ours) {
  if (ours === null) return ''
  const labels =
    ours.accuracy === undefined ? '' : `${ours.accuracy} (${ours.gained}:${ours.lost}); divergence `
  return `${labels}${ours.ranks === ours.mean ? ours.ranks : `${ours.ranks} by ranks, ${ours.mean} by mean`}`
}

function percent(fraction) {
  return (100 * fraction).toFixed(2)
}

function kilobytes(bytes) {
  return (bytes / 1000).toFixed(0)
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(0)
}

const METHODS = {
  mixbit: 'mixbit',
  'ort-minmax': 'ORT MinMax',
  'ort-entropy': 'ORT Entropy',
  'ort-percentile': 'ORT Percentile',
  nncf: 'NNCF',
  'mixbit-dynamic': 'mixbit dynamic',
  'ort-dynamic': 'ORT dynamic',
}

/** One Markdown table: a row a task, a column a method. */
function markdown(results, title, cell) {
  console.log(`\n| ${title} | ${Object.values(METHODS).join(' | ')} |`)
  console.log(
    `|---|${Object.keys(METHODS)
      .map(() => '---:|')
      .join('')}`,
  )
  for (const result of results) {
    const cells = Object.keys(METHODS).map((method) => {
      const row = result.rows.find((each) => each.method === method)
      return row === undefined || row.failed !== undefined ? 'failed' : cell(row)
    })
    console.log(`| ${result.task} | ${cells.join(' | ')} |`)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const tasks = process.argv[2] ?? '.'
  const results = readdirSync(tasks)
    .toSorted()
    .map((name) => join(tasks, name, 'results.json'))
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, 'utf8')))
  for (const result of results) printTask(result)
  markdown(
    results.filter(({ floatAccuracy }) => floatAccuracy !== null),
    'accuracy, %',
    ({ accuracy }) => percent(accuracy),
  )
  markdown(results, 'divergence', ({ score }) => score.toPrecision(2))
  markdown(results, 'kB', ({ bytes }) => kilobytes(bytes))
  markdown(results, 'most memory, MB', ({ peakBytes }) => megabytes(peakBytes))
  markdown(
    results,
    'seconds (of all processors)',
    ({ seconds, cpuSeconds }) => `${seconds.toFixed(1)} (${cpuSeconds.toFixed(1)})`,
  )
}
