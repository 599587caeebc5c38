import { modelIo, precisionName, storedBytes } from '@mixbit/core'
import type { LayerPlan, Plan } from '@mixbit/core'
import { hanging, findingLines } from './summary.ts'
import type { Layout } from './summary.ts'
import { formatTable } from './table.ts'
import { formatBytes, formatCount } from './units.ts'

/** What `plan` shows: per component and precision how many weights and bytes, then why. */
export function planText(plan: Plan, layout: Layout): string {
  const head = `${layout.paint('strong', plan.model)}  ${plan.preset === null ? '' : `${plan.preset} `}for ${plan.target}, ${formatBytes(plan.bytes)} of weights`
  const sections = [
    [head],
    groupLines(plan, layout),
    reasonLines(plan, layout),
    ioLines(plan, layout),
  ]
  const findings = findingLines(plan.findings, layout)
  return [...sections, ...(findings.length > 0 ? [findings] : [])]
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')
}

function groupLines(plan: Plan, layout: Layout): readonly string[] {
  const groups = grouped(plan.layers, (layer) =>
    [layer.component, precisionName(layer.scheme), layer.form].join('\0'),
  )
  const rows = groups.map(([key, layers]) => {
    const [component = '', precision = '', form = ''] = key.split('\0')
    return [component, precision, shortForm(form), formatCount(layers.length), sizeOf(layers)]
  })
  return formatTable(
    [
      { title: 'component', align: 'left' },
      { title: 'precision', align: 'left' },
      { title: 'stored as', align: 'left' },
      { title: 'weights', align: 'right' },
      { title: 'size', align: 'right' },
    ],
    rows,
    layout,
  )
}

/** Reasons beyond what was asked for, with how many weights each concerns. */
function reasonLines(plan: Plan, layout: Layout): readonly string[] {
  const reasons = plan.layers.flatMap((layer) => layer.reasons.slice(1))
  const groups = grouped(reasons, (reason) => reason)
  if (groups.length === 0) return []
  const title = 'weights'
  return [
    layout.paint('faint', `${title}  changed because`),
    ...groups.flatMap(([reason, all]) => {
      const count = formatCount(all.length).padStart(title.length)
      return hanging(`${count}  `, title.length + 2, reason, layout.width)
    }),
  ]
}

/** Inputs and outputs that are integers, and what their codes stand for. */
function ioLines(plan: Plan, layout: Layout): readonly string[] {
  const io = modelIo(plan)
  if (io === null) return []
  const rows = (['inputs', 'outputs'] as const).flatMap((side) =>
    io[side].map(({ name, dtype, scale, zeroPoint }) => [
      side.slice(0, -1),
      name,
      dtype,
      `${scale.toPrecision(6)} * (code - ${zeroPoint})`,
    ]),
  )
  return formatTable(
    [
      { title: '', align: 'left' },
      { title: 'tensor', align: 'left' },
      { title: 'type', align: 'left' },
      { title: 'stands for', align: 'left' },
    ],
    rows,
    layout,
  )
}

/** Operations of Core ML without what all of their names begin with. */
function shortForm(form: string): string {
  return form.replaceAll('constexpr_', '')
}

/** How many values a mask keeps is known when the weight is encoded. */
function sizeOf(layers: readonly LayerPlan[]): string {
  const isMost = layers.some(({ bytes }) => bytes.isMost === true)
  return `${isMost ? '≤ ' : ''}${formatBytes(storedBytes(layers))}`
}

function grouped<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
): readonly (readonly [string, readonly Item[]])[] {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return [...groups]
}
